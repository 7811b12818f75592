"""Commands about files: upload, download, files, sync. Main thread.

They connect by themselves; the session need not be attached. With --json each line is an event: progress (ten a second
at most), then done. On a terminal progress is one line that is written over; elsewhere a few lines tell. Exit code 1
when something was left out, which is then named.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop_app.cli.base import CommandBase
from desktop_app.cli.interrupt import Interruptible
from desktop_app.cli.output import json_line, result, say, table
from desktop_app.domain.access.terminal import plain_text
from desktop_app.domain.files.remote_files import FileKind, RemoteEntry
from desktop_app.domain.files.transfer import SESSION_FILES, Progress, Summary, readable, size_text
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import Remote, SessionId, SessionSnapshot
from desktop_app.services.core import Core
from desktop_app.services.files.transfers import State, Transfer
from desktop_app.services.files.trees import changed

MakeCommand = Callable[[str, str, str], argparse.ArgumentParser]

TELL_PERCENT = 5  # between two events about the uploads of a launch
PLAIN_PERCENT = 10  # between two lines where no terminal shows them,
PLAIN_EVERY_S = 5.0  # and so long at least,
PLAIN_LONG_S = 60.0  # but after so long there is one in any case
GOES_ON = "What was copied stays; the same command goes on from there."
_CLEAR = "\r\x1b[K"
_LETTERS = {FileKind.FOLDER: "/", FileKind.LINK: "@", FileKind.OTHER: "?"}


def add_file_commands(make: MakeCommand) -> None:
    """``make(name, handler, help)`` makes one command with its common arguments."""
    upload = make(
        "upload", "run_upload", "copy files and folders of this computer into a session; goes on where it was"
    )
    download = make("download", "run_download", "copy files and folders of a session to this computer")
    files = make("files", "run_files", "show a folder of a session")
    for command in (upload, download, files):
        command.add_argument("session", help="id, beginning of an id, or name")
        command.add_argument("--account", default=argparse.SUPPRESS, help="the account's name or id")
    paths = "a file or a folder; links out of it are left out"
    what = upload.add_argument("paths", nargs="+", metavar="PATH", help=paths)
    resume = "instead of PATH: what its launch was to upload"
    upload.add_argument("--resume", action=_InsteadOf, instead_of=what, default=False, help=resume)
    upload.add_argument("--to", default="", metavar="DIR", help=f"the remote folder (default: ~/{SESSION_FILES})")
    download.add_argument("paths", nargs="+", metavar="REMOTE", help="a path there; a relative one starts at home")
    download.add_argument("--to", default=".", metavar="DIR", help="the folder here (default: the current one)")
    sync = make("sync", "run_sync", "store a session's workspace now")
    sync.add_argument("session", nargs="?", default="", help="id, beginning of an id, or name")
    sync.add_argument("--account", default=argparse.SUPPRESS, help="the account's name or id")
    files.add_argument("folder", nargs="?", default="", help=f"default: ~/{SESSION_FILES}, or home without one")


class _InsteadOf(argparse.Action):
    """A flag in place of words that must be given otherwise. Words that may be missing ("*") would not do: argparse
    takes none of those that follow a flag then."""

    def __init__(self, instead_of: argparse.Action, **shape: Any) -> None:
        super().__init__(**shape, nargs=0)
        self._instead_of = instead_of

    def __call__(self, _parser: object, namespace: argparse.Namespace, *_given: object) -> None:
        setattr(namespace, self.dest, True)
        self._instead_of.required = False


class FileCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_upload(self) -> int:
        if self.arguments.resume == bool(self.arguments.paths):
            raise failure("usage.missing", why="Name what to upload, or --resume for what the launch was to upload.")
        session = self.session()
        if self.arguments.resume:
            return self._resume(session)
        paths = [Path(text) for text in self.arguments.paths]
        self.kept = GOES_ON
        meter = ProgressLine(self.json)
        found = self.core.files.upload(session.id, paths, self.arguments.to, meter.tell, Interruptible())
        return self._summary(meter, found)

    def _resume(self, session: SessionSnapshot) -> int:
        """What the launch of a session left to upload."""
        uploads = self.core.uploads
        if session.remote is Remote.ENDED:
            return self._nothing(uploads.drop(session), 1)
        with uploads.alone(session.id) as wanted:
            if wanted:
                self.kept = GOES_ON
                for path in changed(wanted):
                    say(f"{readable(path)} has changed since the launch; what it is now is uploaded.")
                meter = ProgressLine(self.json)
                paths = [Path(one.path) for one in wanted]
                return self._summary(meter, self.core.files.upload(session.id, paths, "", meter.tell, Interruptible()))
        holder = uploads.holder(session.id)
        return self._nothing(f"Process {holder.pid} on this computer has these uploads." if holder else "", 0)

    def _nothing(self, why: str, code: int) -> int:
        why = why or "Nothing waits to be uploaded to it."
        json_line({"event": "done", "text": why}) if self.json else say(why)
        return code if why else 0

    def run_download(self) -> int:
        session = self.session()
        meter, to = ProgressLine(self.json), Path(self.arguments.to)
        self.kept = GOES_ON
        found = self.core.files.download(session.id, self.arguments.paths, to, meter.tell, Interruptible())
        return self._summary(meter, found)

    def _summary(self, meter: "ProgressLine", found: Summary) -> int:
        meter.end()
        if self.json:
            json_line(summary_json(found))
        else:
            for one in found.skipped:
                say(f"Left out {one.path}: {one.why}.")
            say(summary_text(found))
        return 1 if found.skipped else 0

    def run_sync(self) -> int:
        session = self.session()
        line = StageLine(self.json)
        self.kept = "If the session had begun to store it, it goes on with that."
        text = self.core.files.store_workspace(session.id, line.tell, Interruptible())
        line.end()
        json_line({"event": "done", "text": text}) if self.json else say(text)
        return 0

    def run_files(self) -> int:
        listing = self.core.files.browse(self.session().id, self.arguments.folder, self.cancel())
        if self.json:
            json_line({"folder": listing.folder, "entries": [entry_json(entry) for entry in listing.entries]})
            return 0
        say(readable(listing.folder))
        if listing.entries:
            result(table(("NAME", "SIZE", "CHANGED"), [_row(entry) for entry in listing.entries]))
        return 0


class UploadWatch:
    """The uploads of a launch, told beside what the session does. ``code``: the exit code plus one, None to go on."""

    def __init__(self, core: Core, session: SessionId, as_json: bool) -> None:
        self._core, self._session, self._json = core, session, as_json
        self._told: dict[int, str] = {}
        self._lines: dict[int, ProgressLine] = {}
        self._failed = False
        core.uploads.take(session)  # what another process of ours left

    def code(self, wanted: int | None) -> int | None:
        """Nobody leaves before the uploads are through; a failed one is a failure of the command."""
        transfers = self._core.transfers.of(self._session)
        for one in transfers:
            self._event(one) if self._json else self._say(one)
            self._failed = self._failed or one.state is State.FAILED or bool(one.summary and one.summary.skipped)
        lost = self._core.uploads.lost.pop(self._session, "")
        if lost and not self._json:
            say(lost)
        if wanted == 1 and any(one.active for one in transfers):
            return None
        return 2 if wanted == 1 and self._failed else wanted

    def _is_news(self, number: int, text: str) -> bool:
        news = self._told.get(number) != text
        self._told[number] = text
        return news

    def _say(self, one: Transfer) -> None:
        line = self._lines.setdefault(one.number, ProgressLine(False, terminal=False))
        if one.state is State.RUNNING:
            line.tell(one.progress)
        if not self._is_news(one.number, f"{one.state.value} {bool(one.held)}"):
            return
        if one.held:
            again = f"sessiondock upload {self._session.task[:8]} --resume"
            say(f"Files are uploaded once it is up, by the window if this ends before, or with: {again}")
        for path in one.changed if one.summary else ():
            say(f"{readable(path)} has changed since the launch; what it is now was uploaded.")
        for skipped in one.summary.skipped if one.summary else ():
            say(f"Left out {skipped.path}: {skipped.why}.")
        if one.summary or one.problem:
            say(summary_text(one.summary) if one.summary else str(one.problem))

    def _event(self, one: Transfer) -> None:
        if not self._is_news(one.number, f"{one.state.value} {one.progress.percent // TELL_PERCENT}"):
            return
        found: dict[str, object] = summary_json(one.summary) if one.summary else {}
        sizes = {"bytes": one.progress.size, "bytes_total": one.progress.size_total, "changed": list(one.changed)}
        problem = str(one.problem) if one.problem else None
        about = {"event": "upload", "id": self._session.task, "state": one.state.value, "problem": problem}
        json_line({**found, **sizes, **about})


class ProgressLine:
    """What one transfer tells: JSON lines, one line that is written over on a terminal, or now and then a line."""

    def __init__(
        self, as_json: bool, *, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._json, self._clock = as_json, clock
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._said = float("-inf")
        self._step = -1
        self._waiting = ""

    def tell(self, now: Progress) -> None:
        if self._json:
            json_line(
                {
                    "event": "progress", "files": now.files, "files_total": now.files_total, "bytes": now.size,
                    "bytes_total": now.size_total, "current": now.current, "waiting": now.waiting,
                }
            )  # fmt: skip
        elif self._terminal:
            print(f"{_CLEAR}{plain_text(progress_text(now))}", end="", file=sys.stderr, flush=True)
        elif self._is_due(now):
            say(progress_text(now) if now.size or now.waiting else start_text(now))

    def _is_due(self, now: Progress) -> bool:
        """A line about each tenth that took a while, and about each new trouble."""
        passed, step = self._clock() - self._said, now.percent // PLAIN_PERCENT
        trouble = now.waiting not in ("", self._waiting)
        self._waiting = now.waiting
        begun = now.files_total > 0 and now.percent < 100
        if not trouble and not (begun and (passed > PLAIN_LONG_S or (step > self._step and passed > PLAIN_EVERY_S))):
            return False
        self._said, self._step = self._clock(), step
        return True

    def end(self) -> None:
        if self._terminal and not self._json:
            print(_CLEAR, end="", file=sys.stderr, flush=True)


class StageLine:
    """Texts that come every few seconds: as ProgressLine; without a terminal, the first of each stage and then few."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._terminal = sys.stderr.isatty()
        self._text = self._stage = ""
        self._said = 0.0

    def tell(self, text: str) -> None:
        if text == self._text:
            return
        self._text, stage = text, "".join(c for c in text if not c.isdigit())
        if self._json:
            json_line({"event": "progress", "text": text})
        elif self._terminal:
            print(f"{_CLEAR}{plain_text(text)}", end="", file=sys.stderr, flush=True)
        elif stage.split("%")[0] != self._stage or time.monotonic() - self._said > PLAIN_LONG_S:
            self._stage, self._said = stage.split("%")[0], time.monotonic()
            say(text)

    def end(self) -> None:
        if self._terminal and not self._json:
            print(_CLEAR, end="", file=sys.stderr, flush=True)


def start_text(now: Progress) -> str:
    return f"Copying {'1 file' if now.files_total == 1 else f'{now.files_total} files'}, {size_text(now.size_total)}."


def progress_text(now: Progress) -> str:
    done = f"{now.percent} %  {size_text(now.size)} of {size_text(now.size_total)}, file {now.files}/{now.files_total}"
    return f"{done}  {now.waiting + ': trying again' if now.waiting else now.current[-40:]}"


def summary_text(found: Summary) -> str:
    if not found.files and found.skipped:
        return "Nothing was copied."
    same = f", {found.unchanged} of them there already" if found.unchanged else ""
    checked = "" if found.checked else " The session's machine could not check them."
    files = "1 file" if found.files == 1 else f"{found.files} files"
    place = "this folder" if found.to == "." else readable(found.to)
    return f"{files} ({size_text(found.size)}) {'is' if found.files == 1 else 'are'} in {place}{same}.{checked}"


def summary_json(found: Summary) -> dict[str, object]:
    return {
        "event": "done", "to": found.to, "files": found.files, "unchanged": found.unchanged, "bytes": found.size,
        "checked": found.checked, "skipped": [{"path": one.path, "why": one.why} for one in found.skipped],
    }  # fmt: skip


def entry_json(entry: RemoteEntry) -> dict[str, object]:
    return {**asdict(entry), "kind": entry.kind.value}


def _row(entry: RemoteEntry) -> tuple[str, str, str]:
    changed = datetime.fromtimestamp(entry.modified, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
    size = "" if entry.kind is FileKind.FOLDER else size_text(entry.size)
    return readable(entry.name) + _LETTERS.get(entry.kind, ""), size, changed
