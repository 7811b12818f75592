"""The applications of a session as data: what the desktop shows, forwards and logs in to. Python 3.8, any system.

How each is installed and run is in ``remote_bootstrap.apps``, which the desktop never imports.
"""

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


JUPYTERLAB = AppSpec(
    key="jupyterlab",
    label="JupyterLab",
    icon="app-jupyterlab",
    local_port=8878,
    opens="browser",
    login=Login("get", "/lab", {"token": "{secret}"}),
)
VSCODE = AppSpec(
    key="vscode",
    label="VS Code",
    icon="app-vscode",
    local_port=8898,
    opens="browser",
    login=Login("post", "/login", {"password": "{secret}", "base": ".", "href": "{origin}/login"}),
)
# The way in: always there, and started by the runner itself.
SSH = AppSpec(key="ssh", label="SSH", icon="app-terminal", local_port=8022, opens="terminal")

APPS = (JUPYTERLAB, VSCODE, SSH)
BY_KEY = {spec.key: spec for spec in APPS}
