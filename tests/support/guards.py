"""What every test is held to: no unexpected warning in our log, no thread left, nothing of the real user touched.

A pytest plugin, loaded by tests/conftest.py. Fixtures run on the test's thread; records come from any.
"""

import logging
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.waiting import wait_until

OUR_LOGGERS = ("desktop_app", "remote_bootstrap")
# Given by threading and by thread pools to threads that nobody named; such a daemon is a library's own business.
ANONYMOUS = re.compile(r"Thread-\d+|Dummy-\d+|MainThread$|QThread")
THREAD_GRACE_SECONDS = 3.0

# A test must not see the developer's account, desktop or sandbox. Programs get the rig's environment instead.
REMOVED = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "SSH_AUTH_SOCK", "BROWSER")
KEPT = ("SESSIONDOCK_KEEP_RIGS", "SESSIONDOCK_SANDBOX_REQUESTS")
REMOVED_PREFIXES = ("CLEARML_", "TRAINS_", "SESSIONDOCK_")

ExpectLog = Callable[[str], None]


class _Recorder(logging.Handler):
    """Keeps records of level WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        self.expected: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def unexpected(self) -> list[str]:
        lines = [_line(record) for record in self.records]
        return [line for line in lines if not any(re.search(pattern, line) for pattern in self.expected)]

    def missing(self) -> list[str]:
        lines = [_line(record) for record in self.records]
        return [pattern for pattern in self.expected if not any(re.search(pattern, line) for line in lines)]


def _line(record: logging.LogRecord) -> str:
    text = f"{record.levelname} {record.name}: {record.getMessage()}"
    if record.exc_info:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    return text


@pytest.fixture(autouse=True)
def log_guard() -> Iterator[_Recorder]:
    """Fails a test whose run logs a warning or an error that it did not announce with ``expected_log``."""
    recorder = _Recorder()
    for name in OUR_LOGGERS:
        logging.getLogger(name).addHandler(recorder)
    yield recorder
    for name in OUR_LOGGERS:
        logging.getLogger(name).removeHandler(recorder)
    unexpected, missing = recorder.unexpected(), recorder.missing()
    if unexpected:
        pytest.fail("unexpected log records:\n" + "\n".join(unexpected), pytrace=False)
    if missing:
        pytest.fail(f"announced log records that never came: {missing}", pytrace=False)


@pytest.fixture
def expected_log(log_guard: _Recorder) -> ExpectLog:
    """``expected_log(pattern)``: a record of level WARNING or above that matches ("LEVEL logger: text") must come."""
    return log_guard.expected.append


def _ours(thread: threading.Thread) -> bool:
    return not thread.daemon or not ANONYMOUS.match(thread.name)


@pytest.fixture(autouse=True)
def thread_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a named or a non-daemon thread running; see marker ``leaves_threads``."""
    marker = request.node.get_closest_marker("leaves_threads")
    allowed = tuple(marker.args) if marker else ()
    before = set(threading.enumerate())
    yield

    def left() -> list[threading.Thread]:
        new = [thread for thread in threading.enumerate() if thread not in before and _ours(thread)]
        return [thread for thread in new if not (allowed and thread.name.startswith(allowed))]

    try:
        wait_until(lambda: not left(), "threads to end", THREAD_GRACE_SECONDS)
    except TimeoutError:
        pytest.fail(f"left running: {', '.join(thread.name for thread in left())}", pytrace=False)


class _Homes:
    """Empty home folders, used again as long as no test puts anything into them: most tests don't."""

    def __init__(self) -> None:
        self._spare: list[Path] = []

    def take(self) -> Path:
        if self._spare:
            return self._spare.pop()
        home = Path(tempfile.mkdtemp(prefix="sd-"))  # short enough for Unix sockets
        (home / "run").mkdir(mode=0o700)
        return home

    def give_back(self, home: Path) -> None:
        if [path.name for path in home.iterdir()] == ["run"] and not any((home / "run").iterdir()):
            self._spare.append(home)
        else:
            shutil.rmtree(home, ignore_errors=True)

    def remove(self) -> None:
        for home in self._spare:
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def homes() -> Iterator[_Homes]:
    made = _Homes()
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def private_home(monkeypatch: pytest.MonkeyPatch, homes: _Homes) -> Iterator[Path]:
    """An empty HOME, and XDG folders below it that nobody made yet; gone after the test."""
    home = homes.take()
    folders = {"CONFIG": ".config", "DATA": ".local/share", "STATE": ".local/state", "CACHE": ".cache"}
    for name, folder in folders.items():
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    for variable in list(os.environ):
        if variable in REMOVED or (variable.startswith(REMOVED_PREFIXES) and variable not in KEPT):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("SESSIONDOCK_SSH_CONFIG", str(home / ".ssh" / "config"))  # ssh itself goes by the account's home
    yield home
    homes.give_back(home)
