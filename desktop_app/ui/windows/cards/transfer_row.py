"""One upload or download in the details: how far it is, and cancel, resume or remove. GUI thread."""

from pathlib import PurePath

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop_app.domain.files.listed import State, Transfer
from desktop_app.domain.files.transfer import Progress, Summary, readable, size_text
from desktop_app.ui.look.text import count, tooltip
from desktop_app.ui.look.theme import SPACE_M, SPACE_S, SPACE_XS
from desktop_app.ui.widgets.basics import ElidedLabel, button, label

SHOWN_SKIPPED = 3


def title_of(transfer: Transfer) -> str:
    names = [readable(PurePath(source).name or source) for source in transfer.sources]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{'Upload' if transfer.up else 'Download'} {names[0] if names else ''}{more}"


def text_of(transfer: Transfer) -> str:
    """Return where it stands, in one line."""
    if transfer.state is State.WAITING:
        return transfer.held or "Waits for another transfer to end"
    if transfer.state is State.CANCELLED:
        return "Cancelled; what arrived is kept"
    if transfer.state is State.FAILED and transfer.problem is not None:
        return str(transfer.problem)
    if transfer.summary is not None:
        return summary_text(transfer.summary) + changed_text(transfer)
    return progress_text(transfer.progress)


def progress_text(now: Progress) -> str:
    if now.waiting:
        return f"{now.waiting}; trying again"
    if not now.files_total:
        return "Looking what there is…"
    sizes = f"{size_text(now.size)} of {size_text(now.size_total)}"
    return (
        f"{now.percent} % · {sizes} · file {min(now.files + 1, now.files_total)} of {now.files_total} · {now.current}"
    )


def summary_text(summary: Summary) -> str:
    same = f", {summary.unchanged} there already" if summary.unchanged else ""
    text = f"{count(summary.files, 'file')}, {size_text(summary.size)}, in {readable(summary.to)}{same}"
    if not summary.checked:
        text += " · the session could not check them"
    if summary.skipped:
        shown = ", ".join(f"{one.path} ({one.why})" for one in summary.skipped[:SHOWN_SKIPPED])
        more = f" and {len(summary.skipped) - SHOWN_SKIPPED} more" if len(summary.skipped) > SHOWN_SKIPPED else ""
        text += f" · left out: {shown}{more}"
    return text


def changed_text(transfer: Transfer) -> str:
    names = ", ".join(readable(PurePath(path).name) for path in transfer.changed[:SHOWN_SKIPPED])
    more = len(transfer.changed) - SHOWN_SKIPPED
    return f" · changed since the launch: {names}{f' and {more} more' if more > 0 else ''}" if names else ""


class TransferRow(QWidget):
    """Follows one transfer; the signals carry its number."""

    cancelled = Signal(int)
    resumed = Signal(int)
    removed = Signal(int)

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ElidedLabel(role="section")
        self._text = label(role="muted", wrap=True)
        self._text.setAccessibleIdentifier(f"transfer-text-{number}")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 100)
        self._bar.setAccessibleIdentifier(f"transfer-progress-{number}")
        self._cancel = button("Cancel", "quiet", f"transfer-cancel-{number}")
        self._cancel.clicked.connect(lambda: self.cancelled.emit(number))
        self._resume = button("Resume", "", f"transfer-resume-{number}")
        self._resume.clicked.connect(lambda: self.resumed.emit(number))
        self._remove = button("Remove", "quiet", f"transfer-remove-{number}")
        self._remove.setToolTip("Take it off this list; the files stay where they are")
        self._remove.clicked.connect(lambda: self.removed.emit(number))
        self._lay_out()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(SPACE_XS)
        for widget in (self._title, self._bar, self._text):
            words.addWidget(widget)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, SPACE_S, 0, SPACE_S)
        row.setSpacing(SPACE_M)
        row.addLayout(words, 1)
        for one in (self._cancel, self._resume, self._remove):
            row.addWidget(one)

    def follow(self, transfer: Transfer) -> None:
        title, text = title_of(transfer), text_of(transfer)
        self._title.setText(title)
        self._text.setText(text)
        full = [f"{one.path}: {one.why}" for one in transfer.summary.skipped] if transfer.summary else []
        self._text.setToolTip(tooltip("\n".join(full)) if full else "")
        self._bar.setAccessibleName(title)
        self._bar.setValue(transfer.progress.percent)
        self._bar.setVisible(transfer.active)
        ended = transfer.state in (State.FAILED, State.CANCELLED)
        self._cancel.setVisible(transfer.active)
        self._resume.setVisible(ended)
        self._remove.setVisible(not transfer.active)
        for one, verb in ((self._cancel, "Cancel"), (self._resume, "Resume"), (self._remove, "Remove")):
            one.setAccessibleName(f"{verb}: {title}")
