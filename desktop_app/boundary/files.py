"""The files of a session's machine, as the services need them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import (
    Target,
)
from desktop_app.domain.files.remote_files import Ask, RemoteEntry, Space
from desktop_app.domain.problems import AppError

T = TypeVar("T")


class RemoteFiles(Protocol):
    """The files of one session's machine. One thread at a time, but for ``digest`` and ``disconnect``.

    Names keep bytes that are no UTF-8 as surrogates. Problems of every method: ssh.lost; files.missing, files.denied,
    files.refused and files.unsupported, about the path; files.room: its disk takes nothing more. What the caller's own
    ``sink`` and ``blocks`` raise is raised as it is.
    """

    def connect(self, target: Target, cancel: Cancel) -> None:
        """Dial. Problems: as Tunnel.connect, files.unsupported"""

    def home(self, cancel: Cancel) -> str:
        """Return the absolute path of the user's home folder there."""

    def list(self, folder: str, cancel: Cancel) -> tuple[RemoteEntry, ...]: ...

    def stat(self, path: str, cancel: Cancel, *, follow: bool = False) -> RemoteEntry | None:
        """Return what is there, None when there is nothing of that name."""

    def real(self, path: str, cancel: Cancel) -> str:
        """Return the absolute path, with every link followed."""

    def make_folder(self, path: str, cancel: Cancel) -> None:
        """Make a folder with its parents; idempotent."""

    def link_target(self, path: str, cancel: Cancel) -> str: ...

    def make_link(self, target: str, path: str, cancel: Cancel) -> None: ...

    def remove(self, path: str, cancel: Cancel) -> None:
        """Remove a file or a link."""

    def read(self, path: str, offset: int, sink: Callable[[bytes | memoryview], object], cancel: Cancel) -> None:
        """Read everything from ``offset`` on, in order; a piece is valid during the call of ``sink`` only."""

    def write(
        self, path: str, offset: int, blocks: Iterable[bytes], done: Callable[[int], None], cancel: Cancel
    ) -> None:
        """Keep the first ``offset`` bytes, drop the rest, append ``blocks``; ``done(bytes)`` once they are there."""

    def finish(self, part: str, path: str, mode: int, modified: int, cancel: Cancel) -> None:
        """Give ``part`` its mode and time and put it in the place of ``path`` in one step."""

    def together(
        self, asks: Sequence[Ask[T]], cancel: Cancel, done: Callable[[int], object] = lambda _index: None
    ) -> tuple[T | AppError, ...]:
        """Return the answers to requests that are under way at once; one that fails has its problem as its answer.
        ``done(index)``: that one succeeded. Raises only what ends them all. The caller bounds how much data that is."""

    def ask_digests(self, files: Sequence[tuple[str, int]], cancel: Cancel) -> Callable[[], tuple[str, ...] | None]:
        """Ask for the digests of many (path, length) at once; call what comes back to wait for the answers, "" for
        one that can't be had. None: this machine makes no checksums."""

    def digest(self, path: str, length: int, cancel: Cancel, *, fresh: bool = True) -> str:
        """Return the SHA-256 of the first ``length`` bytes in hex, "" when that can't be had there. ``fresh=False``
        goes on where the last call for this path stopped. Any thread."""

    def space(self, path: str, cancel: Cancel) -> Space | None:
        """Return the room on the disk that holds ``path``, which exists; None where the machine does not tell."""

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        """Return the result of one operation of the control channel. Any thread. Problems: ssh.refused, ssh.protocol
        (there is none)"""

    def disconnect(self) -> None:
        """Hang up; what is under way on another thread fails as ssh.lost. Idempotent."""
