"""Which finished sessions may go: never the newest snapshot of a workspace."""

import pytest

from desktop_app.domain.sessions.finished import FinishedSession, removable


def tasks(found: tuple[FinishedSession, ...]) -> list[str]:
    return [one.task for one in found]


@pytest.mark.parity("L2", "L7")
def test_the_last_snapshot_of_each_workspace_stays() -> None:
    found = (
        FinishedSession("plain", "x"),
        FinishedSession("a-old", "x", folder="~/a", stored=1.0),
        FinishedSession("a-new", "x", folder="~/a", stored=2.0),
        FinishedSession("b-only", "x", folder="~/b", stored=1.0),
        FinishedSession("a-newer-but-empty", "x", folder="~/a"),
    )
    assert tasks(removable(found)) == ["plain", "a-old", "a-newer-but-empty"]


def test_a_snapshot_of_an_unknown_folder_stays() -> None:
    assert removable((FinishedSession("x", "x", stored=1.0), FinishedSession("y", "y", stored=2.0))) == ()


def test_two_of_the_same_moment_both_stay() -> None:
    twins = tuple(FinishedSession(task, "x", folder="~/a", stored=2.0) for task in ("a", "b"))
    assert removable(twins) == ()
