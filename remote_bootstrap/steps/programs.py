"""The commands that the session brings along: ``shutdown`` and the like, in a private folder first on its PATH.

Each is a few lines of shell that run ``servers.ask`` with the task's Python; that one asks the session by way of its
control socket. Written once, before the first login. Nothing is installed into the machine.
"""

import shlex
import sys
from pathlib import Path

from remote_bootstrap.machine.folders import private, write_private
from remote_bootstrap.machine.git import HELPER
from remote_bootstrap.session.context import Context
from remote_bootstrap.steps.debugging import CODE_FOLDER

CODE = Path(__file__).resolve().parent.parent.parent
PROGRAM = """\
#!/bin/sh
exec {python} -I -S -c {start} {code} {socket} {command} "$@"
"""
START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from remote_bootstrap.servers.ask import main; main(sys.argv[1:])"
)
COMMANDS = ("shutdown", "clearml-sync-workspace", HELPER)

BANNER = """\
SessionDock session “{name}”
  Your files: {folder}{files}{code}
  shutdown                ends this session for everyone who uses it
  clearml-sync-workspace  stores the workspace now, if the session has one
  Leaving this shell does not end the session.
"""
UPLOADED = "; uploaded ones: ~/session-files"
DEBUGGED = "\n  The task's code: %s"


def write(context: Context) -> None:
    """Lay the commands down, for this user only."""
    folder = private(private(context.home) / "bin")
    for command in COMMANDS:
        write_private(folder / command, program(context, command), mode=0o700)


def program(context: Context, command: str) -> str:
    words = {"python": sys.executable, "start": START, "code": str(CODE), "socket": str(context.control_socket)}
    return PROGRAM.format(command=command, **{name: shlex.quote(word) for name, word in words.items()})


def write_banner(context: Context, name: str) -> None:
    """Write what an interactive login is greeted with; see servers.shell. ``name`` is a text that anyone may have
    written: control characters, which a terminal would obey, are taken out."""
    clean = "".join(letter if letter.isprintable() else " " for letter in name).strip() or context.task[:8]
    folder, code = context.settings.user_folder, context.home / CODE_FOLDER
    elsewhere = DEBUGGED % _printable(code.resolve()) if code.exists() and not code.samefile(folder) else ""
    text = BANNER.format(name=clean, folder=_printable(folder), files=UPLOADED, code=elsewhere)
    write_private(private(context.home) / "banner", text)


def _printable(path: Path) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in str(path))
