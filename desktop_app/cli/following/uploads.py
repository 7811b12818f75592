"""UploadWatch: the uploads of a launch, told beside what its session does. Main thread."""

from desktop_app.cli.context.context import Context
from desktop_app.cli.following.outcome import DONE, FAILED, Outcome
from desktop_app.cli.terminal.output import json_line, say
from desktop_app.cli.views.transfers import ProgressLine, summary_json, summary_text
from desktop_app.domain.files.listed import State, Transfer
from desktop_app.domain.files.transfer import readable
from desktop_app.domain.sessions.snapshot import SessionId

TELL_PERCENT = 5  # between two events about the uploads of a launch


class UploadWatch:
    """Tells what is uploaded to one session, and keeps a command from ending successfully before that."""

    def __init__(self, context: Context, session: SessionId) -> None:
        self._core = context.core
        self._session = session
        self._json = context.json
        self._told: dict[int, str] = {}
        self._lines: dict[int, ProgressLine] = {}
        self._failed = False
        self._core.uploads.take(session)  # what another process of ours left

    def look(self, outcome: Outcome | None) -> Outcome | None:
        """Tell what is new; return how the command ends, given how it would end without uploads.

        It does not end well before they are through; a failed one is a failure of the command.
        """
        transfers = self._core.transfers.of(self._session)
        for transfer in transfers:
            self._event(transfer) if self._json else self._say(transfer)
            left_out = bool(transfer.summary and transfer.summary.skipped)
            self._failed = self._failed or transfer.state is State.FAILED or left_out
        lost = self._core.uploads.lost.pop(self._session, "")
        if lost and not self._json:
            say(lost)
        if outcome != DONE:
            return outcome
        if any(transfer.active for transfer in transfers):
            return None
        return FAILED if self._failed else DONE

    def _is_news(self, number: int, text: str) -> bool:
        news = self._told.get(number) != text
        self._told[number] = text
        return news

    def _say(self, transfer: Transfer) -> None:
        line = self._lines.setdefault(transfer.number, ProgressLine(False, terminal=False))
        if transfer.state is State.RUNNING:
            line.tell(transfer.progress)
        if not self._is_news(transfer.number, f"{transfer.state.value} {bool(transfer.held)}"):
            return
        if transfer.held:
            again = f"sessiondock upload {self._session.task[:8]} --resume"
            say(f"Files are uploaded once it is up, by the window if this ends before, or with: {again}")
        for path in transfer.changed if transfer.summary else ():
            say(f"{readable(path)} has changed since the launch; what it is now was uploaded.")
        for skipped in transfer.summary.skipped if transfer.summary else ():
            say(f"Left out {skipped.path}: {skipped.why}.")
        if transfer.summary or transfer.problem:
            say(summary_text(transfer.summary) if transfer.summary else str(transfer.problem))

    def _event(self, transfer: Transfer) -> None:
        progress = transfer.progress
        if not self._is_news(transfer.number, f"{transfer.state.value} {progress.percent // TELL_PERCENT}"):
            return
        summary: dict[str, object] = summary_json(transfer.summary) if transfer.summary else {}
        sizes = {"bytes": progress.size, "bytes_total": progress.size_total, "changed": list(transfer.changed)}
        problem = str(transfer.problem) if transfer.problem else None
        about = {"event": "upload", "id": self._session.task, "state": transfer.state.value, "problem": problem}
        json_line({**summary, **sizes, **about})
