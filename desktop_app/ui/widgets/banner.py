"""The problem banner: what is wrong, in words, with its remedies as buttons. GUI thread."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop_app.domain.problems import Problem, Remedy, Retry
from desktop_app.ui.look.status import Shape
from desktop_app.ui.look.text import tooltip
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XS, Tone
from desktop_app.ui.widgets.basics import Glyph, button, label, repolish, retire
from desktop_app.ui.widgets.flow_layout import FlowLayout


class ProblemBanner(QFrame):
    """Hidden while there is no problem. A problem that heals by itself is amber, one that needs a human is red.

    A ``calm`` banner is amber whatever it says: it tells of something that stopped nothing.
    """

    remedy = Signal(object)  # Remedy
    dismissed = Signal()

    def __init__(
        self, identifier: str, *, dismissible: bool = False, calm: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleIdentifier(identifier)
        self._problem: Problem | None = None
        self._buttons: list[QPushButton] = []
        self._glyph = Glyph(Shape.WARNING, Tone.BAD, 20)
        self._title = label(role="section", wrap=True)
        self._detail = label(wrap=True, selectable=True)
        self._cause = label(role="mono", wrap=True, selectable=True)
        self._dismissible, self._calm = dismissible, calm
        self._lay_out()
        self.setVisible(False)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_L, SPACE_M, SPACE_L, SPACE_M)
        row.setSpacing(SPACE_M)
        side = QVBoxLayout()
        side.addWidget(self._glyph)
        side.addStretch()
        row.addLayout(side)
        words = QVBoxLayout()
        words.setSpacing(SPACE_XS)
        for widget in (self._title, self._detail, self._cause):
            words.addWidget(widget)
        self._flow = FlowLayout(spacing=SPACE_S)
        words.addSpacing(SPACE_XS)
        words.addLayout(self._flow)
        row.addLayout(words, 1)

    @property
    def problem(self) -> Problem | None:
        return self._problem

    def show_problem(self, problem: Problem | None) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        self.setVisible(problem is not None)
        self._clear()
        if problem is None:
            return
        self._set(self._title, problem.title)
        self._set(self._detail, problem.detail)
        self._detail.setToolTip(tooltip(problem.detail))  # one long word can be wider than the window
        self._set(self._cause, "")
        for offered in problem.remedies:
            self._add(offered.value, f"remedy-{offered.name.lower()}", partial(self.remedy.emit, offered))
        if problem.cause:
            self._add("Technical details", "banner-cause", lambda: self._set(self._cause, problem.cause))
        if self._dismissible:
            self._add("Dismiss", "banner-dismiss", self.dismissed.emit)
        self._colour()

    @staticmethod
    def _set(widget: QLabel, text: str) -> None:
        widget.setText(text)
        widget.setVisible(bool(text))

    def _add(self, text: str, identifier: str, act: Callable[[], None]) -> None:
        made = button(text, identifier=identifier)
        made.clicked.connect(act)
        self._flow.addWidget(made)
        made.show()
        self._buttons.append(made)

    def _clear(self) -> None:
        for old in self._buttons:
            self._flow.removeWidget(old)
            retire(old)
        self._buttons = []

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        return self._problem.remedies if self._problem else ()

    def _colour(self) -> None:
        heals = self._problem is not None and self._problem.retry is Retry.AUTO
        tone = Tone.WARN if heals or self._calm else Tone.BAD
        self._glyph.show_shape(Shape.WARNING, tone)
        self.setProperty("banner", tone.value)
        repolish(self)
