"""ports.RemoteFiles: the files of a session's machine, over an SSH connection of their own beside the tunnel's.

A connection of their own, so that a large transfer never stands in front of a key press, and so that whoever does not
hold the tunnel (a command line beside the window) can transfer too. One thread at a time, but for ``digest``.
"""

import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from desktop_app.adapters.ssh.control import ControlChannel
from desktop_app.adapters.ssh.dial import dial
from desktop_app.adapters.ssh.transfer.sftp import Sftp
from desktop_app.adapters.ssh.transfer.wire import NO_SUCH_FILE, PERMISSION_DENIED, UNSUPPORTED, Attributes, SftpError
from desktop_app.adapters.ssh.transport import SessionTransport
from desktop_app.adapters.ssh.wire import WIRE_ERRORS, Patience, describe
from desktop_app.domain.problems import AppError, failure
from desktop_app.ports import Cancel, FileKind, RemoteEntry, Target
from remote_bootstrap import contract

DIAL_SECONDS = 20.0
CONTROL_SECONDS = 10.0
REQUEST_SECONDS = 30.0
DIGEST_STEP = 128 * 1024 * 1024  # bytes per request, so that a cancel is heard
DIGEST_SECONDS = 120.0  # for one step; a network disk may be slow

_KINDS = {stat.S_IFREG: FileKind.FILE, stat.S_IFDIR: FileKind.FOLDER, stat.S_IFLNK: FileKind.LINK}


class SshFiles:
    """One connection. ``close`` from any thread ends what is under way."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._transport: SessionTransport | None = None
        self._control: ControlChannel | None = None
        self._sftp: Sftp | None = None
        self._address = "the session"
        self._home = ""

    def connect(self, target: Target, cancel: Cancel) -> None:
        self.disconnect()
        self._stopped.clear()
        self._address = target.record.address
        patience = Patience(cancel, self._stopped, DIAL_SECONDS)
        self._transport = transport = dial(target, patience, lambda _transport: None)
        try:
            self._sftp = self._open_sftp(transport, cancel)
            self._control = self._open_control(transport, target, cancel)
        except BaseException:
            self.disconnect()
            raise

    def _open_sftp(self, transport: SessionTransport, cancel: Cancel) -> Sftp:
        try:
            channel = transport.open_channel("session", timeout=10.0)
            channel.invoke_subsystem("sftp")
        except WIRE_ERRORS as error:
            if transport.is_active():
                raise failure("files.unsupported", cause=describe(error)) from None
            raise failure("ssh.lost", address=self._address, cause=describe(error)) from None
        sftp = Sftp(channel, self._address)
        sftp.start(cancel)
        return sftp

    def _open_control(self, transport: SessionTransport, target: Target, cancel: Cancel) -> ControlChannel | None:
        """None where the machine has no control channel of ours: then nothing is checksummed there."""
        control = ControlChannel(transport, target.record, lambda _report: None)
        try:
            control.start(Patience(cancel, self._stopped, CONTROL_SECONDS))
        except AppError as error:
            control.close()
            control.join(1.0)
            if error.problem.code != "ssh.protocol":
                raise
            return None
        return control

    # -- names

    def home(self, cancel: Cancel) -> str:
        if not self._home:
            answer = self._request(contract.OP_FILES_HOME, {}, cancel, CONTROL_SECONDS)
            self._home = str(answer.get("home") or "") or self.real(".", cancel)
        return self._home

    def list(self, folder: str, cancel: Cancel) -> tuple[RemoteEntry, ...]:
        with self._refusals(folder):
            return tuple(_entry(name, about) for name, about in self._open.names(folder, cancel))

    def stat(self, path: str, cancel: Cancel, *, follow: bool = False) -> RemoteEntry | None:
        with self._refusals(path):
            about = self._open.stat(path, cancel, follow=follow)
        return None if about is None else _entry(path.rpartition("/")[2], about)

    def real(self, path: str, cancel: Cancel) -> str:
        with self._refusals(path):
            return self._open.real(path, cancel)

    def make_folder(self, path: str, cancel: Cancel) -> None:
        with self._refusals(path):
            there = self._open.stat(path, cancel, follow=True)
            if there is not None and stat.S_ISDIR(max(0, there.mode)):
                return
            parent = path.rstrip("/").rpartition("/")[0]
            if parent and there is None and self._open.stat(parent, cancel, follow=True) is None:
                self.make_folder(parent, cancel)
            self._open.make_folder(path, cancel)

    def link_target(self, path: str, cancel: Cancel) -> str:
        with self._refusals(path):
            return self._open.link_target(path, cancel)

    def make_link(self, target: str, path: str, cancel: Cancel) -> None:
        with self._refusals(path):
            self._open.make_link(target, path, cancel)

    def remove(self, path: str, cancel: Cancel) -> None:
        with self._refusals(path):
            self._open.remove(path, cancel)

    # -- contents

    def read(self, path: str, offset: int, sink: Callable[[bytes | memoryview], object], cancel: Cancel) -> None:
        with self._refusals(path):
            self._open.read(path, offset, sink, cancel)

    def write(
        self, path: str, offset: int, blocks: Iterable[bytes], done: Callable[[int], None], cancel: Cancel
    ) -> None:
        with self._refusals(path):
            self._open.write(path, offset, blocks, done, cancel)

    def finish(self, part: str, path: str, mode: int, modified: int, cancel: Cancel) -> None:
        with self._refusals(path):
            self._open.put_in_place(part, path, mode, modified, cancel)

    def digest(self, path: str, length: int, cancel: Cancel, *, fresh: bool = True) -> str:
        at = length if not fresh else min(length, DIGEST_STEP)
        while True:
            args = {"path": path, "length": at, "fresh": fresh}
            answer = self._request(contract.OP_FILES_DIGEST, args, cancel, DIGEST_SECONDS)
            if at >= length or not answer.get("sha256"):
                return str(answer.get("sha256") or "")
            at, fresh = min(length, at + DIGEST_STEP), False

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        if self._control is None:
            raise failure("ssh.protocol", why="This session was not launched by SessionDock, so it can't do that.")
        return self._control.request(op, args, Patience(cancel, self._stopped, REQUEST_SECONDS))

    # -- the end

    def disconnect(self) -> None:
        self._stopped.set()
        transport, self._transport = self._transport, None
        control, self._control = self._control, None
        self._sftp = None
        if control is not None:
            control.close()
        if transport is not None:
            transport.abandon()
        if control is not None:
            control.join(1.0)

    # -- inside

    @property
    def _open(self) -> Sftp:
        if self._sftp is None:
            raise failure("ssh.lost", address=self._address)
        return self._sftp

    def _request(self, op: str, args: dict[str, object], cancel: Cancel, seconds: float) -> dict[str, object]:
        """{} where the machine can't answer."""
        if self._control is None:
            return {}
        try:
            return self._control.request(op, args, Patience(cancel, self._stopped, seconds))
        except AppError as error:
            if error.problem.code != "ssh.protocol":
                raise
            return {}

    @contextmanager
    def _refusals(self, path: str) -> Iterator[None]:
        try:
            yield
        except SftpError as error:
            codes = {
                NO_SUCH_FILE: "files.missing",
                PERMISSION_DENIED: "files.denied",
                UNSUPPORTED: "files.unsupported",
            }
            code = codes.get(error.code, "files.refused")
            raise failure(code, path=path, why=str(error), cause=f"SFTP status {error.code}") from None
        except WIRE_ERRORS as error:  # an answer that can't be read
            raise failure("ssh.lost", address=self._address, cause=describe(error)) from None


def _entry(name: str, about: Attributes) -> RemoteEntry:
    kind = _KINDS.get(about.kind, FileKind.OTHER)
    return replace(
        RemoteEntry(name, kind), size=max(0, about.size), mode=max(0, about.mode) & 0o7777, modified=about.modified
    )
