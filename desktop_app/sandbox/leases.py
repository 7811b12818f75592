"""Who holds the sandbox: one locked file per client. Any thread; the state is the file locks themselves.

A lock dies with its process, so a crashed client holds nothing, and nobody has to send heartbeats.
"""

import os
import secrets
from types import TracebackType

from filelock import FileLock, Timeout

from desktop_app.sandbox.home import Home


class Lease:
    """Keeps the sandbox from ending. Released by ``release()``, by leaving the ``with`` block, or with the process."""

    def __init__(self, home: Home) -> None:
        home.make()
        while True:
            path = home.leases / f"{os.getpid()}-{secrets.token_hex(4)}"
            self._lock = FileLock(path, timeout=0, thread_local=False)
            try:
                self._lock.acquire()
            except Timeout:
                continue  # the sandbox tested the new file at this very moment
            if path.exists():  # else the sandbox had swept it away before we locked it
                self._path = path
                return
            self._lock.release()

    def release(self) -> None:
        """May be called again."""
        if self._lock.is_locked:
            self._path.unlink(missing_ok=True)
            self._lock.release()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def count(home: Home) -> int:
    """How many living clients hold the sandbox; sweeps away what dead ones left."""
    held = 0
    for path in home.leases.iterdir():
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            held += 1
            continue
        path.unlink(missing_ok=True)
        lock.release()
    return held
