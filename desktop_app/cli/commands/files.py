"""The commands about files: upload, download, files, sync. Main thread; blocks.

They connect by themselves; the session need not be attached. With --json each line is an event: progress (ten a second
at most), then done. Exit code 1 when something was left out, which is then named.
"""

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import Commands, add_session
from desktop_app.cli.terminal.interrupt import Interruptible
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.cli.terminal.tables import table
from desktop_app.cli.views.transfers import ProgressLine, StageLine, summary_json, summary_text
from desktop_app.domain.files.remote_files import FileKind, RemoteEntry
from desktop_app.domain.files.transfer import SESSION_FILES, Summary, readable, size_text
from desktop_app.domain.sessions.snapshot import Remote, SessionSnapshot
from desktop_app.services.files.trees import changed

GOES_ON = "What was copied stays; the same command goes on from there."
_LETTERS = {FileKind.FOLDER: "/", FileKind.LINK: "@", FileKind.OTHER: "?"}


def add_upload(commands: Commands) -> None:
    """Register upload."""
    help_text = "copy files and folders of this computer into a session; goes on where it was"
    command = commands.add("upload", run_upload, help_text, check=_nothing_to_upload)
    add_session(command, required=True)
    paths = "a file or a folder; links out of it are left out"
    what = command.add_argument("paths", nargs="+", metavar="PATH", help=paths)
    resume = "instead of PATH: what its launch was to upload"
    command.add_argument("--resume", action=_InsteadOf, instead_of=what, default=False, help=resume)
    command.add_argument("--to", default="", metavar="DIR", help=f"the remote folder (default: ~/{SESSION_FILES})")


class _InsteadOf(argparse.Action):
    """A flag in place of words that must be given otherwise. Words that may be missing ("*") would not do: argparse
    takes none of those that follow a flag then."""

    def __init__(self, instead_of: argparse.Action, **shape: Any) -> None:
        super().__init__(**shape, nargs=0)
        self._instead_of = instead_of

    def __call__(self, _parser: object, namespace: argparse.Namespace, *_given: object) -> None:
        setattr(namespace, self.dest, True)
        self._instead_of.required = False


def _nothing_to_upload(arguments: argparse.Namespace) -> str:
    wrong = arguments.resume == bool(arguments.paths)
    return "name what to upload, or give --resume for what the launch was to upload." if wrong else ""


def run_upload(context: Context, arguments: argparse.Namespace) -> int:
    """Copy files of this computer into a session."""
    session = context.session()
    if arguments.resume:
        return _resume(context, session)
    return _upload(context, session, [Path(text) for text in arguments.paths], arguments.to)


def _upload(context: Context, session: SessionSnapshot, paths: list[Path], to: str) -> int:
    context.kept = GOES_ON
    meter = ProgressLine(context.json)
    summary = context.core.files.upload(session.id, paths, to, meter.tell, Interruptible())
    return _tell_summary(context, meter, summary)


def _resume(context: Context, session: SessionSnapshot) -> int:
    """Upload what the launch of a session left to upload."""
    uploads = context.core.uploads
    if session.remote is Remote.ENDED:
        return _tell_nothing(context, uploads.drop(session), 1)
    with uploads.alone(session.id) as left:
        if left:
            for path in changed(left):
                say(f"{readable(path)} has changed since the launch; what it is now is uploaded.")
            return _upload(context, session, [Path(upload.path) for upload in left], "")
    holder = uploads.holder(session.id)
    return _tell_nothing(context, f"Process {holder.pid} on this computer has these uploads." if holder else "", 0)


def _tell_nothing(context: Context, why: str, code: int) -> int:
    """Say why nothing is uploaded ("" = nothing was left to upload); return the exit code."""
    text = why or "Nothing waits to be uploaded to it."
    context.tell({"event": "done", "text": text}, text)
    return code


def add_download(commands: Commands) -> None:
    """Register download."""
    command = commands.add("download", run_download, "copy files and folders of a session to this computer")
    add_session(command, required=True)
    command.add_argument("paths", nargs="+", metavar="REMOTE", help="a path there; a relative one starts at home")
    command.add_argument("--to", default=".", metavar="DIR", help="the folder here (default: the current one)")


def run_download(context: Context, arguments: argparse.Namespace) -> int:
    """Copy files of a session to this computer."""
    session = context.session()
    context.kept = GOES_ON
    meter, to = ProgressLine(context.json), Path(arguments.to)
    summary = context.core.files.download(session.id, arguments.paths, to, meter.tell, Interruptible())
    return _tell_summary(context, meter, summary)


def _tell_summary(context: Context, meter: ProgressLine, summary: Summary) -> int:
    meter.end()
    if context.json:
        json_line(summary_json(summary))
    else:
        for skipped in summary.skipped:
            say(f"Left out {skipped.path}: {skipped.why}.")
        say(summary_text(summary))
    return 1 if summary.skipped else 0


def add_files(commands: Commands) -> None:
    """Register files."""
    command = commands.add("files", run_files, "show a folder of a session")
    add_session(command, required=True)
    command.add_argument("folder", nargs="?", default="", help=f"default: ~/{SESSION_FILES}, or home without one")


def run_files(context: Context, arguments: argparse.Namespace) -> int:
    """Show a folder of a session."""
    listing = context.core.files.browse(context.session().id, arguments.folder, context.cancel())
    if context.json:
        json_line({"folder": listing.folder, "entries": [entry_json(entry) for entry in listing.entries]})
        return 0
    say(readable(listing.folder))
    if listing.entries:
        result(table(("NAME", "SIZE", "CHANGED"), [_row(entry) for entry in listing.entries]))
    return 0


def add_sync(commands: Commands) -> None:
    """Register sync."""
    add_session(commands.add("sync", run_sync, "store a session's workspace now"))


def run_sync(context: Context, _arguments: argparse.Namespace) -> int:
    """Store a session's workspace, and tell how far that is."""
    session = context.session()
    line = StageLine(context.json)
    context.kept = "If the session had begun to store it, it goes on with that."
    text = context.core.files.store_workspace(session.id, line.tell, Interruptible())
    line.end()
    context.tell({"event": "done", "text": text}, text)
    return 0


def entry_json(entry: RemoteEntry) -> dict[str, object]:
    """Return a file or folder of a session as --json shows it."""
    return {**asdict(entry), "kind": entry.kind.value}


def _row(entry: RemoteEntry) -> tuple[str, str, str]:
    changed = datetime.fromtimestamp(entry.modified, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
    size = "" if entry.kind is FileKind.FOLDER else size_text(entry.size)
    return readable(entry.name) + _LETTERS.get(entry.kind, ""), size, changed
