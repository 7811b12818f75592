"""The window's uploads and downloads (``core.transfers``): a list that can be watched, cancelled and resumed.

Two at once, each on a thread of its own; the others wait. All methods are quick. A cancelled or failed one keeps what
arrived, and goes on from there when it is resumed. The list lives as long as the program.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.disk import disk_problem
from desktop_app.domain.files.listed import State, Transfer
from desktop_app.domain.files.transfer import Progress, Summary, Wanted
from desktop_app.domain.problems import AppError, Cancelled, problem
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.files import trees
from desktop_app.services.files.access import Files

AT_ONCE = 2

_log = logging.getLogger(__name__)


class Transfers:
    """Thread-safe."""

    def __init__(self, files: Files, at_once: int = AT_ONCE) -> None:
        self._files = files
        self._at_once = at_once
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._all: dict[int, Transfer] = {}
        self._cancels: dict[int, Cancel] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._closed = False
        self._on_end: list[Callable[[Transfer], None]] = []

    # -- what the user asks for

    def upload(
        self,
        session: SessionId,
        paths: Sequence[Path],
        to: str = "",
        *,
        held: str = "",
        wanted: tuple[Wanted, ...] = (),
    ) -> int:
        """Add an upload. ``held`` says why it has to wait for ``release``."""
        sources = tuple(map(str, paths))
        return self._add(Transfer(next(self._numbers), session, True, sources, to, held=held, wanted=wanted))

    def release(self, number: int) -> None:
        """Let a held upload begin. Idempotent."""
        with self._lock:
            if number in self._all and self._all[number].held:
                self._change(number, held="")
        self._start()

    def is_held(self, number: int) -> bool:
        with self._lock:
            return number in self._all and bool(self._all[number].held)

    def on_end(self, callback: Callable[[Transfer], None]) -> None:
        """Call back with every one that is done, failed or cancelled, on the thread where that happened."""
        self._on_end.append(callback)

    def download(self, session: SessionId, remotes: Sequence[str], to: Path) -> int:
        return self._add(Transfer(next(self._numbers), session, False, tuple(remotes), str(to)))

    def cancel(self, number: int) -> None:
        with self._lock:
            cancel = self._cancels.get(number)
            waiting = self._all[number].state is State.WAITING if number in self._all else False
            if waiting:
                self._change(number, state=State.CANCELLED)
            ended = self._all[number] if waiting else None
        if ended is not None:
            self._tell_end(ended)
        if cancel is not None:
            cancel.cancel()

    def resume(self, number: int) -> None:
        with self._lock:
            if number in self._all and not self._all[number].active and number not in self._threads:
                self._change(number, state=State.WAITING, problem=None, summary=None, held="")
        self._start()

    def forget(self, number: int) -> None:
        """Take one that has ended off the list."""
        with self._lock:
            if number in self._all and not self._all[number].active:
                del self._all[number]

    def of(self, session: SessionId) -> tuple[Transfer, ...]:
        """Return them, the newest first."""
        with self._lock:
            return tuple(one for one in reversed(self._all.values()) if one.session == session)

    # -- the work

    def _add(self, transfer: Transfer) -> int:
        with self._lock:
            self._all[transfer.number] = transfer
        self._start()
        return transfer.number

    def _change(self, number: int, **changes: object) -> None:
        self._all[number] = replace(self._all[number], **changes)  # type: ignore[arg-type]  # callers name fields

    def _start(self) -> None:
        with self._lock:
            for number, one in self._all.items():
                if self._closed or len(self._threads) >= self._at_once:
                    return
                if one.state is State.WAITING and not one.held and number not in self._threads:
                    self._change(number, state=State.RUNNING)
                    self._cancels[number] = cancel = Cancel()
                    thread = threading.Thread(
                        target=self._run, args=(self._all[number], cancel), name=f"transfer-{number}", daemon=True
                    )
                    self._threads[number] = thread
                    thread.start()

    def _run(self, transfer: Transfer, cancel: Cancel) -> None:
        number = transfer.number
        try:
            self._end(number, state=State.DONE, summary=self._move(transfer, cancel))
        except Cancelled:
            self._end(number, state=State.CANCELLED)
        except AppError as error:
            self._end(number, state=State.FAILED, problem=error.problem)
        except Exception as error:  # thread boundary
            found = disk_problem(error)
            if found is None:
                _log.exception("transfer %d failed", number)
            self._end(number, state=State.FAILED, problem=found or problem("internal", cause=type(error).__name__))
        self._start()

    def _move(self, transfer: Transfer, cancel: Cancel) -> Summary:
        def tell(progress: Progress) -> None:
            with self._lock:
                self._change(transfer.number, progress=progress)

        if transfer.up:
            changed = trees.changed(transfer.wanted)
            with self._lock:
                self._change(transfer.number, changed=changed)
            paths = [Path(source) for source in transfer.sources]
            return self._files.upload(transfer.session, paths, transfer.to, tell, cancel)
        return self._files.download(transfer.session, transfer.sources, Path(transfer.to), tell, cancel)

    def _end(self, number: int, **changes: object) -> None:
        with self._lock:
            self._change(number, **changes)
            self._cancels.pop(number, None)
            self._threads.pop(number, None)
            ended = self._all[number]
        self._tell_end(ended)

    def _tell_end(self, transfer: Transfer) -> None:
        for callback in self._on_end:
            callback(transfer)

    # -- the end of the program

    def cancel_all(self) -> None:
        """Cancel all; nothing is started afterwards. Never blocks."""
        with self._lock:
            self._closed = True
            cancels = tuple(self._cancels.values())
        for cancel in cancels:
            cancel.cancel()

    def close(self, seconds: float) -> tuple[str, ...]:
        """Cancel everything and join; returns the names of threads that outlive ``seconds``."""
        self.cancel_all()
        with self._lock:
            threads = tuple(self._threads.values())
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return tuple(thread.name for thread in threads if thread.is_alive())
