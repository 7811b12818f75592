"""The files of a session's machine, over an SSH connection of their own beside the tunnel's.

A connection of their own, so that a large transfer never stands in front of a key press, and so that a process that
does not hold the tunnel (a command line beside the window) can transfer too. One thread at a time, but for ``digest``,
``request`` and ``disconnect``. Decision 0021.
"""

import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from desktop_app.adapters.ssh.transfer import steps
from desktop_app.adapters.ssh.transfer.connection import FilesConnection
from desktop_app.adapters.ssh.transfer.refusals import Here
from desktop_app.adapters.ssh.transfer.wire import SftpError
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.boundary.files import RemoteFiles
from desktop_app.domain.files.remote_files import (
    Ask,
    Finish,
    MakeLink,
    Names,
    Real,
    RemoteEntry,
    Remove,
    Space,
    Stat,
)
from desktop_app.domain.problems import AppError, failure
from remote_bootstrap import contract

T = TypeVar("T")


class SshFiles(RemoteFiles):
    """At most one connection at a time. ``disconnect`` from any thread ends what is under way."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._connection: FilesConnection | None = None
        self._address = "the session"
        self._home = ""

    def connect(self, target: Target, cancel: Cancel) -> None:
        self.disconnect()
        self._stopped.clear()
        self._address = target.record.address
        self._connection = connection = FilesConnection.dial(target, self._stopped, cancel)
        try:
            connection.open(cancel)
        except BaseException:
            self.disconnect()
            raise

    def disconnect(self) -> None:
        self._stopped.set()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.leave()

    @property
    def _open(self) -> FilesConnection:
        """Return the connection. Problems: ssh.lost (there is none)"""
        connection = self._connection
        if connection is None:
            raise failure("ssh.lost", address=self._address)
        return connection

    # -- names

    def home(self, cancel: Cancel) -> str:
        if not self._home:
            home = self._open.answer(contract.OP_FILES_HOME, {}, cancel).get("home")
            self._home = str(home or "") or self.real(".", cancel)
        return self._home

    def list(self, folder: str, cancel: Cancel) -> tuple[RemoteEntry, ...]:
        return self._open.alone(Names(folder), cancel)

    def stat(self, path: str, cancel: Cancel, *, follow: bool = False) -> RemoteEntry | None:
        return self._open.alone(Stat(path, follow), cancel)

    def real(self, path: str, cancel: Cancel) -> str:
        return self._open.alone(Real(path), cancel)

    def make_folder(self, path: str, cancel: Cancel) -> None:
        connection = self._open
        messages = connection.sftp.messages
        with connection.translated(path, cancel):
            there = messages.run(steps.stat(path, follow=True), cancel)
            if there is not None and stat.S_ISDIR(max(0, there.mode)):
                return
            parent = path.rstrip("/").rpartition("/")[0]
            if parent and there is None and messages.run(steps.stat(parent, follow=True), cancel) is None:
                self.make_folder(parent, cancel)
            messages.run(steps.make_folder(path), cancel)

    def link_target(self, path: str, cancel: Cancel) -> str:
        connection = self._open
        with connection.translated(path):
            return connection.sftp.messages.run(steps.link_target(path), cancel)

    def make_link(self, target: str, path: str, cancel: Cancel) -> None:
        self._open.alone(MakeLink(path, target), cancel)

    def remove(self, path: str, cancel: Cancel) -> None:
        self._open.alone(Remove(path), cancel)

    def together(
        self, asks: Sequence[Ask[T]], cancel: Cancel, done: Callable[[int], object] = lambda _index: None
    ) -> tuple[T | AppError, ...]:
        return self._open.together(asks, cancel, done)

    # -- contents

    def read(self, path: str, offset: int, sink: Callable[[bytes | memoryview], object], cancel: Cancel) -> None:
        def take(piece: bytes | memoryview) -> None:
            try:
                sink(piece)
            except OSError as error:
                raise Here(error) from error

        connection = self._open
        with connection.translated(path):
            connection.sftp.read(path, offset, take, cancel)

    def write(
        self, path: str, offset: int, blocks: Iterable[bytes], done: Callable[[int], None], cancel: Cancel
    ) -> None:
        connection, reached = self._open, offset

        def counted(count: int) -> None:
            nonlocal reached
            reached += count
            done(count)

        with connection.translated(path):
            try:
                connection.sftp.write(path, offset, _ours(blocks), counted, cancel)
            except SftpError as error:
                raise connection.refusals.writing(error, path, cancel, reached) from None

    def finish(self, part: str, path: str, mode: int, modified: int, cancel: Cancel) -> None:
        self._open.alone(Finish(path, part, mode, modified), cancel)

    def digest(self, path: str, length: int, cancel: Cancel, *, fresh: bool = True) -> str:
        checksums = self._connection.checksums if self._connection else None
        return checksums.one(path, length, cancel, fresh) if checksums is not None else ""

    def ask_digests(self, files: Sequence[tuple[str, int]], cancel: Cancel) -> Callable[[], tuple[str, ...] | None]:
        checksums = self._connection.checksums if self._connection else None
        return checksums.many(files, cancel) if checksums is not None else lambda: None

    # -- the machine

    def space(self, path: str, cancel: Cancel) -> Space | None:
        connection = self._open
        with connection.translated(path):
            return connection.refusals.space(path, cancel)

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        return self._open.request(op, args, cancel)


def _ours(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass the blocks on; an error of this computer's disk is none of the connection's."""
    try:
        yield from blocks
    except OSError as error:
        raise Here(error) from error
