"""Every request of ours is held to the real server's rules: one that it would refuse fails the test that sends it.

A pytest plugin, loaded by tests/conftest.py. Requests are seen in two places, so that none escapes whatever answers it:
those of this process by the audit event of whoever sends them (httpx to any server, and the doubles of the session's
task), those of other processes (programs, sessions under an agent) by the record that every sandbox keeps. What stock
clients and tests send by themselves doesn't count: a request is ours by its X-ClearML-Client. Any thread.
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.request_rules import faults

EVENT = "sessiondock.request"
VARIABLE = "SESSIONDOCK_SANDBOX_REQUESTS"  # see desktop_app/sandbox/web/record.py
OURS = "sessiondock-"


class Judge:
    """What was wrong with our requests since it was last asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: list[str] = []
        descriptor, name = tempfile.mkstemp(prefix="sd-requests-", suffix=".jsonl")
        os.close(descriptor)
        self.path = Path(name)
        self._read = 0
        self.expected: list[str] = []

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook: it can't be taken back, so there is one per process."""
        if event == EVENT:
            self.see(str(arguments[0]), arguments[1])

    def see(self, endpoint: str, body: Any, lines: Sequence[Any] | None = None) -> None:
        found = [fault.what for fault in faults(endpoint, body, lines)]
        if found:
            text = f"{endpoint}: {'; '.join(found)}\n    in {str(body if lines is None else lines)[:600]}"
            with self._lock:
                self._wrong.append(text)

    def take(self) -> list[str]:
        self._look_at_the_record()
        with self._lock:
            found, self._wrong = list(dict.fromkeys(self._wrong)), []
        expected, self.expected = self.expected, []
        missing = [f"announced, but never sent: {one}" for one in expected if not any(one in text for text in found)]
        return [*(text for text in found if not any(one in text for one in expected)), *missing]

    def _look_at_the_record(self) -> None:
        with self._lock, self.path.open("rb") as stream:
            stream.seek(self._read)
            new = stream.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
        for line in whole.splitlines():
            request = json.loads(line)
            if OURS in str(request["client"]):  # the SDK names itself beside the session
                self.see(request["endpoint"], request.get("body"), request.get("lines"))


_judge = Judge()
sys.addaudithook(_judge.hear)
os.environ[VARIABLE] = str(_judge.path)  # inherited by every sandbox that a test starts


@pytest.fixture(autouse=True)
def request_guard() -> Iterator[Judge]:
    """Fails a test that sent, or made a program of ours send, what the real server would refuse or change."""
    yield _judge
    wrong = _judge.take()
    if wrong:
        pytest.fail("requests that the real ClearML server refuses or changes:\n" + "\n".join(wrong), pytrace=False)


@pytest.fixture
def expected_refusal(request_guard: Judge) -> Callable[[str], None]:
    """``expected_refusal(text)``: a request with that fault must be sent, on purpose."""
    return request_guard.expected.append


def pytest_unconfigure() -> None:
    _judge.path.unlink(missing_ok=True)
