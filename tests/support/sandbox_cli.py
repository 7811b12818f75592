"""Drives the real clearml-session command line as a person at a terminal would. Test thread, plus one that reads."""

import os
import re
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from desktop_app.sandbox.launch import SandboxInfo
from tests.support.paths import CLEARML_SESSION
from tests.support.waiting import wait_until

CONFIG = """api {{
    api_server: "{api}", web_server: "{api}", files_server: "{files}"
    credentials {{ access_key: "{key}", secret_key: "{secret}" }}
}}
"""


class ClearmlSession:
    """One run of the command line with ``home`` as HOME and a clearml.conf there for the given sandbox.

    Raises FileNotFoundError when ``make setup`` has not installed clearml-session.
    """

    def __init__(self, info: SandboxInfo, home: Path, arguments: Sequence[str]) -> None:
        if not CLEARML_SESSION.exists():
            raise FileNotFoundError(f"{CLEARML_SESSION} is missing: run `make setup`")
        config = home / "clearml.conf"
        config.touch(0o600)
        config.write_text(
            CONFIG.format(api=info.api_url, files=info.files_url, key=info.access_key, secret=info.secret_key)
        )
        environment = {**os.environ, "HOME": str(home), "PYTHONUNBUFFERED": "1", "TERM": "dumb"}
        self._process = subprocess.Popen(
            [str(CLEARML_SESSION), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            cwd=home,
        )
        self._text = ""
        self._reader = threading.Thread(target=self._read, name="clearml-session output")
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while piece := self._process.stdout.readline():
            self._text += piece

    @property
    def output(self) -> str:
        return self._text

    def expect(self, pattern: str, seconds: float) -> "re.Match[str]":
        """Waits for the pattern in all that was printed. Raises TimeoutError, or AssertionError when the run ended."""

        def found() -> "re.Match[str] | None":
            match = re.search(pattern, self._text)
            if match is None and not self._reader.is_alive():
                raise AssertionError(f"clearml-session ended without {pattern!r}:\n{self._text[-3000:]}")
            return match

        return wait_until(found, f"{pattern!r} from clearml-session", seconds)

    def enter(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self, seconds: float) -> int:
        """Waits for the run to end by itself; answers its exit code."""
        code = self._process.wait(seconds)
        self._reader.join(5)
        return code

    def __enter__(self) -> "ClearmlSession":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._reader.join(10)
        self._process.stdout.close()
