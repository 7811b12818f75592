"""What an ssh configuration says about one host, and the names that stand for something in it. No threads; no files."""

import getpass
import hashlib
import os
import re
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from desktop_app.domain.access.route import Hop
from desktop_app.domain.problems import failure

SSH_PORT = 22
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
SAFE_NAME = re.compile(r"[A-Za-z0-9_.:][A-Za-z0-9_.:+%-]*")
# OpenSSH's own rule for users (valid_ruser): they may stand in a ProxyCommand. Directories use @, \ and blanks.
_UNSAFE_USER = re.compile(r"^-|[\x00-\x1f\x7f'`\"$;&<>|(){}]|\s-|\\$")
_TOKEN = re.compile(r"%(.)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class HostSettings:
    """``name`` is what known_hosts calls it, ``words`` what the user gives to ssh to get there. ``agent``: the socket
    of an ssh-agent, "" = the usual one, "none" = no agent at all."""

    name: str
    host: str
    port: int
    user: str
    proxy_jump: tuple[Hop, ...]
    proxy_command: str
    identity_files: tuple[Path, ...]
    identities_only: bool
    known_hosts: tuple[Path, ...]
    agent: str = ""
    words: str = ""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def check_names(hop: Hop) -> None:
    """Refuse names that could harm in the user's ProxyCommand: a session's address comes from its task. Problems:
    route.config"""
    if not SAFE_NAME.fullmatch(hop.host) or _UNSAFE_USER.search(hop.user):
        raise failure("route.config", why="A host's or user's name holds characters that no name has.")


def settings_of(hop: Hop, said: Mapping[str, list[str]]) -> HostSettings:
    """Return how to reach a host. ``said``: directive in lower case -> its values, several where ssh takes them.
    Problems: route.config"""

    def one(key: str, default: str = "") -> str:
        return (said.get(key) or [default])[0]

    host, port = one("hostname", hop.host), int(one("port") or SSH_PORT)
    user, alias = one("user") or local_user(), one("hostkeyalias")
    meanings = _meanings(hop.host, host, port, user, alias)
    shown = alias or host
    keys = said.get("identityfile") or [str(folder() / name) for name in DEFAULT_KEYS]
    return HostSettings(
        name=shown if port == SSH_PORT or alias else f"[{shown}]:{port}",
        host=host,
        port=port,
        user=user,
        proxy_jump=jumps(one("proxyjump")),
        proxy_command=_filled(unless_none(one("proxycommand")), meanings, braces=False),
        identity_files=tuple(_path(key, meanings) for key in keys if unless_none(key)),
        identities_only=one("identitiesonly").lower() in ("yes", "true"),
        known_hosts=tuple(_path(name, meanings) for name in _known_hosts(said) if unless_none(name)),
        agent=_agent(one("identityagent"), meanings),
        words=_words(hop, port),
    )


def _known_hosts(said: Mapping[str, list[str]]) -> Iterable[str]:
    own = said.get("userknownhostsfile") or [str(folder() / "known_hosts"), str(folder() / "known_hosts2")]
    shared = said.get("globalknownhostsfile") or [str(system_folder() / "ssh_known_hosts")]
    return (*own, *shared)


def _words(hop: Hop, port: int) -> str:
    """Return what to type after ``ssh``: the name that the configuration knows, and what it may not say."""
    said = ["-p", str(port)] if port != SSH_PORT else []
    return " ".join([*said, *(["-l", hop.user] if hop.user else []), hop.host])


def jumps(text: str) -> tuple[Hop, ...]:
    """Return the hops of ``user@host:port,…``, as OpenSSH writes it; the last @ ends the user. Problems:
    route.config"""
    return tuple(_jump(part.strip()) for part in unless_none(text.strip('"')).split(",") if part.strip())


def _jump(text: str) -> Hop:
    user, _, place = text.removeprefix("ssh://").rpartition("@")
    if text.startswith("ssh://"):
        user, place = re.sub("%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), user), place.rstrip("/")
    host, port = place, ""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    if not host or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
        raise failure("route.config", why=f"“{text}” is no jump host.")
    return Hop(host, int(port or 0), user)


def unless_none(text: str) -> str:
    return "" if text.strip().lower() == "none" else text


def _agent(text: str, meanings: Mapping[str, str]) -> str:
    if text.lower() == "none":
        return "none"
    if text in ("", "SSH_AUTH_SOCK"):
        return ""
    if text.startswith("$"):  # the name of another variable
        return os.environ.get(text.strip("${}"), "") or "none"
    return str(_path(text, meanings))


def _path(text: str, meanings: Mapping[str, str]) -> Path:
    return Path(os.path.expanduser(_filled(text, meanings)))  # noqa: PTH111  pathlib raises for unknown users


def _filled(text: str, meanings: Mapping[str, str], braces: bool = True) -> str:
    def meant(found: re.Match[str]) -> str:
        if found[2]:
            return os.environ.get(found[2], found[0]) if braces else found[0]
        return meanings.get(found[1], found[0])

    return _TOKEN.sub(meant, text)


def _meanings(asked: str, host: str, port: int, user: str, alias: str) -> dict[str, str]:
    """Return the meanings of the tokens of ssh_config(5)."""
    local = socket.gethostname()
    joined = f"{local}{host}{port}{user}"
    return {
        "%": "%", "h": host, "n": asked, "p": str(port), "r": user, "u": local_user(), "d": str(Path.home()),
        "l": local,
        "L": local.partition(".")[0], "k": alias or asked, "j": "", "C": hashlib.sha1(joined.encode()).hexdigest(),  # noqa: S324  ssh's own
        "i": str(os.getuid()) if hasattr(os, "getuid") else "", "f": "", "H": asked, "I": "NONE", "t": "NONE", "K": "",
        "T": "NONE",
    }  # fmt: skip


def local_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # a container's user without an account
        return ""


def folder() -> Path:
    """Return the folder of the user's own configuration."""
    return Path.home() / ".ssh"


def system_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "ssh"
    return Path("/etc/ssh")
