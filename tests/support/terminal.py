"""A terminal for the command line in this process: what a person types and sees. Test thread and one reader."""

import os
import pty
import sys
import termios
import threading
from types import TracebackType

from tests.support.waiting import wait_until


class Terminal:
    """``with terminal``: standard input and error are a pseudo-terminal. Made and closed by a fixture; entered by the
    test itself, since pytest puts its own streams there in between."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        self._input = os.fdopen(slave, "r", encoding="utf-8", closefd=True)
        self._output = os.fdopen(os.dup(slave), "w", encoding="utf-8", buffering=1)
        self._seen = ""
        self._at = 0
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def __enter__(self) -> "Terminal":
        self._before = sys.stdin, sys.stderr
        sys.stdin, sys.stderr = self._input, self._output
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdin, sys.stderr = self._before

    def close(self) -> None:
        self._output.close()
        self._input.close()
        self._reader.join(5)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 4096)
            except OSError:  # the other side is closed
                return
            if not data:
                return
            self._seen += data.decode("utf-8", "replace").replace("\r\n", "\n")

    @property
    def seen(self) -> str:
        return self._seen

    def expect(self, text: str) -> None:
        """Wait for ``text`` after what was expected before."""
        self._at = wait_until(lambda: self._seen.find(text, self._at) + 1, f"“{text}” after {self._seen[self._at :]!r}")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def answer(self, question: str, text: str) -> None:
        self.expect(question)
        self.type(text + "\n")
