"""What every file that talks SSH shares: which errors end here, how long to wait, how to say what went wrong.

Any thread; holds no state.
"""

import struct
import threading
import time
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from paramiko import SSHException

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError, Cancelled, failure
from remote_bootstrap import contract

# What paramiko's transport thread stores and re-raises in its callers: protocol errors, what its parsers throw at
# malformed packets, and failed authentication tags.
WIRE_ERRORS = (SSHException, EOFError, OSError, ValueError, LookupError, TypeError, struct.error, InvalidTag)

TICK_SECONDS = 0.1  # how late a cancel may be noticed


class Deadline:
    """A Cancel, a deadline that always exists, and the tunnel's own end, as one thing to wait with."""

    def __init__(self, cancel: Cancel, stopped: threading.Event, seconds: float) -> None:
        self._cancel = cancel
        self._stopped = stopped
        self._deadline = time.monotonic() + cancel.remaining(seconds)

    @property
    def remaining(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    @property
    def gone(self) -> bool:
        return self._cancel.cancelled or self._stopped.is_set()

    def check(self) -> None:
        """Raise Cancelled when the caller or the tunnel gave up."""
        if self.gone:
            raise Cancelled

    def tick(self) -> float:
        return min(TICK_SECONDS, self.remaining)

    def wait(self, event: threading.Event, alive: Callable[[], bool] = lambda: True) -> bool:
        """True if the event came; False after the deadline or once ``alive`` is over. Raises Cancelled."""
        while not event.wait(self.tick()):
            self.check()
            if self.remaining == 0.0 or not alive():
                return event.is_set()
        return True


def unreachable(record: contract.Record, cause: str) -> AppError:
    return failure("ssh.unreachable", address=record.address, port=record.port, cause=cause)


def describe(error: BaseException | None) -> str:
    """Return one technical line; paramiko's texts hold names of algorithms and states, no secrets."""
    return f"{type(error).__name__}: {error}".rstrip(": ") if error else "no answer in time"
