"""Running installers: one command to its end, its output kept for the reason of a failure.

Called from the threads that install applications. A command ends with its caller: it goes through ``launch``.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict, Optional, Sequence, Tuple
from urllib.parse import unquote

from remote_bootstrap.machine import memory, withheld
from remote_bootstrap.process import processes
from remote_bootstrap.types import InstallError

LAUNCH = str(Path(__file__).with_name("exec_with_parent.py"))
TAIL_LINES, LINE_LENGTH, TAIL_LENGTH = 4, 146, 600  # characters
URL_LOGIN = re.compile(r"(\b\w+://)[^/\s]+@")
_PASSWORD = re.compile(r"\b\w+://[^\s:/@]*:(\S+)@")  # of a login in an address
SHORTEST = 4  # characters; a shorter "password" would black out ordinary words
OTHER_LOG = re.compile(r"a complete log of this run can be found|^npm (error|ERR!) *$|npm-cache/_logs/", re.IGNORECASE)
TIMEOUT_S = 1800.0  # seconds; a cold npm build of code-server takes 200


def child_environment(extra: Optional[Dict[str, str]] = None) -> Dict[str, str]:
    """Return what the user's programs get of this process's environment, with ``extra`` on top."""
    return {**withheld.for_people(os.environ), **(extra or {})}


def launched(argv: Sequence[str]) -> Sequence[str]:
    """Return ``argv`` behind the launcher that ties a child's life to the thread that starts it (Linux)."""
    return [sys.executable, "-I", "-S", LAUNCH, str(os.getpid()), *argv]


def without_logins(text: str) -> str:
    """Return the text without the logins of addresses, and without the passwords of those in our environment (proxies,
    package indexes) however a program writes them: JupyterLab tells of its proxy as ('user', 'password@host')."""
    text = URL_LOGIN.sub(r"\1***@", text)
    passwords = {match for value in os.environ.values() for match in _PASSWORD.findall(value)}
    known = {one for password in passwords for one in (password, unquote(password)) if len(one) >= SHORTEST}
    for password in sorted(known, key=len, reverse=True):
        text = text.replace(password, "***")
    return text


def tail_of(output: str) -> str:
    """Return the last lines of a failed command that say something, without passwords: all members of the workspace can
    read them."""
    lines = [line.strip() for line in without_logins(output).splitlines() if line.strip()]
    lines = [line for line in lines if not OTHER_LOG.search(line)]
    # pip lists every version that exists on one line, behind what matters
    short = [line if len(line) <= LINE_LENGTH else line[: LINE_LENGTH - 3] + "..." for line in lines[-TAIL_LINES:]]
    return " / ".join(short)[-TAIL_LENGTH:]


def _output(process: "subprocess.Popen[bytes]", timeout_s: float) -> Tuple[bool, str]:
    """Return whether it was too late, and what it printed. What it started and left in its group ends with it then: it
    would keep the pipe open, and us waiting, for as long as it likes."""
    late, output = False, b""
    try:
        output = process.communicate(timeout=timeout_s)[0]
    except subprocess.TimeoutExpired:
        late = process.poll() is None
        processes.signal_group(process.pid, signal.SIGKILL)
        try:
            output = process.communicate(timeout=processes.KILL_WAIT)[0]
        except subprocess.TimeoutExpired as error:  # a daemon that made a group of its own, or stuck in the kernel
            output = error.output or b""
            if process.stdout is not None:
                process.stdout.close()
    return late, output.decode("utf-8", "replace")


def run(
    argv: Sequence[str],
    why: str,
    env: Optional[Dict[str, str]] = None,
    cwd: Optional[Path] = None,
    log: Optional[Path] = None,
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Run ``argv`` and return its output (both streams). ``env`` is added to what installers get of ours.

    Raises InstallError with ``why`` and the last lines when it can't start, fails or takes longer than ``timeout_s``.
    """
    kills = memory.kills()
    try:
        process = subprocess.Popen(
            list(launched(argv)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**withheld.for_tools(os.environ), **(env or {})},
            cwd=None if cwd is None else str(cwd),
            start_new_session=True,
        )
    except OSError as error:
        raise InstallError("%s: %s" % (why, error)) from error
    late, output = _output(process, timeout_s)
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(output, encoding="utf-8")
    if late:
        raise InstallError("%s (not within %d s): %s" % (why, timeout_s, tail_of(output)))
    if process.returncode:
        kept = "" if log is None else " (all of it: %s)" % log
        if memory.ran_out(output, process.returncode, kills):
            raise InstallError("%s: out of memory; %s%s" % (why, memory.what_helps(), kept))
        raise InstallError("%s (exit code %d): %s%s" % (why, process.returncode, tail_of(output), kept))
    return output
