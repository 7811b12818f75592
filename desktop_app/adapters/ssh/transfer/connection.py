"""One SSH connection for files: its SFTP conversation, and its control channel where the machine has ours.

One thread at a time, but for ``request`` and ``leave``.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from desktop_app.domain.files.remote_files import Ask, Finish, MakeFolder, MakeLink, Put
from desktop_app.domain.problems import AppError, failure
from remote_bootstrap import contract

DIAL_SECONDS = 20.0
CONTROL_SECONDS = 10.0
REQUEST_SECONDS = 30.0
WRITES = (Put, Finish, MakeFolder, MakeLink)

T = TypeVar("T")


class FilesConnection:
    """Stands from ``dial`` until ``leave``; ``open`` it. ``stopped``: set from any thread, ends what is waited for."""

    sftp: Sftp
    refusals: Refusals

    def __init__(self, target: Target, transport: SessionTransport, stopped: threading.Event) -> None:
        self._address = target.record.address
        self._is_root = target.record.user == "root"
        self._transport = transport
        self._stopped = stopped
        self._control: ControlChannel | None = ControlChannel(transport, target.record, lambda _report: None)
        self.checksums: Checksums | None = None

    @classmethod
    def dial(cls, target: Target, stopped: threading.Event, cancel: Cancel) -> "FilesConnection":
        """Return a connection that is signed in. Problems: as Tunnel.connect"""
        transport = dial(target, Deadline(cancel, stopped, DIAL_SECONDS), lambda _transport: None)
        return cls(target, transport, stopped)

    def open(self, cancel: Cancel) -> None:
        """Open both channels. Problems: files.unsupported, ssh.lost, ssh.protocol"""
        if self._control is not None:
            self._control.open()  # while SFTP starts
        self.sftp = self._open_sftp()
        self.sftp.start(cancel)
        self.refusals = Refusals(self.sftp, self._why, self._is_root)
        self._greet(cancel)

    def _open_sftp(self) -> Sftp:
        try:
            channel = self._transport.open_channel("session", timeout=10.0)
            channel.invoke_subsystem("sftp")
        except WIRE_ERRORS as error:
            if self._transport.is_active():
                raise failure("files.unsupported", cause=describe(error)) from None
            raise failure("ssh.lost", address=self._address, cause=describe(error)) from None
        return Sftp(channel, self._address)

    def _greet(self, cancel: Cancel) -> None:
        """Compare contract versions. Where the machine has no control channel of ours, nothing is checksummed."""
        control = self._control
        if control is None:
            return
        try:
            control.greet(Deadline(cancel, self._stopped, CONTROL_SECONDS))
            self.checksums = Checksums(control, self._stopped)
        except AppError as error:
            if error.problem.code not in REFUSED:
                raise
            self._control = None
            control.close()
            control.join(1.0)

    # -- SFTP

    def together(
        self, asks: Sequence[Ask[T]], cancel: Cancel, done: Callable[[int], object] = lambda _index: None
    ) -> tuple[T | AppError, ...]:
        """Answer requests, as RemoteFiles.together."""
        at_once = steps.POSIX_RENAME in self.sftp.extensions
        with self.translated("the session's files"):
            answers = self.sftp.messages.together([asking(ask, self.sftp.block, at_once) for ask in asks], cancel, done)
            told: dict[str, AppError] = {}  # of each folder: hundreds of small files fail alike where a disk is full
            return tuple(
                [
                    self._problem(answer, ask, told, cancel) if isinstance(answer, SftpError) else answer
                    for ask, answer in zip(asks, answers, strict=True)
                ]
            )

    def _problem(self, error: SftpError, ask: Ask[T], told: dict[str, AppError], cancel: Cancel) -> AppError:
        if not isinstance(ask, WRITES):
            return self.refusals.reading(error, ask.path)
        folder = ask.path.rpartition("/")[0]
        if error.code != FAILURE or folder not in told:
            told[folder] = self.refusals.writing(error, ask.path, cancel)
        return told[folder]

    def alone(self, ask: Ask[T], cancel: Cancel) -> T:
        """Return the answer to one request. Problems: as RemoteFiles"""
        (answer,) = self.together([ask], cancel)
        if isinstance(answer, AppError):
            raise answer
        return answer

    @contextmanager
    def translated(self, path: str, writing: Cancel | None = None) -> Iterator[None]:
        """Make problems of what the server refuses inside. ``writing``: it is to change something."""
        try:
            yield
        except Here as here:
            raise here.error from None
        except SftpError as error:
            if writing is not None:
                raise self.refusals.writing(error, path, writing) from None
            raise self.refusals.reading(error, path) from None
        except WIRE_ERRORS as error:  # an answer that can't be read
            raise failure("ssh.lost", address=self._address, cause=describe(error)) from None

    # -- the control channel

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        """Return one operation's result, as RemoteFiles.request. Any thread."""
        control = self._control
        if control is None:
            raise failure("ssh.protocol", why="This session was not launched by SessionDock, so it can't do that.")
        return control.request(op, args, Deadline(cancel, self._stopped, REQUEST_SECONDS))

    def answer(self, op: str, args: Mapping[str, object], cancel: Cancel) -> Mapping[str, object]:
        """Return the result of one operation, {} where the machine can't do it. Problems: ssh.lost"""
        try:
            return self.request(op, args, cancel)
        except AppError as error:
            if error.problem.code not in REFUSED:
                raise
            return {}

    def _why(self, args: Mapping[str, object], cancel: Cancel) -> Mapping[str, object]:
        return self.answer(contract.OP_FILES_REFUSAL, args, cancel)

    def leave(self) -> None:
        """Hang up; what is under way on another thread fails as ssh.lost. Idempotent."""
        control = self._control
        if control is not None:
            control.close()
        self._transport.abandon()
        if control is not None:
            control.join(1.0)
