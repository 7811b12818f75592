"""A user's git logins and settings on their way into a session: what both halves call them, and what may travel.

Pure; any thread. The desktop finds and keeps them (``desktop_app.domain.accounts.git_logins``), the session's git asks
for them (``remote_bootstrap.machine.git``). Passwords never show in a representation.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Dict

# Who the user is and how git behaves; nothing that runs a program or names a file.
SAFE_SETTINGS = (
    "user.name",
    "user.email",
    "init.defaultbranch",
    "pull.rebase",
    "pull.ff",
    "push.default",
    "push.autosetupremote",
    "fetch.prune",
    "rebase.autostash",
    "rebase.autosquash",
    "merge.conflictstyle",
    "diff.algorithm",
    "color.ui",
    "core.quotepath",
)
# Whether git tells logins of one host apart by the path, for all hosts or for those below an address.
BY_PATH = re.compile(r"credential\.(https?://[^\s\"\\]+\.)?usehttppath")
FIELDS = ("protocol", "host", "username", "password", "path")


@dataclass(frozen=True)
class GitLogin:
    """One login, as git's credential protocol knows it. ``host`` holds the port, if any; ``path`` is mostly empty."""

    protocol: str
    host: str
    username: str
    password: str = field(repr=False)
    path: str = ""

    def to_json(self) -> Dict[str, str]:
        return {name: getattr(self, name) for name in FIELDS}

    @classmethod
    def from_json(cls, value: Any) -> "GitLogin":
        """Read a login. Raises ValueError for what is not a whole one."""
        if not isinstance(value, dict):
            raise ValueError("a git login is not a JSON object")
        texts = {name: value.get(name, "") for name in FIELDS}
        if not all(isinstance(text, str) and is_line(text) for text in texts.values()):
            raise ValueError("a git login is not text of one line")
        if not (texts["protocol"] and texts["host"] and texts["password"]):
            raise ValueError("a git login lacks its protocol, host or password")
        return cls(**texts)


def is_safe(name: str) -> bool:
    """True if a setting, its name in small letters but for the address in it, may travel."""
    return name in SAFE_SETTINGS or BY_PATH.fullmatch(name) is not None


def is_line(text: str) -> bool:
    """True if git's protocols and files can hold it."""
    return not set(text) & set("\0\r\n")
