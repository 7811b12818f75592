"""Choosing a queue by what serves it now: “default — 1 of 2 agents free”. GUI thread; the list comes from a job."""

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.domain.accounts.account import Queue
from desktop_app.domain.launch.queues import offered
from desktop_app.domain.problems import Problem
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge, Ticket
from desktop_app.ui.look.text import count, shortened
from desktop_app.ui.look.theme import SPACE_S, SPACE_XS
from desktop_app.ui.widgets.basics import button, label
from desktop_app.ui.widgets.controls import ComboBox

LOOKING = "Looking for queues…"
NONE_FITS = "No queue has such tags"
LIVE_MS = 4000  # agents come and go while the form is open


def queue_text(queue: Queue) -> str:
    """Return one queue as an entry of the list."""
    name = shortened(" ".join(queue.name.split()), 80)
    free = sum(not worker.task for worker in queue.workers)
    agents = count(len(queue.workers), "agent")
    if not queue.served:
        state = "no agent"
    elif free == len(queue.workers):
        state = f"{agents} free"
    else:
        state = f"{free} of {agents} free" if free else f"{agents} busy"
    return f"{name} — {state}, {queue.waiting} waiting" if queue.waiting else f"{name} — {state}"


def warning_text(queue: Queue | None, wanted: str) -> str:
    """Return what the user should know before launching into it; "" = nothing."""
    if queue is None:
        return f"There is no queue “{wanted}” on this server any more." if wanted else ""
    if not queue.served:
        return "No agent serves this queue now: the session waits until one does."
    if all(worker.task for worker in queue.workers):
        return "All its agents are busy now: the session waits for its turn."
    return ""


def order(queue: Queue) -> tuple[bool, bool, str]:
    """Return those that can run a session soon first."""
    return (not queue.served, all(worker.task for worker in queue.workers), queue.name.casefold())


class QueueEditor(QWidget):
    """The value is the queue's name. ``failed`` carries the Problem when the list can't be had."""

    edited = Signal()
    failed = Signal(object)

    def __init__(self, core: Core, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core, self._bridge = core, bridge
        self._account = ""
        self._wanted = ""
        self._all: tuple[Queue, ...] = ()
        self._filter = ("", "")
        self._queues: dict[str, Queue] = {}
        self._ticket: Ticket | None = None
        self.live = QTimer(self)
        self.live.setSingleShot(True)
        self.live.setInterval(LIVE_MS)
        self.live.timeout.connect(self._look_again)
        self.combo = ComboBox()
        self.combo.setAccessibleIdentifier("option-queue")
        self.combo.currentIndexChanged.connect(self._picked)
        self._refresh = button("Refresh", "quiet", "queue-refresh")
        self._refresh.setToolTip("Ask the server again for its queues and agents")
        self._refresh.clicked.connect(lambda: self.load(self._account))
        self._warning = label(role="note", wrap=True)
        self._warning.setAccessibleIdentifier("queue-warning")
        self._lay_out()
        self.setFocusProxy(self.combo)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addWidget(self.combo, 1)
        row.addWidget(self._refresh)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_XS)
        column.addLayout(row)
        column.addWidget(self._warning)
        self._warning.setVisible(False)

    @property
    def target(self) -> QWidget:
        return self.combo

    # -- the list

    def load(self, account: str) -> None:
        """Ask for the queues of ``account``; the wanted one is chosen when they come."""
        if self._ticket is not None:
            self._ticket.drop()
        self._account = account
        self._all = ()
        self._fill((), LOOKING)
        self._ask(self._loaded)

    def _ask(self, then: Callable[[Outcome], None]) -> None:
        account = self._account
        self._ticket = self._bridge.submit(
            "queues", lambda cancel: self._core.launches.queues(account, cancel), then, self
        )

    def _look_again(self) -> None:
        """Keep the agents' counts true without a flicker and without taking an open list away."""
        if not self.isVisible() or self._ticket is not None or self.combo.view().isVisible():
            self.live.start()
            return
        self._ask(self._looked_again)

    def _looked_again(self, outcome: Outcome) -> None:
        self._ticket = None
        queues = tuple(sorted(outcome.value, key=order)) if isinstance(outcome.value, tuple) else ()
        if queues and queues != self._all:
            self._all = queues
            self._fill(self._offered(), "")
        self.live.start()

    def _loaded(self, outcome: Outcome) -> None:
        self._ticket = None
        if outcome.problem is not None:
            self._all = ()
            self._fill((), "The queues can't be read")
            problem: Problem = outcome.problem
            self.failed.emit(problem)
            return
        queues = outcome.value if isinstance(outcome.value, tuple) else ()
        self._all = tuple(sorted(queues, key=order))
        self._fill(self._offered(), NONE_FITS if self._all else "This server has no queue")
        self.live.start()
        self.failed.emit(None)

    def _offered(self) -> tuple[Queue, ...]:
        return offered(self._all, *self._filter)

    def show_only(self, include: str, exclude: str) -> None:
        """Offer queues by their tags (one per line) from now on."""
        if (include, exclude) == self._filter:
            return
        self._filter = (include, exclude)
        if self._all:
            self._fill(self._offered(), NONE_FITS)

    def _fill(self, queues: tuple[Queue, ...], otherwise: str) -> None:
        wanted = self._wanted
        self._queues = {queue.name: queue for queue in queues}
        self.combo.blockSignals(True)
        self.combo.clear()
        for queue in queues:
            self.combo.addItem(queue_text(queue), queue.name)
        if wanted and queues and wanted not in self._queues:
            here = any(queue.name == wanted for queue in self._all)
            self.combo.addItem(f"{wanted} — {'has other tags' if here else 'not on this server'}", wanted)
        if not queues:
            self.combo.addItem(otherwise, wanted)
        self.combo.setEnabled(bool(queues))
        self.combo.setCurrentIndex(max(0, self.combo.findData(wanted)))
        self.combo.blockSignals(False)
        self._picked()

    def _picked(self) -> None:
        if self._queues:
            self._wanted = str(self.combo.currentData() or "")
            text = warning_text(self._known(self._wanted), self._wanted)
        else:
            text = ""
        self._warning.setText(text)
        self._warning.setVisible(bool(text))
        self.edited.emit()

    def _known(self, name: str) -> Queue | None:
        return next((queue for queue in self._all if queue.name == name), None)

    # -- as an Editor

    def value(self) -> str | bool:
        return self._wanted

    def set_value(self, value: str | bool) -> None:
        self._wanted = str(value)
        at = self.combo.findData(self._wanted)
        if self._queues and at >= 0:
            self.combo.setCurrentIndex(at)
        elif self._queues and self._wanted:  # a profile's, from another server: it is shown, and warned of
            self._fill(self._offered(), NONE_FITS)
