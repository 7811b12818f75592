"""How a page of this computer's loopback is reached where no browser runs here: from the computer that one sits at."""

import getpass
import os
import platform
from collections.abc import Mapping
from urllib.parse import urlsplit

from desktop_app.domain.problems import AppError, failure


def no_browser(url: str, leads_to: int = 0, environment: Mapping[str, str] = os.environ) -> AppError:
    """Return the problem that says what to do with an address that no browser here took.

    ``leads_to``: the port that its page sends the browser to.

    A shell that came over ssh knows the address at which this computer was reached (SSH_CONNECTION).
    """
    ports = [port for port in (leads_to, urlsplit(url).port or 80) if port]
    here = (environment.get("SSH_CONNECTION") or "").split()
    host = here[2] if len(here) == 4 else platform.node() or "this-computer"
    forwards = " ".join(f"-L {port}:127.0.0.1:{port}" for port in dict.fromkeys(ports))
    then = "then open it there."
    if leads_to:
        then = "then let “sessiondock open SESSION --print”, here, make a new address for it (the ports stay)."
    how = (
        f"In a browser on this computer, open {url}{' within 30 seconds' if leads_to else ''}. From another computer, "
        f"forward its port{'s' if leads_to else ''} first: ssh -N {forwards} {_user()}@{host}, {then}"
    )
    return failure("open.no_browser", how=how)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a number without a name, as in a container
        return "you"
