"""The only place where a callback of the core becomes a Qt signal.

Callbacks come on worker threads, slots run on the GUI thread. Emitting on a deleted object raises, so ``close()``
unsubscribes first and a lock keeps a late callback from emitting afterwards.
"""

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from shiboken6 import isValid

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.sessions.snapshot import SessionSnapshot
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome, PooledJob

COALESCE_MS = 40  # store changes of one burst reach the views together


class Ticket:
    """A submitted job as its caller holds it. GUI thread only."""

    def __init__(self) -> None:
        self.job: PooledJob | None = None
        self.dropped = False

    def cancel(self) -> None:
        """Ask the job to stop; its outcome still arrives (as cancelled, if it listened)."""
        if self.job is not None:
            self.job.cancel()

    def drop(self) -> None:
        """Cancel, and never hear of it again."""
        self.dropped = True
        self.cancel()


class Bridge(QObject):
    """One per core. ``sessions_changed``, ``accounts_changed`` and ``noticed`` (a Notice) reach the views;
    ``activated`` asks for the window."""

    sessions_changed = Signal()
    accounts_changed = Signal()
    noticed = Signal(object)
    activated = Signal()
    _store_told = Signal()
    _account_told = Signal()
    _told_notice = Signal(object)
    _told_activate = Signal()
    _finished = Signal(object)
    _news = Signal(object)

    def __init__(self, core: Core, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self._lock = threading.Lock()
        self._open = True
        self._pending = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(COALESCE_MS)
        self._timer.timeout.connect(self._flush)
        queued = Qt.ConnectionType.QueuedConnection
        self._store_told.connect(self._arm, queued)
        self._finished.connect(self._deliver, queued)
        self._news.connect(self._hand_on, queued)
        # Queued, so that no slot ever runs under our lock, not even when the GUI thread itself caused the notice.
        self._told_notice.connect(self.noticed, queued)
        self._told_activate.connect(self.activated, queued)
        self._account_told.connect(self.accounts_changed, queued)
        self._unsubscribe = [
            core.store.subscribe(self._on_change),
            core.accounts.subscribe(self._on_account),
            core.on_notice(self._on_notice),
            core.aliases.known.subscribe(lambda: self._on_change(None, None)),
        ]

    # -- called on worker threads

    def _on_change(self, _old: SessionSnapshot | None, _new: SessionSnapshot | None) -> None:
        with self._lock:
            if self._open and not self._pending:
                self._pending = True
                self._store_told.emit()

    def _on_account(self, _account: str) -> None:
        with self._lock:
            if self._open:
                self._account_told.emit()

    def _on_notice(self, notice: object) -> None:
        with self._lock:
            if self._open:
                self._told_notice.emit(notice)

    def activate(self) -> None:
        """Ask for the window, from any thread (a second start of the program does)."""
        with self._lock:
            if self._open:
                self._told_activate.emit()

    # -- GUI thread

    @Slot()
    def _arm(self) -> None:
        if self._open and not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _flush(self) -> None:
        with self._lock:
            self._pending = False
        self.sessions_changed.emit()

    def submit(
        self, name: str, work: Callable[[Cancel], object], then: Callable[[Outcome], None], owner: QObject
    ) -> Ticket:
        """Run blocking ``work`` on the core's pool and ``then`` here, unless ``owner`` is gone by that time."""
        ticket = Ticket()

        def done(outcome: Outcome) -> None:
            with self._lock:
                if self._open:
                    self._finished.emit((ticket, owner, then, outcome))

        ticket.job = self._core.jobs.submit(name, work, done)
        return ticket

    def news(self, then: Callable[[object], None], owner: QObject) -> Callable[[object], None]:
        """Return what a job calls to tell how far it is; ``then`` hears it here while ``owner`` lives."""

        def tell(value: object) -> None:
            with self._lock:
                if self._open:
                    self._news.emit((owner, then, value))

        return tell

    @Slot(object)
    def _hand_on(self, delivery: tuple[QObject, Callable[[object], None], object]) -> None:
        owner, then, value = delivery
        if isValid(owner):
            then(value)

    @Slot(object)
    def _deliver(self, delivery: tuple[Ticket, QObject, Callable[[Outcome], None], Outcome]) -> None:
        ticket, owner, then, outcome = delivery
        if ticket.dropped or not isValid(owner):
            return
        then(outcome)

    def close(self) -> None:
        """Unsubscribe; nothing is emitted afterwards. Idempotent."""
        with self._lock:
            self._open = False
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []
        self._timer.stop()
