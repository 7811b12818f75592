"""The facts of a session as a table of one or two columns, whichever fits. GUI thread."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from desktop_app.domain.sessions.snapshot import SessionSnapshot
from desktop_app.ui.look.text import MOST, ago, shortened
from desktop_app.ui.look.theme import SPACE_L, SPACE_S
from desktop_app.ui.widgets.basics import Card, label, retire
from desktop_app.ui.widgets.wrapped_text import WrappedText

TWO_COLUMNS_FROM = 520  # px of width
CLEARML_SESSION = "clearml-session; ssh enters by a server that SessionDock runs there while it is connected"
WIDE = frozenset({"Task", "Server says"})  # never beside another fact
WIDE_FROM = 26  # characters: a longer value has the row for itself


def facts_of(snapshot: SessionSnapshot, alias: str = "") -> tuple[tuple[str, str], ...]:
    """Return the facts that are known, as (label, value). ``alias``: the session's name for ssh."""
    facts, record = snapshot.facts, snapshot.facts.record
    rows = (
        ("Queue", facts.queue),
        ("Agent", facts.worker),
        ("Project", facts.project),
        (
            "Machine",
            f"{record.user}@{record.address}, port {record.port}" if record else _tool_machine(snapshot),
        ),
        ("Name for ssh", alias),
        ("Created", ago(facts.created)),
        ("Started", ago(facts.started)),
        ("Held by", f"process {snapshot.held_by} on this computer" if snapshot.held_by else ""),
        ("Started by", CLEARML_SESSION if facts.clearml_session else ""),
        ("Task", snapshot.id.task),
        ("Server says", facts.message),
    )
    return tuple((name, " ".join(shortened(value, MOST).split())) for name, value in rows if value)


def _tool_machine(snapshot: SessionSnapshot) -> str:
    place = snapshot.facts.clearml_session
    return f"{place.user}@{place.address}, port {place.port}" if place and place.ready else ""


class FactsCard(Card):
    """Follows a snapshot; a value that did not change keeps what is selected in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Details", parent)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(SPACE_L)
        self._grid.setVerticalSpacing(SPACE_S)
        self.body.addLayout(self._grid)
        self._labels: dict[str, tuple[QLabel, WrappedText]] = {}
        self._placed: dict[str, tuple[int, int, int]] = {}

    def follow(self, snapshot: SessionSnapshot, alias: str = "") -> None:
        rows = facts_of(snapshot, alias)
        names = tuple(name for name, _value in rows)
        if names != tuple(self._labels):
            self._make(names)
        for name, value in rows:
            self._labels[name][1].show_text(value)
        self._place()

    def _make(self, names: tuple[str, ...]) -> None:
        for pair in self._labels.values():
            for widget in pair:
                self._grid.removeWidget(widget)
                retire(widget)
        self._labels = {name: (label(name, "muted"), WrappedText(name)) for name in names}
        self._placed = {}
        for name, (caption, value) in self._labels.items():
            caption.setBuddy(value)
            value.setAccessibleIdentifier(f"fact-{name.lower().replace(' ', '-')}")

    def _cells(self) -> dict[str, tuple[int, int, int]]:
        """Return fact -> row, column, columns that the value takes."""
        columns = 2 if self.width() >= TWO_COLUMNS_FROM else 1
        cells, row, column = {}, 0, 0
        for name, (_caption, value) in self._labels.items():
            wide = columns == 1 or name in WIDE or len(value.text()) > WIDE_FROM
            if wide and column:
                row, column = row + 1, 0
            cells[name] = (row, 2 * column, 3 if wide else 1)
            row, column = (row, 1) if not wide and not column else (row + 1, 0)
        return cells

    def _place(self) -> None:
        cells = self._cells()
        if cells == self._placed:
            return
        self._placed = cells
        for name, (row, column, span) in cells.items():
            caption, value = self._labels[name]
            self._grid.addWidget(caption, row, column, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, column + 1, 1, span, Qt.AlignmentFlag.AlignTop)
        for at in (1, 3):
            self._grid.setColumnStretch(at, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()
