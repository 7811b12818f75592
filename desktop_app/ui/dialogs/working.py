"""A dialog that does one job at a time: progress in its foot, a problem in its banner, Escape stops the job first.

GUI thread; the work runs as a job.
"""

from collections.abc import Callable

from PySide6.QtWidgets import QDialog, QWidget

from desktop_app.boundary.cancel import Cancel
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge, Ticket
from desktop_app.ui.widgets.banner import ProblemBanner
from desktop_app.ui.widgets.foot import Foot


class WorkingDialog(QDialog):
    """``content`` can't be used while a job is under way."""

    def __init__(self, bridge: Bridge, banner: str, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._content = content
        self._ticket: Ticket | None = None
        self._stopping = False
        self.banner = ProblemBanner(banner)
        self.foot = Foot()
        self.foot.cancelled.connect(self.reject)

    @property
    def busy(self) -> bool:
        return self._ticket is not None

    def start(self, name: str, text: str, work: Callable[[Cancel], object], then: Callable[[object], None]) -> None:
        """``text`` says what is done; ``then`` gets what ``work`` returned, unless it failed or was stopped."""
        self.banner.show_problem(None)
        self._show_progress(text)

        def done(outcome: Outcome) -> None:
            self._ticket = None
            self._show_progress("")
            self.banner.show_problem(outcome.problem)
            if outcome.problem is None and not outcome.cancelled:
                then(outcome.value)

        self._ticket = self._bridge.submit(name, work, done, self)

    def _show_progress(self, text: str) -> None:
        self._stopping = False
        self.foot.show_progress(text)
        self._content.setEnabled(not text)

    def reject(self) -> None:
        """Stop the job under way first (Escape, Cancel); the second press closes, even if it did not listen."""
        if self._ticket is not None and not self._stopping:
            self._stopping = True
            self.foot.show_stopping()
            self._ticket.cancel()
            return
        super().reject()

    def done(self, result: int) -> None:
        if self._ticket is not None:
            self._ticket.drop()
            self._ticket = None
        super().done(result)
