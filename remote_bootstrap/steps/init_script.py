"""Runs the task's init script before the applications start, and carries what it exports over to all of them.

The script is sourced by a bash of its own (sh where there is none); the exported variables before and after, told apart
in that same shell, are what it changed. Its output goes to the task's log. Runs on the preparing thread.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Callable, Dict, List

from remote_bootstrap import contract
from remote_bootstrap.machine.folders import LOGS, private, write_private
from remote_bootstrap.process import commands, processes
from remote_bootstrap.session.context import Context
from remote_bootstrap.types import Log

DEFAULT_MINUTES = 30.0
POLL = 0.1  # seconds between two looks at the running script
END_GRACE = 3.0  # seconds between SIGTERM and SIGKILL
OUTPUT_WAIT = 2.0  # seconds for the last lines; a daemon that the script started may keep the pipe open for ever
OF_THE_SHELL = ("SHLVL", "_", "PWD", "OLDPWD", "BASHOPTS", "SHELLOPTS")

# The script may end in any way: by its last line, "exit", an error under "set -e", and with an EXIT trap of its own,
# which would take the place of ours. So in bash "trap" is ours meanwhile: its word on EXIT is kept and done at the end.
# Other shells don't allow that; there, what is exported is read when the last line was reached.
SHELL = r"""
sessiondock_env=$1 sessiondock_folder=$2 sessiondock_exit=
set --
"$sessiondock_env" -0 > "$sessiondock_folder/before" || exit 125
sessiondock_tell() { "$sessiondock_env" -0 > "$sessiondock_folder/after"; }
sessiondock_leave() {
    sessiondock_status=$?
    set +e
    sessiondock_tell
    command trap - EXIT
    if [ -n "$sessiondock_exit" ]; then
        (exit "$sessiondock_status")
        eval "$sessiondock_exit"
        sessiondock_tell
    fi
    exit "$sessiondock_status"
}
command trap sessiondock_leave EXIT
if [ -n "${BASH_VERSION-}" ]; then eval '
    trap() {
        if [ "$BASH_SUBSHELL" != 0 ] || [ "$#" = 0 ]; then builtin trap "$@"; return; fi
        case "$1" in
            -[lpP]*) builtin trap "$@"; return ;;
            --) shift ;;
        esac
        local action=- one status=0
        if [ "$#" -gt 1 ]; then
            case "$1" in
                *[!0-9]*|"") action=$1; shift ;;
            esac
        fi
        for one in "$@"; do
            case "$one" in
                [Ee][Xx][Ii][Tt]|0) if [ "$action" = - ]; then sessiondock_exit=; else sessiondock_exit=$action; fi ;;
                *) builtin trap -- "$action" "$one" || status=$? ;;
            esac
        done
        return "$status"
    }
'; fi
. "$sessiondock_folder/script"
sessiondock_status=$?
sessiondock_tell
(exit "$sessiondock_status")
"""
NOT_TOLD = "What the init script exported is not kept: it ended (by exec, or killed) before that could be read."
OF_A_SHELL = (b"SHLVL=", b"_=", b"PWD=", b"OLDPWD=")  # the shell changes these for every program


class InitError(Exception):
    """The script did not do its work; the text is one sentence for users."""


def script_of(context: Context) -> str:
    """Return the task's init script with Unix line ends, "" without one."""
    return context.settings.raw.get(contract.PARAM_INIT_SCRIPT, "").lstrip("\ufeff").replace("\r\n", "\n").strip()


def limit_of(context: Context) -> float:
    """Return how long it may take, in seconds."""
    given = context.settings.raw.get(contract.PARAM_INIT_MINUTES, "").strip()
    try:
        minutes = float(given) if given else DEFAULT_MINUTES
    except ValueError:
        minutes = DEFAULT_MINUTES
    return 60.0 * (minutes if minutes > 0 else DEFAULT_MINUTES)


def run(context: Context, log: Log, stopped: Callable[[], bool]) -> None:
    """Run the script; what it exported up to its end, a bad one too, is in force afterwards. Raises InitError."""
    folder = private(context.folder / "init")
    write_private(folder / "script", script_of(context) + "\n")
    log("Running the init script")
    begun = time.monotonic()
    told = False
    try:
        code = _Run(context, folder).wait(limit_of(context), stopped)
    finally:
        told = _take_over(context, folder)
    if not told:
        raise InitError(NOT_TOLD)
    if code:
        raise InitError("The init script ended with exit code %d; the session goes on without the rest of it." % code)
    log("The init script took %.1f s" % (time.monotonic() - begun))


class _Run:
    """The running script and the thread that copies its output."""

    def __init__(self, context: Context, folder: Path) -> None:
        shell, env = shutil.which("bash") or shutil.which("sh"), shutil.which("env")
        if not (shell and env):
            raise InitError("The init script was not run: this machine has neither bash nor sh, or no env.")
        argv = [shell, "-c", SHELL, "init-script", env, str(folder)]
        self._after = folder / "after"
        self._environment = context.environment()
        self._process = subprocess.Popen(
            list(commands.launched(argv)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            cwd=str(context.settings.user_folder),
            start_new_session=True,
        )
        assert self._process.stdout is not None
        copying = (self._process.stdout, context.folder / LOGS / "init-script.log")
        self._copying = threading.Thread(target=_copy, args=copying, name="init-output", daemon=True)
        self._copying.start()

    def wait(self, seconds: float, stopped: Callable[[], bool]) -> int:
        """Wait for the script; return its exit code. Raises InitError after ``seconds`` and when the session ends
        meanwhile."""
        deadline = time.monotonic() + seconds
        try:
            while self._process.poll() is None:
                if stopped():
                    raise InitError("The session ended while its init script ran.")
                if time.monotonic() > deadline:
                    limit = "%g minutes" % round(seconds / 60, 2)
                    raise InitError("The init script was ended after its limit of %s; the session goes on." % limit)
                self._look()
                time.sleep(POLL)
        finally:
            self._end()
        return int(self._process.returncode)

    def _look(self) -> None:
        """Look at the process's environment. After "exec" the shell can tell nothing any more; the kernel knows what
        the new program was given."""
        try:
            environment = Path("/proc/%d/environ" % self._process.pid).read_bytes()
        except OSError:  # it ended, or another system
            return
        given = {os.fsencode("%s=%s" % pair) for pair in self._environment.items()}
        new = {one for one in environment.split(b"\0") if one and not one.startswith(OF_A_SHELL)} - given
        if new and not self._after.exists():
            self._after.write_bytes(environment)

    def _end(self) -> None:
        if self._process.poll() is None:
            processes.signal_group(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(END_GRACE)
            except subprocess.TimeoutExpired:
                processes.signal_group(self._process.pid, signal.SIGKILL)
                processes.wait_killed(self._process)
        self._copying.join(OUTPUT_WAIT)


def _copy(source: "IO[bytes]", logfile: Path) -> None:
    """Copy line by line into the task's log and a file of the session."""
    with source, logfile.open("ab") as copy:
        for line in source:
            copy.write(line)
            copy.flush()
            sys.stdout.write(line.decode("utf-8", "replace"))
            sys.stdout.flush()


def _take_over(context: Context, folder: Path) -> bool:
    """Take over what the script exported; True if there was something."""
    before, after = _variables(folder / "before"), _variables(folder / "after")
    if not after:
        return False  # killed before it could tell
    context.changes.take_over(
        {name: value for name, value in after.items() if before.get(name) != value},
        [name for name in before if name not in after],
    )
    return True


def _variables(path: Path) -> Dict[str, str]:
    """Return what ``env -0`` wrote, without what belongs to the shell itself."""
    if not path.is_file():
        return {}
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    pairs: List[List[str]] = [entry.split("=", 1) for entry in text.split("\0") if "=" in entry]
    ours = ("BASH_FUNC_", "sessiondock_")  # "set -a" exports all
    return {name: value for name, value in pairs if name not in OF_THE_SHELL and not name.startswith(ours)}
