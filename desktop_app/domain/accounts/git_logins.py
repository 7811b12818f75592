"""Git logins and settings of the user, as git keeps them: lines of ``~/.git-credentials``, names of ``git config``.

Pure. Passwords never show in a representation; what this can't read is left out, never guessed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from remote_bootstrap.contract.git import BY_PATH, GitLogin, is_line, is_safe

PROTOCOLS = ("https", "http")


@dataclass(frozen=True, slots=True)
class GitIdentity:
    """What a session is given. The first login that fits counts."""

    logins: tuple[GitLogin, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def where(login: GitLogin) -> str:
    """Return the login without its password, as users know it."""
    return f"{login.username}@{login.host}" if login.username else login.host


def parse_login(line: str) -> GitLogin | None:
    """Read ``https://user:password@host:port/path`` with percent escapes; None for anything else."""
    try:
        parts = urlsplit(line.strip())
        host = unquote(parts.netloc.rpartition("@")[2])  # git writes a port's colon as %3a
        found = GitLogin(
            parts.scheme,
            host,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            unquote(parts.path).strip("/"),
        )
    except ValueError:
        return None
    texts = (found.host, found.username, found.password, found.path)
    if found.protocol not in PROTOCOLS or not found.host or not found.password or not all(map(is_line, texts)):
        return None
    return found


def parse_logins(text: str) -> tuple[GitLogin, ...]:
    """Return the usable lines of a file of ``git credential-store``."""
    found = (parse_login(line) for line in text.splitlines())
    return tuple(login for login in found if login is not None)


def parse_settings(listing: str) -> dict[str, str]:
    """Return the safe ones of ``git config --list -z``; the last of several values counts, as in git."""
    found: dict[str, str] = {}
    for entry in listing.split("\0"):
        name, newline, value = entry.partition("\n")
        if not newline:
            value = "true"  # a name alone
        section, dot, rest = name.partition(".")
        place, point, key = rest.rpartition(".")
        name = f"{section.lower()}{dot}{place}{point}{key.lower()}"  # an address is not in small letters
        if is_safe(name) and (newline or BY_PATH.fullmatch(name)) and is_line(value):
            found[name] = value
    return found


def dumps(logins: Iterable[GitLogin]) -> str:
    """Return them as text for the keyring."""
    return json.dumps([login.to_json() for login in logins], ensure_ascii=False, separators=(",", ":"))


def loads(text: str | None) -> tuple[GitLogin, ...]:
    """Read what ``dumps`` wrote; nothing for anything else."""
    try:
        rows = json.loads(text or "[]")
        return tuple(GitLogin.from_json(row) for row in rows)
    except (ValueError, TypeError):
        return ()
