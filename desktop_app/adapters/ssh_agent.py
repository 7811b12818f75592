"""A small ssh-agent that serves session keys from memory, and the command line with which OpenSSH uses it.

So the real ssh, scp, rsync and git log in while no private key lies in a file and the user's ~/.ssh is neither read nor
written. The protocol is draft-miller-ssh-agent; only "list keys" and "sign" are answered, everything else is refused.
One thread accepts, one serves each client; both end with ``close``. Unix sockets only: Python has none on Windows,
where OpenSSH wants a named pipe; ``start`` says so there (``ssh.agent``).
"""

import contextlib
import logging
import os
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desktop_app.adapters.ssh_keys import KEY_TYPE, Damaged, Reader, load_private, public_blob, string
from desktop_app.domain.problems import failure

MESSAGE_LIMIT = 256 * 1024  # OpenSSH's own limit
CLIENTS = 64
PATH_LIMIT = 100  # bytes of a socket address, less a margin (108 on Linux, 104 on macOS)
IDLE_SECONDS = 300.0

_FAILURE = b"\x05"
_REQUEST_IDENTITIES, _IDENTITIES = 11, b"\x0c"
_SIGN_REQUEST, _SIGNATURE = 13, b"\x0e"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Key:
    key: Ed25519PrivateKey
    blob: bytes
    comment: str


class SshAgent:
    """Keys of the sessions that this process holds. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """``folder``: a runtime folder of this user; made 0700. Nothing is opened before ``start``."""
        self._folder = folder
        self._lock = threading.Lock()
        self._keys: dict[str, _Key] = {}
        self._clients: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.socket_path = folder / f"agent-{os.getpid()}.sock"

    def start(self) -> None:
        """Open the socket; idempotent. Problems: ssh.agent"""
        if sys.platform == "win32":
            why = "On Windows SessionDock can't lend its keys to other programs yet. Use the applications' own windows."
            raise failure("ssh.agent", why=why)
        with self._lock:
            if self._listener is None:
                try:
                    self._listener = self._listen()
                except OSError as error:
                    why = f"SessionDock could not open {self.socket_path}: {error.strerror}."
                    raise failure("ssh.agent", why=why) from None
                self._spawn(self._accept, self._listener, "ssh-agent")

    def add(self, name: str, private_key: str) -> None:
        """Offer this OpenSSH private key under the name of its session. Problems: ssh.no_key"""
        key = load_private(private_key)
        with self._lock:
            self._keys[name] = _Key(key, public_blob(key.public_key()), name)

    def remove(self, name: str) -> None:
        """Idempotent."""
        with self._lock:
            self._keys.pop(name, None)

    def close(self) -> None:
        """Forget the keys, close the socket, wait for the threads. ``start`` may follow."""
        with self._lock:
            listener, self._listener = self._listener, None
            self._keys.clear()
            clients, threads = list(self._clients), list(self._threads)
        if listener is None:
            return
        for one in (listener, *clients):
            with contextlib.suppress(OSError):  # ended by itself
                one.shutdown(socket.SHUT_RDWR)
        listener.close()
        self.socket_path.unlink(missing_ok=True)
        for thread in threads:
            thread.join(1.0)
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None
            self.socket_path = self._folder / self.socket_path.name

    # --- inside

    def _listen(self) -> socket.socket:
        if len(os.fsencode(self.socket_path)) > PATH_LIMIT:
            self._temporary = tempfile.TemporaryDirectory(prefix="sessiondock-")
            self.socket_path = Path(self._temporary.name) / self.socket_path.name
        folder = self.socket_path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)  # fails, as it should, for a folder of somebody else
        _sweep(folder)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(self.socket_path))
            self.socket_path.chmod(0o600)
            listener.listen(16)
        except OSError:
            listener.close()
            raise
        return listener

    def _spawn(self, work: Callable[[socket.socket], None], on: socket.socket, name: str) -> None:
        """You hold the lock."""
        thread = threading.Thread(target=work, args=(on,), name=name, daemon=True)
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                welcome = self._listener is not None and len(self._clients) < CLIENTS and _same_user(client)
                if welcome:
                    self._clients.add(client)
                    self._spawn(self._serve, client, "ssh-agent-client")
            if not welcome:
                client.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            client.settimeout(IDLE_SECONDS)
            while (message := _receive(client)) is not None:
                answer = self._answer(message)
                client.sendall(string(answer))
        except OSError as error:
            log.debug("an ssh-agent client left: %s", error)
        finally:
            with self._lock:
                self._clients.discard(client)
            client.close()

    def _answer(self, message: bytes) -> bytes:
        try:
            if message[:1] == bytes([_REQUEST_IDENTITIES]):
                return self._identities()
            if message[:1] == bytes([_SIGN_REQUEST]):
                return self._signature(Reader(message[1:]))
        except Damaged:
            return _FAILURE
        return _FAILURE

    def _identities(self) -> bytes:
        with self._lock:
            keys = list(self._keys.values())
        entries = [string(key.blob) + string(key.comment.encode()) for key in keys]
        return _IDENTITIES + struct.pack(">I", len(entries)) + b"".join(entries)

    def _signature(self, request: Reader) -> bytes:
        blob, data = request.text(), request.text()
        with self._lock:
            key = next((key for key in self._keys.values() if key.blob == blob), None)
        if key is None:
            return _FAILURE
        return _SIGNATURE + string(string(KEY_TYPE) + string(key.key.sign(data)))


def _receive(client: socket.socket) -> bytes | None:
    """One message; None when the client is done or says something of impossible length."""
    head = _exactly(client, 4)
    size = int.from_bytes(head or b"", "big")
    if not 0 < size <= MESSAGE_LIMIT:
        return None
    return _exactly(client, size)


def _exactly(client: socket.socket, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            return None
        data += more
    return data


def _same_user(client: socket.socket) -> bool:
    """The folder's mode keeps others out; where the system tells who called (Linux), that is checked besides."""
    if sys.platform != "linux":
        return True
    _, uid, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return bool(uid == os.getuid())


def _sweep(folder: Path) -> None:
    """Remove the sockets of processes that were killed."""
    for path in folder.glob("agent-*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """What OpenSSH needs beside the agent for one session; no secret in any of them."""

    agent_socket: Path
    public_key: Path
    known_hosts: Path
    host_alias: str


def write_client_files(folder: Path, name: str, agent_socket: Path, public_key: str, host_key: str) -> ClientFiles:
    """Write ``<name>.pub`` (names the key to use) and ``<name>.known_hosts`` (the one key to accept). OSError passes.

    ``name`` must be fit for a file name; the task id is. The host key is filed under an alias, not under the port, so
    that the command stays right when the port changes.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = ClientFiles(agent_socket, folder / f"{name}.pub", folder / f"{name}.known_hosts", f"sessiondock-{name}")
    for path, line in ((files.public_key, public_key), (files.known_hosts, f"{files.host_alias} {host_key}")):
        fresh = path.with_suffix(path.suffix + ".new")
        fresh.write_text(line.strip() + "\n", encoding="ascii")
        fresh.replace(path)
    return files


def ssh_options(files: ClientFiles) -> list[str]:
    """Options for ssh, scp and sftp: our key, our host key, no prompt about either, nothing from ~/.ssh."""
    options = {
        "IdentityAgent": _quoted(files.agent_socket),
        "IdentityFile": _quoted(files.public_key),
        "IdentitiesOnly": "yes",
        "PreferredAuthentications": "publickey",
        "UserKnownHostsFile": _quoted(files.known_hosts),
        "GlobalKnownHostsFile": "none",
        "HostKeyAlias": files.host_alias,
        "HostKeyAlgorithms": KEY_TYPE.decode(),
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
    }
    return ["-F", "none", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]


def ssh_command_line(port: int, user: str, files: ClientFiles) -> list[str]:
    """The argv of an ssh to the session through our local port; works while the session is attached."""
    return ["ssh", *ssh_options(files), "-p", str(port), f"{user}@127.0.0.1"]


def _quoted(path: Path) -> str:
    """A path as OpenSSH's option parser wants it: quoted, percent signs doubled, forward slashes on Windows."""
    text = path.as_posix().replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"'
