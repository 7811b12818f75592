"""The user's ssh configuration, read for the machines on the way to a session. No threads; reads a few small files.

``Include`` is ours (paramiko has none); everything else is paramiko's parser. Names are checked before they are looked
up: they end up in the user's ProxyCommand, and a session's address comes from its task.
"""

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paramiko import SSHConfig, SSHException
from paramiko.config import SSHConfigDict

from desktop_app.domain.problems import failure
from desktop_app.domain.route import Hop

INCLUDE_DEPTH = 16
SAFE_NAME = re.compile(r"[A-Za-z0-9_.:][A-Za-z0-9_.:-]*")
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What the configuration says about one host. ``name`` is what known_hosts calls it."""

    name: str
    host: str
    port: int
    user: str
    proxy_jump: tuple[Hop, ...]
    proxy_command: str
    identity_files: tuple[Path, ...]
    identities_only: bool
    known_hosts: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class UserSshConfig:
    """The user's file, then the system's, as ssh reads them. Problems of both methods: route.config"""

    def __init__(self) -> None:
        self._folder = Path.home() / ".ssh"
        files = (self._folder / "config", _system_folder() / "ssh_config")
        self._text = "\n".join("\n".join(_lines(path, self._folder, 0)) for path in files)

    def lookup(self, hop: Hop) -> HostSettings:
        """What the route says itself comes first, as words on ssh's command line do."""
        if not SAFE_NAME.fullmatch(hop.host) or (hop.user and not SAFE_NAME.fullmatch(hop.user)):
            raise failure("route.config", why="A host's or user's name holds characters that no name has.")
        said = [f"Host {hop.host}"]
        said += [f"Port {hop.port}"] if hop.port else []
        said += [f"User {hop.user}"] if hop.user else []
        try:
            found = SSHConfig.from_text("\n".join([*said, self._text])).lookup(hop.host)
            return self._settings(hop, found)
        except (SSHException, ValueError, LookupError, ImportError, OSError) as error:
            # ImportError: "Match exec" needs a library that we don't bring
            raise failure("route.config", why=f"{error}".strip() or type(error).__name__) from None

    def _settings(self, hop: Hop, found: SSHConfigDict) -> HostSettings:
        host, port = found["hostname"], int(found.get("port", SSH_PORT))
        shown = found.get("hostkeyalias") or host
        keys = found.get("identityfile") or [str(self._folder / name) for name in DEFAULT_KEYS]
        return HostSettings(
            name=shown if port == SSH_PORT or "hostkeyalias" in found else f"[{shown}]:{port}",
            host=host,
            port=port,
            user=found.get("user") or _local_user(),
            proxy_jump=_jumps(found.get("proxyjump", "")),
            proxy_command=_unless_none(found.get("proxycommand") or ""),
            identity_files=tuple(Path(key).expanduser() for key in keys),
            identities_only=found.get("identitiesonly", "no").lower() == "yes",
            known_hosts=self._known_hosts(found),
        )

    def _known_hosts(self, found: SSHConfigDict) -> tuple[Path, ...]:
        own = found.get("userknownhostsfile", "").split() or [str(self._folder / "known_hosts")]
        shared = found.get("globalknownhostsfile", "").split() or [str(_system_folder() / "ssh_known_hosts")]
        return tuple(Path(name).expanduser() for name in (*own, *shared))


def _lines(path: Path, folder: Path, depth: int) -> Iterator[str]:
    """The file's lines with its Includes in place; a block goes on after an Include inside it."""
    if depth > INCLUDE_DEPTH:
        raise failure("route.config", why="Its files include each other in a circle.")
    try:
        text = path.read_text("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise failure("route.config", why=f"{path} can't be read: {error.strerror}.") from None
    block = "Host *"
    if depth == 0:
        yield block  # its first lines are nobody else's
    for line in text.splitlines():
        key, _, value = line.strip().replace("=", " ", 1).partition(" ")
        if key.lower() in ("host", "match"):
            block = line
        if key.lower() != "include":
            yield line
            continue
        for pattern in value.split():
            for included in _included(pattern.strip('"'), folder):
                yield block
                yield from _lines(included, folder, depth + 1)
        yield block


def _included(pattern: str, folder: Path) -> list[Path]:
    path = Path(pattern).expanduser()
    path = path if path.is_absolute() else folder / path
    anchor = Path(path.anchor)
    return sorted(anchor.glob(str(path.relative_to(anchor))))


def _jumps(text: str) -> tuple[Hop, ...]:
    """``user@host:port,…`` as OpenSSH writes it."""
    return tuple(_jump(part.strip()) for part in _unless_none(text).split(",") if part.strip())


def _jump(text: str) -> Hop:
    user, _, place = text.removeprefix("ssh://").rpartition("@")
    host, port = place, ""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    if port and not port.isdigit():
        raise failure("route.config", why=f"“{text}” is no jump host.")
    return Hop(host, int(port or 0), user)


def _unless_none(text: str) -> str:
    return "" if text.strip().lower() == "none" else text


def _local_user() -> str:
    name = os.environ.get("USER") or os.environ.get("LOGNAME") or os.environ.get("USERNAME") or ""
    if name or sys.platform == "win32":
        return name
    import pwd  # not on Windows

    return pwd.getpwuid(os.getuid()).pw_name


def _system_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "ssh"
    return Path("/etc/ssh")
