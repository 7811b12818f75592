"""Ports of the selected session: what listens there, forwarding and opening it. GUI thread.

Asks the session every few seconds, and only while the card can be seen and the session is connected; seldom while
another window is in use.
"""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.domain.access.listening import Forward
from desktop_app.domain.sessions.snapshot import Link, SessionId, SessionSnapshot, answers
from desktop_app.services.core import Core
from desktop_app.services.ports.view import PortsView, PortView
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands.commands import Commands
from desktop_app.ui.look.text import count
from desktop_app.ui.widgets.basics import Card, label, retire
from desktop_app.ui.widgets.controls import Fold
from desktop_app.ui.windows.cards.port_row import PortRow
from desktop_app.ui.windows.cards.ports_more import PortsMore

LOOK_MS = 3000
REST_LOOKS = 10
ASIDE_LOOKS = 2  # left out while the user works in another window
EMPTY = "Nothing else listens in the session. Start TensorBoard, Gradio or any other server there and it shows up here."
ASKING = "Asking the session what listens there…"
AWAY = "They show up here once the session is connected again."
SHOWN_LINKS = (Link.UP, Link.RETRYING)


class PortsCard(Card):
    """Follows one session. ``copied`` asks to put an address on the clipboard."""

    copied = Signal(str)

    def __init__(self, core: Core, bridge: Bridge, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__("Ports", parent)
        self._core, self._bridge, self._commands = core, bridge, commands
        self._session: SessionId | None = None
        self._up = False
        self._asking = self._stale = False
        self._rest = 0  # looks to leave out
        self._view: PortsView | None = None
        self._rows: dict[int, PortRow] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._tick)
        commands.changed.connect(self._command_changed)
        self._build()

    def _build(self) -> None:
        self._hint = label(ASKING, "muted", wrap=True)
        self._hint.setAccessibleIdentifier("ports-hint")
        self.body.addWidget(self._hint)
        self._own = _column()
        self.body.addWidget(self._own)
        self._machine = _column()
        self._fold = Fold("", self._machine)
        self._fold.setAccessibleIdentifier("ports-machine")
        self.body.addWidget(self._fold)
        self.body.addWidget(self._machine)
        self._more = PortsMore()
        self._more.proxy.connect(self._proxy)
        self._more.reversed.connect(self._reverse)
        self._more.stopped.connect(self._stop_other)
        self._unlisted = label(role="muted", wrap=True)
        self._unlisted.setAccessibleIdentifier("ports-unlisted")
        self.body.addWidget(self._unlisted)
        self._more_fold = Fold("More: proxy and reverse forwards", self._more)
        self._more_fold.setAccessibleIdentifier("ports-more")
        self.body.addWidget(self._more_fold)
        self.body.addWidget(self._more)
        self._show()

    # -- following

    def follow(self, snapshot: SessionSnapshot) -> None:
        if snapshot.id != self._session:
            self._session, self._view = snapshot.id, None
        was_up, self._up = self._up, answers(snapshot)
        ours = snapshot.facts.clearml_session is None  # a session of clearml-session can't be asked
        self.setVisible(ours and snapshot.link in SHOWN_LINKS)
        self._show()
        if self._up and (not was_up or self._view is None):
            self._look()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self._look()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _tick(self) -> None:
        if self._rest:
            self._rest -= 1
        elif not self.window().isMinimized():
            self._look()
            if not self.isActiveWindow():
                self._rest = ASIDE_LOOKS

    def _look(self) -> None:
        session = self._session
        self._stale = self._asking  # an answer that is on its way may be older than what happened since
        if session is None or not self._up or not self.isVisible() or self._asking:
            return
        self._asking = True

        def looked(outcome: Outcome) -> None:
            self._asking = False
            if session != self._session or self._stale:
                self._look()
            if session != self._session:
                return
            if isinstance(outcome.value, PortsView):
                self._view = outcome.value
                self._show()
            elif outcome.problem is not None:
                self._rest = REST_LOOKS  # an older session, or a connection that breaks: no question every moment
                if self._view is None:
                    self._hint.setText(str(outcome.problem))

        self._bridge.submit("ports", lambda cancel: self._core.ports.look(session, cancel), looked, self)

    def _show(self) -> None:
        ports = self._view.ports if self._view else ()
        own = [one for one in ports if one.session]
        machine = [one for one in ports if not one.session]
        for port in self._rows.keys() - {one.port for one in ports}:
            retire(self._rows.pop(port))
        for column, views in ((self._own, own), (self._machine, machine)):
            for at, view in enumerate(views):
                self._place(view, column, at)
        self._more.follow(self._view.others if self._view else ())
        self._more.setEnabled(self._up)
        self._hint.setText(EMPTY if self._view else ASKING if self._up else AWAY)
        self._hint.setVisible(not own)
        unlisted = self._view.more if self._view else 0
        self._unlisted.setText(
            f"Not listed: {count(unlisted, 'more port')}. The command sessiondock forward reaches them."
        )
        self._unlisted.setVisible(unlisted > 0)
        self._fold.setText(f"{count(len(machine), 'port')} of the machine itself")
        self._fold.setVisible(bool(machine))
        self._machine.setVisible(bool(machine) and self._fold.isChecked())

    def _place(self, view: PortView, column: QWidget, at: int) -> None:
        row = self._rows.get(view.port)
        if row is None:
            row = self._rows[view.port] = self._make(view)
        layout = column.layout()
        assert isinstance(layout, QVBoxLayout)
        if layout.indexOf(row) != at:
            layout.insertWidget(at, row)
        session = self._session
        busy = session is not None and self._commands.doing(session, _job(view.port))
        row.follow(view, up=self._up, busy=busy)

    def _make(self, view: PortView) -> PortRow:
        row = PortRow(view)
        row.opened.connect(self._open)
        row.forwarded.connect(self._forward)
        row.stopped.connect(self._stop)
        row.always.connect(self._always)
        row.copied.connect(self.copied)
        return row

    # -- what the user asks for

    def _open(self, port: int) -> None:
        if (session := self._session) is not None:
            work = lambda cancel: self._core.ports.open(session, port, cancel)  # noqa: E731
            self._commands.do(session, _job(port), work)

    def _forward(self, port: int) -> None:
        if (session := self._session) is not None:
            work = lambda cancel: self._core.ports.forward(session, port, cancel)  # noqa: E731
            self._commands.do(session, _job(port), work)

    def _stop(self, port: int) -> None:
        if (session := self._session) is not None:
            work = lambda cancel: self._core.ports.stop(session, port, cancel)  # noqa: E731
            self._commands.do(session, _job(port), work)

    def _proxy(self) -> None:
        if (session := self._session) is not None:
            self._commands.do(session, "ports-proxy", lambda cancel: self._core.ports.socks(session, cancel))

    def _reverse(self, remote: int, local: int) -> None:
        if (session := self._session) is not None:
            work = lambda cancel: self._core.ports.reverse(session, remote, local, cancel)  # noqa: E731
            self._commands.do(session, f"reverse-{remote}", work)

    def _stop_other(self, other: Forward) -> None:
        if (session := self._session) is not None:
            work = lambda cancel: self._core.ports.stop_other(session, other, cancel)  # noqa: E731
            self._commands.do(session, other.key, work)

    def _always(self, service: str, on: bool) -> None:
        if (session := self._session) is not None:
            self._commands.do(session, "ports-rule", lambda _cancel: self._core.ports.always(service, on))

    def _command_changed(self, session: object) -> None:
        """Show at once that a command began or ended."""
        if session == self._session:
            self._show()
            self._look()


def _job(port: int) -> str:
    return f"port-{port}"


def _column() -> QWidget:
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    return made
