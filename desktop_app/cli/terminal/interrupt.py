"""Ctrl-C and the signals that end a program: what was begun stops, and the exit code says so. Main thread.

A signal raises KeyboardInterrupt on the main thread, in the middle of anything: between two halves of a message, too,
whose connection then looks broken to the code that tidies up. So it also marks every ``Cancel`` of the command line as
cancelled, and ``interrupted`` stays true. No locks: a handler runs between two steps of the main thread, which may
hold them.
"""

import signal
from types import FrameType

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import Cancelled

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # not SIGHUP: with it ssh ends its ssh-proxy, which has nothing to say


class _State:
    """Whether this process was interrupted."""

    interrupted = False


def interrupted() -> bool:
    """True if a signal asked this process to end."""
    return _State.interrupted


def watch() -> None:
    """Let signals interrupt from now on; those that were ignored when we were started stay ignored."""
    _State.interrupted = False
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _State.interrupted = True
    raise KeyboardInterrupt


class Interruptible(Cancel):
    """A Cancel that a signal cancels."""

    @property
    def cancelled(self) -> bool:
        return _State.interrupted or super().cancelled

    def check(self) -> None:
        """Raise Cancelled if a signal or another cause cancelled it."""
        if self.cancelled:
            raise Cancelled

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; return whether it is cancelled, which a signal does at once."""
        return super().wait(0.0 if _State.interrupted else seconds) or _State.interrupted
