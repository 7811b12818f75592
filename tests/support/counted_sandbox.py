"""A sandbox whose server notes every API call: when, which, by whom, how many bytes. For benches and tests.

``python -m tests.support.counted_sandbox serve …`` is its process (in place of ``desktop_app.sandbox``); one line of
JSON per call goes to ``calls.jsonl`` in its home, written by the server's threads.
"""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_app.sandbox import __main__ as serving
from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from tests.support.paths import REPOSITORY

CALLS = "calls.jsonl"
WSGI = Callable[..., Iterable[bytes]]


def caller_of(environ: Mapping[str, Any]) -> str:
    """ "agent", "task" (what runs inside of it, its SDK too), "desktop", "cli" (clearml-session) or "other"."""
    client = str(environ.get("HTTP_X_CLEARML_CLIENT") or "")
    if environ.get("HTTP_X_CLEARML_AGENT"):
        return "agent"
    if "sessiondock-session-" in client:
        return "task"
    if client.startswith("sessiondock-"):
        return "desktop"
    if "clearml-session-" in client:
        return "cli"
    return "task" if "clearml-" in client else "other"


class Counting:
    """Around the server's application. ``path``: where the calls are noted."""

    def __init__(self, application: WSGI, path: Path) -> None:
        self._application = application
        self._path = path
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = b"".join(self._application(environ, start_response))
        endpoint = str(environ.get("PATH_INFO")).rpartition("/")[2]
        asked = int(environ.get("CONTENT_LENGTH") or 0)
        row = {"at": time.time(), "endpoint": endpoint, "by": caller_of(environ), "bytes": asked + len(answer)}
        with self._lock, self._path.open("a") as calls:
            calls.write(json.dumps(row) + "\n")
        return [answer]


@dataclass(frozen=True, slots=True)
class Noted:
    """One call. ``at``: seconds since 1970."""

    at: float
    endpoint: str
    by: str
    bytes: int


def noted(home: Path) -> list[Noted]:
    """Every call so far."""
    path = home / CALLS
    return [Noted(**json.loads(line)) for line in path.read_text().splitlines()] if path.is_file() else []


def by_endpoint(calls: Iterable[Noted]) -> dict[str, int]:
    return dict(Counter(call.endpoint for call in calls))


def serve_command(home: Path, options: Sequence[str] = ()) -> list[str]:
    start = [sys.executable, "-m", "tests.support.counted_sandbox", "serve"]
    return [*start, "--home", str(home), "--detach", *options]


def start(home: Path, options: Sequence[str] = ()) -> SandboxInfo:
    """One that runs; end it with ``launch.stop(home)``."""
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(serve_command(home, options), cwd=REPOSITORY, check=True)
    return launch.ensure_running(home)


def main(arguments: Sequence[str]) -> int:
    home = Path(arguments[arguments.index("--home") + 1]).absolute()
    return serving.main(arguments, around=lambda application: Counting(application, home / CALLS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
