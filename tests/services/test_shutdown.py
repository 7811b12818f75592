"""The end of the program: everybody is told first, the slow are named, and one that fails keeps nobody else open."""

import threading

from desktop_app.services.doctor.diagnostics import about
from desktop_app.services.runtime.shutdown import Part, close_all
from tests.support.guards import ExpectLog


def part(name: str, said: list[str], late: tuple[str, ...] = ()) -> Part:
    def close(_seconds: float) -> tuple[str, ...]:
        said.append(f"close {name}")
        return late

    return Part(name, lambda: said.append(f"cancel {name}"), close)


def test_all_are_cancelled_before_one_is_waited_for() -> None:
    said: list[str] = []
    assert close_all((part("a", said), part("b", said)), 1.0) == ()
    assert said == ["cancel a", "cancel b", "close a", "close b"]


def test_the_late_are_named(expected_log: ExpectLog) -> None:
    expected_log("thread tunnel-1 did not end")
    assert close_all((part("a", [], ("tunnel-1",)),), 1.0) == ("tunnel-1",)


def test_one_that_fails_keeps_nobody_open(expected_log: ExpectLog) -> None:
    said: list[str] = []
    broken = Part("broken", lambda: 1 / 0, lambda _seconds: ())  # type: ignore[arg-type]  # our mistake
    expected_log("closing broken failed")
    close_all((broken, part("b", said)), 1.0)
    assert said == ["cancel b", "close b"]


def test_the_deadline_is_shared() -> None:
    given: list[float] = []
    held = threading.Event()

    def slow(seconds: float) -> tuple[str, ...]:
        given.append(seconds)
        held.wait(seconds)
        return ()

    close_all((Part("a", lambda: None, slow), Part("b", lambda: None, slow), Part("c", lambda: None, slow)), 0.3)
    assert given[0] > given[1] and given[1] <= 0.1


def test_the_first_line_of_a_log_tells_the_versions() -> None:
    text = about()
    assert "SessionDock" in text and "Python 3" in text and "paramiko" in text and "\n" not in text
