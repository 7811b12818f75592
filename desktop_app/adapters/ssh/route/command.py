"""The user's own ProxyCommand: a program whose input and output are the connection. One pump per program.

It runs because the user's ssh configuration says so, through the shell as OpenSSH runs it, and for no other reason.
"""

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import IO

from desktop_app.adapters.os.start import NO_WINDOW
from desktop_app.adapters.ssh.route.pump import Pump
from desktop_app.domain.problems import failure

LEAVE_S = 2.0
SAID_BYTES = 400


class RunningCommand:
    """The program, from start to end."""

    def __init__(self, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors
        self._said = ""
        self._hearing = threading.Lock()
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None and stdout is not None
        self._stdin = stdin
        self._stdout = stdout
        self._pump = Pump("command", self._read, self._write, self._stop)
        self.sock: socket.socket = self._pump.near

    def close(self) -> None:
        self._pump.close()

    def why(self) -> str:
        """Return what a program that ended by itself had to say, "" for one that we ended."""
        return self._said

    def _read(self, size: int) -> bytes:
        data: bytes = self._stdout.read1(size)  # type: ignore[attr-defined]  # Popen's pipes are buffered
        if not data:
            self._stdout.close()
            self._note_end()
        return data

    def _note_end(self) -> None:
        """Note the end before the pump closes: who is connected through it then asks ``why``. On either of its
        threads."""
        try:
            code = self._process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            return
        if code != -signal.SIGTERM:
            with self._hearing, contextlib.suppress(ValueError):  # the other thread has heard it, and closed the file
                self._errors.seek(0)
                said = self._errors.read(SAID_BYTES).decode("utf-8", "replace").strip()
                self._said = f"Your ProxyCommand ended (exit code {code}). {said}".strip()

    def _write(self, data: bytes) -> None:
        try:
            self._stdin.write(data)
            self._stdin.flush()
        except OSError:  # it reads no more, which is noticed before the end of its output where it is quick
            self._note_end()
            raise

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel; it is nobody's any more
                self._process.wait(LEAVE_S)
        with contextlib.suppress(OSError):  # what is unsent has nobody to go to
            self._stdin.close()
        self._errors.close()


def run_proxy_command(command: str) -> RunningCommand:
    """Start the command. Problems: route.refused"""
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the program
    shell = ["cmd.exe", "/c", command] if sys.platform == "win32" else ["/bin/sh", "-c", f"exec {command}"]
    try:
        process = subprocess.Popen(
            shell,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            creationflags=NO_WINDOW,
        )
    except OSError as error:
        errors.close()
        raise failure("route.refused", hop="Your ProxyCommand", why=f"It can't be started: {error.strerror}.") from None
    return RunningCommand(process, errors)
