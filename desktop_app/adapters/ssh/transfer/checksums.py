"""Checksums of a session's files, made there and asked for over the control channel. Any thread."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from desktop_app.adapters.ssh.control import ControlChannel
from desktop_app.adapters.ssh.transport.wire import Deadline
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError
from remote_bootstrap import contract

STEP = 128 * 1024 * 1024  # bytes per request for a large file, so that a cancel is heard
REFUSED = frozenset({"ssh.protocol", "ssh.refused"})  # the session is there and can't do that
SECONDS = 120.0  # for one request; a network disk may be slow
NAMES = 60_000  # characters of paths in one request: each is at most 12 bytes of a line that may have a million

Answer = Callable[[Deadline], dict[str, object]]


class Checksums:
    """Asks the machine of one connection."""

    def __init__(self, control: ControlChannel, stopped: threading.Event) -> None:
        self._control = control
        self._stopped = stopped
        self._older = False  # its bootstrap takes one file at a time

    def one(self, path: str, length: int, cancel: Cancel, fresh: bool) -> str:
        """Return one checksum, as RemoteFiles.digest."""
        at = length if not fresh else min(length, STEP)
        while True:
            asked = self._control.ask(contract.OP_FILES_DIGEST, {"path": path, "length": at, "fresh": fresh})
            found = str((self._answer(asked, cancel) or {}).get("sha256") or "")
            if at >= length or not found:
                return found
            at, fresh = min(length, at + STEP), False

    def many(self, files: Sequence[tuple[str, int]], cancel: Cancel) -> Callable[[], tuple[str, ...] | None]:
        """Ask for many, as RemoteFiles.ask_digests."""
        parts = list(_parts(files))
        asked: list[Answer | None] = [None if self._older else self._ask(part) for part in parts]

        def wait() -> tuple[str, ...] | None:
            found: list[str] = []
            for part, answer in zip(parts, asked, strict=True):
                sums = self._sums(self._answer(answer, cancel), len(part)) if answer is not None else None
                found += sums if sums is not None else self._each(part, cancel)
            return tuple(found)

        return wait

    def _ask(self, files: Sequence[tuple[str, int]]) -> Answer:
        return self._control.ask(contract.OP_FILES_DIGESTS, {"files": [list(one) for one in files]})

    def _sums(self, answer: Mapping[str, object] | None, count: int) -> list[str] | None:
        found = answer.get("sha256") if answer is not None else None
        if not isinstance(found, list) or len(found) != count:
            self._older = True
            return None
        return [str(one) for one in found]

    def _each(self, files: Sequence[tuple[str, int]], cancel: Cancel) -> list[str]:
        """Return the checksum of each, asked for one by one, all on their way at once."""
        asked = [
            self._control.ask(contract.OP_FILES_DIGEST, {"path": path, "length": length, "fresh": True})
            for path, length in files
        ]
        return [str((self._answer(answer, cancel) or {}).get("sha256") or "") for answer in asked]

    def _answer(self, answer: Answer, cancel: Cancel) -> dict[str, object] | None:
        """Return the answer, None where the machine refuses."""
        try:
            return answer(Deadline(cancel, self._stopped, SECONDS))
        except AppError as error:
            if error.problem.code not in REFUSED:
                raise
            return None


def _parts(files: Sequence[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    part: list[tuple[str, int]] = []
    size = 0
    for one in files:
        if part and size + len(one[0]) > NAMES:
            yield part
            part, size = [], 0
        part.append(one)
        size += len(one[0]) + 4  # its length and what stands between
    if part:
        yield part
