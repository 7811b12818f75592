"""What the desktop knows about an application, as data. Standard library only, Python 3.8, any operating system."""

from dataclasses import dataclass, field
from typing import Dict


@dataclass(frozen=True)
class Login:
    """How a browser gets in: an HTML form that the desktop's single-use page submits to the forwarded port.

    Field values may hold ``{secret}`` (the application's token or password) and ``{origin}`` (http://127.0.0.1:PORT).
    """

    method: str  # "get" or "post"
    path: str
    fields: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AppSpec:
    """One application of a session: everything the desktop shows or forwards is read from here."""

    key: str  # also the name of its launch option and of its hyper-parameter
    label: str
    icon: str  # file stem in assets/icons
    local_port: int  # preferred port on 127.0.0.1 of the user's computer
    opens: str  # "browser" or "terminal"
    login: Login = field(default_factory=lambda: Login("get", "/"))
