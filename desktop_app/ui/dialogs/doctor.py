"""“Find out what's wrong”: the stages as they are examined, the conclusion in words, and a report to copy. GUI thread.

The report is shown, and may be edited, before it leaves this computer.
"""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.diagnosis import Diagnosis, Finding, Stage, Verdict
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.look.status import Shape
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, Tone
from desktop_app.ui.widgets.basics import Glyph, Page, button, label
from desktop_app.ui.widgets.controls import Fold

LOOKS = {
    Verdict.GOOD: (Shape.TICK, Tone.GOOD, "works"),
    Verdict.BROKEN: (Shape.CROSS, Tone.BAD, "broken"),
    Verdict.DOUBTFUL: (Shape.WARNING, Tone.WARN, "doubtful"),
    Verdict.UNKNOWN: (Shape.CLOCK, Tone.NEUTRAL, "not checked"),
}
LOOKING = "Looking…"


class _Row:
    """One stage: its mark, its words, what was found."""

    def __init__(self, grid: QGridLayout, finding: Finding) -> None:
        at = grid.rowCount()
        self._glyph = Glyph(Shape.CLOCK, Tone.NEUTRAL, 16)
        self._what = label(finding.said, wrap=True)
        self._found = label(role="muted", wrap=True, selectable=True)
        grid.addWidget(self._glyph, at, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self._what, at, 1, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self._found, at, 2, Qt.AlignmentFlag.AlignTop)
        self.show(finding)

    def show(self, finding: Finding) -> None:
        shape, tone, word = LOOKS[finding.verdict]
        self._glyph.show_shape(shape, tone)
        found = finding.text or (finding.problem.title if finding.problem else "")
        self._found.setText(found or (word if finding.verdict is Verdict.UNKNOWN else ""))
        self._what.setAccessibleName(f"{finding.said}: {word}")


@dataclass(frozen=True, slots=True)
class _Examined:
    """What came of an examination, and the report about it, which looks at installed files."""

    diagnosis: Diagnosis
    report: str


class DoctorDialog(QDialog):
    """Examines one session as soon as it is opened; closing ends that."""

    def __init__(
        self, core: Core, bridge: Bridge, session: SessionId, name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._rows: dict[tuple[Stage, str], _Row] = {}
        self.setWindowTitle(f"What's wrong with “{name}”?")
        self.setAccessibleIdentifier("doctor")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._build()
        tell = bridge.news(self._on_told, self)

        def work(cancel: Cancel) -> _Examined:
            diagnosis = core.doctor.examine(session, cancel, tell)
            return _Examined(diagnosis, core.doctor.report(diagnosis))

        self._ticket = bridge.submit("doctor", work, self._done, self)
        self.finished.connect(lambda _code: self._ticket.drop())

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        column.setSpacing(SPACE_M)
        self._headline = label(LOOKING, "heading", wrap=True)
        self._headline.setAccessibleIdentifier("doctor-headline")
        self._advice = label("From this computer to the session's applications, one step after the other.", wrap=True,
                             selectable=True)  # fmt: skip
        self._advice.setAccessibleIdentifier("doctor-advice")
        column.addWidget(self._headline)
        column.addWidget(self._advice)
        page = Page("What was examined", 0, 200)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(SPACE_M)
        self._grid.setVerticalSpacing(SPACE_S)
        self._grid.setColumnStretch(1, 3)
        self._grid.setColumnStretch(2, 4)
        page.body.addLayout(self._grid)
        page.body.addStretch()
        column.addWidget(page, 3)
        self._add_report(column)
        column.addLayout(self._foot())
        fit_screen(self, 680, 640)

    def _add_report(self, column: QVBoxLayout) -> None:
        self._report = QPlainTextEdit()
        self._report.setAccessibleName("The report; you can change it before you copy it")
        self._report.setAccessibleIdentifier("doctor-report")
        self._report.setMinimumHeight(140)
        self._fold = Fold("Show the report: what is copied, and nothing else", self._report)
        self._fold.setAccessibleIdentifier("doctor-show-report")
        self._fold.setEnabled(False)
        column.addWidget(self._fold)
        column.addWidget(self._report, 2)

    def _foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        self._copied = label(role="muted")
        self._copy = button("Copy report", "", "doctor-copy")
        self._copy.setEnabled(False)
        self._copy.clicked.connect(self._on_copy)
        close = button("Close", "primary", "doctor-close")
        close.clicked.connect(self.accept)
        foot.addWidget(self._copied, 1)
        foot.addWidget(self._copy)
        foot.addWidget(close)
        return foot

    # -- following

    def _on_told(self, finding: object) -> None:
        assert isinstance(finding, Finding)
        key = (finding.stage, finding.subject)
        if key in self._rows:
            self._rows[key].show(finding)
        else:
            self._rows[key] = _Row(self._grid, finding)

    def _done(self, outcome: Outcome) -> None:
        if isinstance(outcome.value, _Examined):
            diagnosis = outcome.value.diagnosis
            for finding in diagnosis.findings:
                self._on_told(finding)
            self._headline.setText(diagnosis.headline)
            self._advice.setText(diagnosis.advice)
            self._report.setPlainText(outcome.value.report)
            self._fold.setEnabled(True)
            self._copy.setEnabled(True)
        elif outcome.problem is not None:
            self._headline.setText(outcome.problem.title)
            self._advice.setText(outcome.problem.detail)

    def _on_copy(self) -> None:
        """Show at the first press what would leave, and copy it at the next one."""
        if not self._fold.isChecked():
            self._fold.setChecked(True)
            self._copied.setText("This is what will be copied. Press again to copy it.")
            return
        QGuiApplication.clipboard().setText(self._report.toPlainText())
        self._copied.setText("The report is on the clipboard.")
