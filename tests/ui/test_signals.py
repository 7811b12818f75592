"""PySide6 6.12.0 aborts Python 3.11 after some 570 emissions; whoever picks the version must see it here first."""

import threading

from PySide6.QtCore import QObject, Qt, Signal

EMISSIONS = 2000
THREADS = 4


class Source(QObject):
    fired = Signal(object)


def test_two_thousand_signals_across_threads(qtbot):
    source = Source()
    seen: list[object] = []
    source.fired.connect(seen.append, Qt.ConnectionType.QueuedConnection)

    def emit(first: int) -> None:
        for number in range(first, EMISSIONS, THREADS):
            source.fired.emit(number)

    threads = [threading.Thread(target=emit, args=(first,), name=f"emit-{first}") for first in range(THREADS)]
    for thread in threads:
        thread.start()
    qtbot.waitUntil(lambda: len(seen) == EMISSIONS, timeout=10_000)
    for thread in threads:
        thread.join(5)
    assert sorted(seen) == list(range(EMISSIONS))
    for thread_first in range(THREADS):  # what one thread emits stays in order
        own = [number for number in seen if number % THREADS == thread_first]
        assert own == sorted(own)


def test_two_thousand_direct_signals(qapp):
    source = Source()
    seen: list[object] = []
    source.fired.connect(seen.append)
    for number in range(EMISSIONS):
        source.fired.emit(number)
    assert len(seen) == EMISSIONS
