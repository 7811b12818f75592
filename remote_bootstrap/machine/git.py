"""Git in a session: the user's logins, kept in memory only, and a git configuration of the session's own.

The desktop delivers logins and settings over the control channel; git asks for them through a helper program that asks
the session's control socket. The machine's own git configuration is read, and never written. Any thread.
"""

import os
import re
import shlex
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence, Tuple

from remote_bootstrap.contract.git import BY_PATH, SAFE_SETTINGS, GitLogin, is_line

GLOBAL_SINCE = (2, 32)  # the first git that heeds GIT_CONFIG_GLOBAL
VERSION_SECONDS = 10.0
HELPER = "git-credential-sessiondock"


def fits(login: GitLogin, asked: Mapping[str, str]) -> bool:
    """True if the login fits, as in git's own store: protocol and host must agree; path and user name where both name
    one."""
    if (login.protocol, login.host.lower()) != (asked.get("protocol"), asked.get("host", "").lower()):
        return False
    path, username = asked.get("path", ""), asked.get("username", "")
    return (not path or not login.path or path == login.path) and (not username or username == login.username)


class GitLogins:
    """What was delivered. The newest delivery replaces the one before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logins: Tuple[GitLogin, ...] = ()

    def replace(self, logins: Sequence[GitLogin]) -> None:
        with self._lock:
            self._logins = tuple(logins)

    def find(self, asked: Mapping[str, str]) -> Optional[GitLogin]:
        with self._lock:
            fitting = [login for login in self._logins if fits(login, asked)]
        path = asked.get("path", "")  # the one for just this place before one for the whole host
        return next((login for login in fitting if path and login.path == path), fitting[0] if fitting else None)


def variables(home: Path) -> Dict[str, str]:
    """Return the variables by which every git of the session reads ``<home>/gitconfig``."""
    own = str(home / "gitconfig")
    if _version() >= GLOBAL_SINCE:
        return {"GIT_CONFIG_GLOBAL": own}
    # What "git -c include.path=…" hands to its children; git older than 2.32 has no other way that leaves files alone.
    return {"GIT_CONFIG_PARAMETERS": "'include.path=%s'" % str(home / "git-settings").replace("'", "'\\''")}


def _version() -> Tuple[int, ...]:
    """Return the version of this machine's git; where there is none, one that is installed later is a new one."""
    git = shutil.which("git")
    if git is None:
        return GLOBAL_SINCE
    try:
        done = subprocess.run(
            [git, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return GLOBAL_SINCE
    version = re.search(rb"(\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in version.groups()) if version else GLOBAL_SINCE


def config_text(home: Path) -> str:
    """Return ``gitconfig``: the machine's own first, then what was delivered; what users add later comes last and
    counts."""
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    includes = ("%s/git/config" % folder, "~/.gitconfig", str(home / "git-settings"))
    return "# Of this session only. Git's settings of this machine come first.\n[include]\n" + "".join(
        "\tpath = %s\n" % _quoted(path) for path in includes
    )


def settings_text(settings: Mapping[str, str], helper: Optional[Path]) -> str:
    """Return ``git-settings``: the delivered settings, and our helper in place of the machine's, which would keep a
    copy of what works."""
    lines = []
    for name in (*SAFE_SETTINGS, *sorted(one for one in settings if BY_PATH.fullmatch(one))):
        value = settings.get(name)
        if isinstance(value, str) and is_line(value):
            section, _, rest = name.partition(".")
            place, _, key = rest.rpartition(".")
            head = "%s %s" % (section, _quoted(place)) if place else section
            lines.append("[%s]\n\t%s = %s\n" % (head, key, _quoted(value)))
    if helper is not None:
        own = _quoted("!" + shlex.quote(str(helper)))
        lines.append("[credential]\n\thelper =\n\thelper = %s\n" % own)
    return "".join(lines)


def _quoted(value: str) -> str:
    return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')


def parse_attributes(text: str) -> Dict[str, str]:
    """Return what git tells a credential helper: lines of ``name=value``."""
    parts = [line.partition("=") for line in text.splitlines()]
    return {name: value for name, equals, value in parts if equals}
