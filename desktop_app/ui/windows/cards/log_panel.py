"""The live task log of the session that is shown: a bounded text that follows its end, with find and copy. GUI thread.

Lines come from ``Core.log`` in batches, at most ten times a second, and only while the panel can be seen.
"""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app.domain.access.terminal import plain_text
from desktop_app.domain.accounts.account import LogLine
from desktop_app.domain.sessions.snapshot import Remote, SessionId, SessionSnapshot
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge, Ticket
from desktop_app.ui.look.text import shortened
from desktop_app.ui.look.theme import SPACE_S, fixed_font
from desktop_app.ui.widgets.basics import ElidedLabel, button
from desktop_app.ui.widgets.controls import CheckBox

MAX_LINES = 5000  # the ring: older lines leave at the top
POLL_MS = 1500
MAX_COLUMNS = 4000  # of a line; `sessiondock log` prints the whole
MORE_MS = 100  # after a batch there may be more: ask again soon, but not more than ten times a second


class LogPanel(QWidget):
    """Shows one session's log; ``follow(None)`` empties it."""

    def __init__(self, core: Core, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core, self._bridge = core, bridge
        self._session: SessionId | None = None
        self._since = 0
        self._ended = False
        self._ticket: Ticket | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._ask)
        self._build()

    def _build(self) -> None:
        self._text = QPlainTextEdit()
        self._text.setObjectName("log")
        self._text.setAccessibleName("Task log")
        self._text.setAccessibleIdentifier("task-log")
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setMaximumBlockCount(MAX_LINES)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setFont(fixed_font())
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._text.setMinimumHeight(48)
        # Queued: the action is announced before the bar has moved.
        self._text.verticalScrollBar().actionTriggered.connect(self._scrolled, Qt.ConnectionType.QueuedConnection)
        self._find = QLineEdit()
        self._find.setPlaceholderText("Find in log")
        self._find.setAccessibleName("Find in log")
        self._find.setAccessibleIdentifier("log-find")
        self._find.setClearButtonEnabled(True)
        self._find.setMaximumWidth(200)
        self._find.setMinimumWidth(70)
        self._find.returnPressed.connect(self.find_next)
        self._tail = CheckBox("Follow")
        self._tail.setToolTip("Keep the newest line in view")
        self._tail.setAccessibleIdentifier("log-follow")
        self._tail.setChecked(True)
        self._tail.toggled.connect(self._tail_toggled)
        self._copy = button("Copy", "quiet", "log-copy")
        self._copy.setToolTip("Copy the whole log, or what is selected")
        self._copy.clicked.connect(self.copy)
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(SPACE_S)
        self._title = ElidedLabel("Task log", "section")  # gives way first: its place says what it is
        self._title.setMinimumWidth(64)
        head.addWidget(self._title, 1)
        for widget in (self._find, self._tail, self._copy):
            head.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_S)
        column.addLayout(head)
        column.addWidget(self._text, 1)

    @property
    def text(self) -> str:
        return self._text.toPlainText()

    # -- which session

    def follow(self, snapshot: SessionSnapshot | None) -> None:
        """Show this session's log from its beginning, or go on with it."""
        session = snapshot.id if snapshot else None
        ended = snapshot is not None and snapshot.remote is Remote.ENDED
        if session != self._session:
            self._restart(session)
        elif ended and not self._ended:
            self._schedule(MORE_MS)  # the last lines
        self._ended = ended

    def _restart(self, session: SessionId | None) -> None:
        if self._ticket is not None:
            self._ticket.drop()
            self._ticket = None
        self._timer.stop()
        self._text.clear()
        self._session, self._since = session, 0
        self._tail.setChecked(True)
        self._text.setPlaceholderText("")
        if session is not None:
            self._schedule(0)

    # -- fetching

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._schedule(0)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _schedule(self, milliseconds: int) -> None:
        if self._session is not None and self.isVisible() and self._ticket is None:
            self._timer.start(milliseconds)

    def _ask(self) -> None:
        session, since = self._session, self._since
        if session is None or self._ticket is not None:
            return
        self._ticket = self._bridge.submit(
            f"log-{session.task[:8]}",
            lambda cancel: self._core.sessions.log(session, since, cancel),
            self._answer,
            self,
        )

    def _answer(self, outcome: Outcome) -> None:
        self._ticket = None
        if outcome.problem is not None:
            self._text.setPlaceholderText(f"The log can't be read right now: {outcome.problem}")
        lines = outcome.value if isinstance(outcome.value, tuple) else ()
        if lines:
            self._append(lines)
            self._schedule(MORE_MS)
            return
        if outcome.problem is None and not self.text:
            self._text.setPlaceholderText("No output yet.")
        if not self._ended or outcome.problem is not None:
            self._schedule(POLL_MS)

    def _append(self, lines: tuple[LogLine, ...]) -> None:
        self._since = max(self._since, *(line.timestamp for line in lines))
        batch = "\n".join(_shown(line.text) for line in lines)
        bar = self._text.verticalScrollBar()
        stay = bar.value()
        self._text.appendPlainText(batch)
        bar.setValue(bar.maximum() if self._tail.isChecked() else stay)

    # -- reading

    def _scrolled(self, _action: int) -> None:
        """Reading back stops following; coming to the end starts it again."""
        bar = self._text.verticalScrollBar()
        self._tail.setChecked(bar.value() >= bar.maximum() - 1)

    def _tail_toggled(self, on: bool) -> None:
        if on:
            bar = self._text.verticalScrollBar()
            bar.setValue(bar.maximum())

    def focus_find(self) -> None:
        self._find.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._find.selectAll()

    def find_next(self) -> None:
        """Select the next hit, from the top again after the last; stops following so that the hit stays in view."""
        wanted = self._find.text()
        if not wanted:
            return
        self._tail.setChecked(False)
        found = self._text.find(wanted)
        if not found:
            self._text.moveCursor(QTextCursor.MoveOperation.Start)
            found = self._text.find(wanted)
        self._title.setText("Task log" if found else "Task log — not found")

    def show_log(self) -> None:
        """Bring the end of the log into view and the keyboard to it."""
        self._tail.setChecked(True)
        self._tail_toggled(True)
        self._text.setFocus(Qt.FocusReason.OtherFocusReason)

    def copy(self) -> None:
        selected = self._text.textCursor().selectedText().replace("\u2029", "\n")
        QGuiApplication.clipboard().setText(selected or self.text)


def _shown(text: str) -> str:
    lines = plain_text(text).rstrip("\n").split("\n")
    return "\n".join(shortened(line, MAX_COLUMNS) for line in lines)
