"""A small ssh-agent that serves a session's key from memory at an address that stays the same for that session.

So the real ssh, scp, rsync, git and editors log in while no private key lies in a file, and what names the address (our
ssh config file) stays right when the app restarts. One thread accepts, one serves each client; both end with
``close``. A Unix socket; on Windows a named pipe (``pipe``).
"""

import contextlib
import hashlib
import logging
import os
import socket
import stat
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from desktop_app.adapters.ssh.agent.pipe import PipeDoor
from desktop_app.adapters.ssh.agent.protocol import AgentKeys, Framer
from desktop_app.adapters.ssh.wire_format import Damaged, string
from desktop_app.domain.problems import failure

CLIENTS = 64
PATH_LIMIT = 100  # bytes of a socket address, less a margin (108 on Linux, 104 on macOS)
IDLE_SECONDS = 300.0
CHUNK = 64 * 1024

log = logging.getLogger(__name__)


class Client(Protocol):
    """One program that asks. OSError when it is gone."""

    def receive(self) -> bytes:
        """Return some bytes; b"" at the end."""

    def send(self, data: bytes) -> None: ...

    def hang_up(self) -> None:
        """Wake whoever waits in ``receive``, and close. Any thread."""


class Door(Protocol):
    """Where clients come in."""

    def accept(self) -> Client | None:
        """Return the next client, None for one that is not welcome. OSError once the door is closed."""

    def close(self) -> None:
        """Wake whoever waits in ``accept``. Any thread."""


def agent_address(folder: Path, name: str) -> str:
    """Return where the agent for ``name`` listens: always the same for the same user, folder and name.

    A path below ``folder``, unless that is too long for a socket or can't be written down in an ssh configuration for a
    shell command; then below a folder of this user in /tmp, which is made.
    """
    digest = hashlib.sha256(f"{folder}\n{name}".encode()).hexdigest()[:12]
    if sys.platform == "win32":
        return rf"\\.\pipe\sessiondock-agent-{digest}"
    path = folder / f"agent-{digest}"
    if len(os.fsencode(path)) <= PATH_LIMIT and not set(str(path)) & set("\"'\\%$`!\n"):
        return str(path)
    return str(temporary_folder(Path("/tmp")) / f"agent-{digest}")  # noqa: S108 (0700, and only if it is ours)


def temporary_folder(top: Path) -> Path:
    """Return a folder of this user's own in one that everybody can write into, where another user may have taken the
    name that we would: then one with a random name, and always the same from then on."""
    usual = top / f"sessiondock-{os.getuid()}"
    for one in (usual, *sorted(top.glob(f"{usual.name}-*"))):
        with contextlib.suppress(OSError):
            one.mkdir(mode=0o700, exist_ok=True)
            about = one.lstat()
            if stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid():
                return one
    return Path(tempfile.mkdtemp(prefix=f"{usual.name}-", dir=top))


class SshAgent:
    """Serves the keys of one address. Thread-safe."""

    def __init__(self, address: str, door: Callable[[str], Door] | None = None) -> None:
        """Open nothing before ``start``. ``door``: another than this system's."""
        self.address = address
        self._new_door = door or _door
        self.keys = AgentKeys()
        self._lock = threading.Lock()
        self._clients: set[Client] = set()
        self._threads: list[threading.Thread] = []
        self._door: Door | None = None

    def start(self) -> None:
        """Open the door; idempotent. Problems: ssh.agent"""
        with self._lock:
            if self._door is None:
                try:
                    self._door = self._new_door(self.address)
                except OSError as error:
                    why = f"SessionDock could not open {self.address}: {error.strerror or error}."
                    raise failure("ssh.agent", why=why) from None
                self._spawn(partial(self._accept, self._door), "ssh-agent")

    def close(self) -> None:
        """Forget the keys, close the door, wait for the threads. ``start`` may follow."""
        with self._lock:
            door, self._door = self._door, None
            self.keys.clear()
            clients, threads = list(self._clients), list(self._threads)
        if door is None:
            return
        door.close()
        for client in clients:
            client.hang_up()
        for thread in threads:
            thread.join(1.0)

    # --- inside

    def _spawn(self, work: Callable[[], None], name: str) -> None:
        """Begin the thread; the lock is held."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        thread.start()

    def _accept(self, door: Door) -> None:
        while True:
            try:
                client = door.accept()
            except OSError:
                return  # closed
            if client is None:
                continue
            with self._lock:
                welcome = self._door is door and len(self._clients) < CLIENTS
                if welcome:
                    self._clients.add(client)
                    self._spawn(partial(self._serve, client), "ssh-agent-client")
            if not welcome:
                client.hang_up()

    def _serve(self, client: Client) -> None:
        framer = Framer()
        try:
            while data := client.receive():
                for message in framer.feed(data):
                    client.send(string(self.keys.answer(message)))
        except (OSError, Damaged) as error:
            log.debug("an ssh-agent client left: %s", error)
        finally:
            with self._lock:
                self._clients.discard(client)
            client.hang_up()


def _door(address: str) -> Door:
    return PipeDoor(address) if sys.platform == "win32" else SocketDoor(Path(address))


class SocketDoor(Door):
    """A Unix socket in a folder of this user. OSError when it can't be opened."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent.lstat().st_uid != os.getuid():
            raise PermissionError(1, "its folder belongs to another user")
        path.parent.chmod(0o700)
        path.unlink(missing_ok=True)  # of a process that was killed: a session has one holder at a time
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(str(path))
            path.chmod(0o600)
            self._socket.listen(16)
            self._inode = path.stat().st_ino
        except OSError:
            self._socket.close()
            raise

    def accept(self) -> "SocketClient | None":
        connection, _ = self._socket.accept()
        if not _same_user(connection):
            connection.close()
            return None
        return SocketClient(connection)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with contextlib.suppress(OSError):  # the next holder of the session may have put its own socket there
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()


class SocketClient(Client):
    """A program on the other end of a Unix socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.settimeout(IDLE_SECONDS)

    def receive(self) -> bytes:
        return self._connection.recv(CHUNK)

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):  # ended by itself
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def _same_user(client: socket.socket) -> bool:
    """True if this user called, where the system tells (Linux); elsewhere the folder's mode has to keep others out."""
    if sys.platform != "linux":
        return True
    _, uid, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return bool(uid == os.getuid())
