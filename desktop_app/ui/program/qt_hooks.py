"""What is installed once per process before any window: crash and Qt message logging, signals. Main thread."""

import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QSocketNotifier, QtMsgType, qInstallMessageHandler

log = logging.getLogger(__name__)

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def _qt_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    category = str(context.category or "")
    level = _LEVELS.get(kind, logging.WARNING)
    if category.startswith("qt.accessibility"):  # a screen reader asks for what was just closed: nothing is wrong
        level = logging.DEBUG
    logging.getLogger("qt").log(level, "%s", text)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what a slot raises: it must not end the window."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("unexpected error", exc_info=(kind, error, trace))


def _uncaught_in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None and found.exc_type is not SystemExit:
        name = found.thread.name if found.thread else "?"
        log.critical(
            "unexpected error in thread %s", name, exc_info=(found.exc_type, found.exc_value, found.exc_traceback)
        )


def install_hooks() -> None:
    qInstallMessageHandler(_qt_message)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


class EndSignals(QObject):
    """SIGINT and SIGTERM as a call on the GUI thread.

    Python runs signal handlers only between its own instructions and Qt's loop runs none while idle, so the
    interpreter writes the signal's number into a socket that Qt watches.
    """

    def __init__(self, leave: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._leave = leave
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._old_fd = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._arrived)

    def _arrived(self) -> None:
        self._read.recv(64)
        self._leave()

    def restore(self) -> None:
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()
