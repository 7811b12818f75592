"""Signals that end a session, heard on a thread of their own (``signals``)."""

import os
import signal
import threading
from typing import Callable

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def listen(on_signal: Callable[[str], None]) -> None:
    """Call ``on_signal`` with the name of each ending signal that this process gets. Main thread only.

    The thread hears of them by way of a pipe: a handler that sets an event while the main thread is inside that event
    would wait for itself.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in ENDING:
        signal.signal(number, lambda _number, _frame: None)
    threading.Thread(target=_hear, args=(reading, on_signal), name="signals", daemon=True).start()


def _hear(reading: int, on_signal: Callable[[str], None]) -> None:
    while True:
        received = os.read(reading, 1)
        if received and received[0] in ENDING:
            on_signal(signal.Signals(received[0]).name)
