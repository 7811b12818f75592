"""Who holds the sandbox: one locked file per client. Any thread; the state is the file locks themselves.

A lock dies with its process, so a crashed client holds nothing, and nobody has to send heartbeats.
"""

import os
import secrets
from types import TracebackType

from desktop_app.file_lock import try_lock
from desktop_app.sandbox.home import Home


class Lease:
    """Keeps the sandbox from ending. Released by ``release()``, by leaving the ``with`` block, or with the process."""

    def __init__(self, home: Home) -> None:
        home.make()
        while True:
            held = try_lock(home.leases / f"{os.getpid()}-{secrets.token_hex(4)}")
            if held is not None:  # else the sandbox tests the new file at this very moment
                self._lock = held
                return

    def release(self) -> None:
        """Hold the sandbox no longer. Idempotent."""
        self._lock.release(remove=True)

    def __enter__(self) -> "Lease":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def count(home: Home) -> int:
    """Return how many living clients hold the sandbox, and sweep away what dead ones left."""
    held = 0
    for path in home.leases.iterdir():
        if path.is_symlink() or not path.is_file():  # no client's; one that is gone by now must not be made again
            continue
        dead = try_lock(path)
        if dead is None:
            held += 1
        else:
            dead.release(remove=True)
    return held
