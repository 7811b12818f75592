"""ports.RemoteFiles: the files of a session's machine, over an SSH connection of their own beside the tunnel's.

A connection of their own, so that a large transfer never stands in front of a key press, and so that whoever does not
hold the tunnel (a command line beside the window) can transfer too. One thread at a time, but for ``digest``.
"""

import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from desktop_app.adapters.ssh.control import ControlChannel
from desktop_app.adapters.ssh.dial import dial
from desktop_app.adapters.ssh.transfer import steps
from desktop_app.adapters.ssh.transfer.asking import asking
from desktop_app.adapters.ssh.transfer.checksums import REFUSED, Checksums
from desktop_app.adapters.ssh.transfer.refusals import Here, Refusals
from desktop_app.adapters.ssh.transfer.sftp import Sftp
from desktop_app.adapters.ssh.transfer.wire import FAILURE, SftpError
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS, Deadline, describe
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.domain.files.remote_files import (
    Ask,
    Finish,
    MakeFolder,
    MakeLink,
    Names,
    Put,
    Real,
    RemoteEntry,
    Remove,
    Space,
    Stat,
)
from desktop_app.domain.problems import AppError, failure
from remote_bootstrap import contract

DIAL_SECONDS = 20.0
CONTROL_SECONDS = 10.0
REQUEST_SECONDS = 30.0
WRITES = (Put, Finish, MakeFolder, MakeLink)

T = TypeVar("T")


class SshFiles:
    """One connection. ``close`` from any thread ends what is under way."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._transport: SessionTransport | None = None
        self._control: ControlChannel | None = None
        self._checksums: Checksums | None = None
        self._sftp: Sftp | None = None
        self._refused: Refusals | None = None
        self._address = "the session"
        self._home = ""

    def connect(self, target: Target, cancel: Cancel) -> None:
        self.disconnect()
        self._stopped.clear()
        self._address = target.record.address
        deadline = Deadline(cancel, self._stopped, DIAL_SECONDS)
        self._transport = transport = dial(target, deadline, lambda _transport: None)
        self._control = control = ControlChannel(transport, target.record, lambda _report: None)
        control.open()  # while SFTP starts
        try:
            self._sftp = self._open_sftp(transport, cancel)
            self._refused = Refusals(self._sftp, self._why, target.record.user == "root")
            self._greet(control, cancel)
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

    def _greet(self, control: ControlChannel, cancel: Cancel) -> None:
        """Where the machine has no control channel of ours, nothing is checksummed."""
        try:
            control.greet(Deadline(cancel, self._stopped, CONTROL_SECONDS))
            self._checksums = Checksums(control, self._stopped)
        except AppError as error:
            if error.problem.code not in REFUSED:
                raise
            self._control = None
            control.close()
            control.join(1.0)

    # -- names

    def home(self, cancel: Cancel) -> str:
        if not self._home:
            self._home = self._told_home(cancel) or self.real(".", cancel)
        return self._home

    def list(self, folder: str, cancel: Cancel) -> tuple[RemoteEntry, ...]:
        return self._alone(Names(folder), cancel)

    def stat(self, path: str, cancel: Cancel, *, follow: bool = False) -> RemoteEntry | None:
        return self._alone(Stat(path, follow), cancel)

    def real(self, path: str, cancel: Cancel) -> str:
        return self._alone(Real(path), cancel)

    def make_folder(self, path: str, cancel: Cancel) -> None:
        with self._refusals(path, cancel):
            there = self._open.run(steps.stat(path, follow=True), cancel)
            if there is not None and stat.S_ISDIR(max(0, there.mode)):
                return
            parent = path.rstrip("/").rpartition("/")[0]
            if parent and there is None and self._open.run(steps.stat(parent, follow=True), cancel) is None:
                self.make_folder(parent, cancel)
            self._open.run(steps.make_folder(path), cancel)

    def link_target(self, path: str, cancel: Cancel) -> str:
        with self._refusals(path):
            return self._open.run(steps.link_target(path), cancel)

    def make_link(self, target: str, path: str, cancel: Cancel) -> None:
        self._alone(MakeLink(path, target), cancel)

    def remove(self, path: str, cancel: Cancel) -> None:
        self._alone(Remove(path), cancel)

    def together(
        self, asks: Sequence[Ask[T]], cancel: Cancel, done: Callable[[int], object] = lambda _index: None
    ) -> tuple[T | AppError, ...]:
        sftp = self._open
        at_once = steps.POSIX_RENAME in sftp.extensions
        with self._refusals("the session's files"):
            found = sftp.together([asking(ask, sftp.block, at_once) for ask in asks], cancel, done)
            told: dict[str, AppError] = {}  # of each folder: hundreds of small files fail alike where a disk is full
            pairs = zip(asks, found, strict=True)
            return tuple(
                [self._told(one, ask, told, cancel) if isinstance(one, SftpError) else one for ask, one in pairs]
            )

    def _told(self, error: SftpError, ask: Ask[T], told: dict[str, AppError], cancel: Cancel) -> AppError:
        if not isinstance(ask, WRITES):
            return self._refusing.reading(error, ask.path)
        folder = ask.path.rpartition("/")[0]
        if error.code != FAILURE or folder not in told:
            told[folder] = self._refusing.writing(error, ask.path, cancel)
        return told[folder]

    def _alone(self, ask: Ask[T], cancel: Cancel) -> T:
        (found,) = self.together([ask], cancel)
        if isinstance(found, AppError):
            raise found
        return found

    # -- contents

    def read(self, path: str, offset: int, sink: Callable[[bytes | memoryview], object], cancel: Cancel) -> None:
        def take(piece: bytes | memoryview) -> None:
            try:
                sink(piece)
            except OSError as error:
                raise Here(error) from error

        with self._refusals(path):
            self._open.read(path, offset, take, cancel)

    def write(
        self, path: str, offset: int, blocks: Iterable[bytes], done: Callable[[int], None], cancel: Cancel
    ) -> None:
        reached = offset

        def counted(count: int) -> None:
            nonlocal reached
            reached += count
            done(count)

        with self._refusals(path):
            try:
                self._open.write(path, offset, _ours(blocks), counted, cancel)
            except SftpError as error:
                raise self._refusing.writing(error, path, cancel, reached) from None

    def finish(self, part: str, path: str, mode: int, modified: int, cancel: Cancel) -> None:
        self._alone(Finish(path, part, mode, modified), cancel)

    def digest(self, path: str, length: int, cancel: Cancel, *, fresh: bool = True) -> str:
        return self._checksums.one(path, length, cancel, fresh) if self._checksums is not None else ""

    def ask_digests(self, files: Sequence[tuple[str, int]], cancel: Cancel) -> Callable[[], tuple[str, ...] | None]:
        return self._checksums.many(files, cancel) if self._checksums is not None else lambda: None

    def space(self, path: str, cancel: Cancel) -> Space | None:
        with self._refusals(path):
            return self._refusing.space(path, cancel)

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        if self._control is None:
            raise failure("ssh.protocol", why="This session was not launched by SessionDock, so it can't do that.")
        return self._control.request(op, args, Deadline(cancel, self._stopped, REQUEST_SECONDS))

    # -- the end

    def disconnect(self) -> None:
        self._stopped.set()
        transport, self._transport = self._transport, None
        control, self._control = self._control, None
        self._sftp = self._checksums = self._refused = None
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

    @property
    def _refusing(self) -> Refusals:
        if self._refused is None:
            raise failure("ssh.lost", address=self._address)
        return self._refused

    def _why(self, args: Mapping[str, object], cancel: Cancel) -> Mapping[str, object]:
        if self._control is None:
            return {}
        try:
            return self.request(contract.OP_FILES_REFUSAL, args, cancel)
        except AppError as error:
            if error.problem.code not in REFUSED:
                raise
            return {}

    def _told_home(self, cancel: Cancel) -> str:
        """ "" where the machine can't tell."""
        if self._control is None:
            return ""
        try:
            return str(self.request(contract.OP_FILES_HOME, {}, cancel).get("home") or "")
        except AppError as error:
            if error.problem.code not in REFUSED:
                raise
            return ""

    @contextmanager
    def _refusals(self, path: str, writing: Cancel | None = None) -> Iterator[None]:
        """``writing``: what is done inside is to change something."""
        try:
            yield
        except Here as here:
            raise here.error from None
        except SftpError as error:
            if writing is not None:
                raise self._refusing.writing(error, path, writing) from None
            raise self._refusing.reading(error, path) from None
        except WIRE_ERRORS as error:  # an answer that can't be read
            raise failure("ssh.lost", address=self._address, cause=describe(error)) from None


def _ours(blocks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from blocks
    except OSError as error:
        raise Here(error) from error
