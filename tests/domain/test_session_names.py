"""Default names of sessions can be told apart, chosen names stay as they are."""

import pytest

from desktop_app.domain.launch.option_checks import MAX_NAME, name
from desktop_app.domain.launch.options import LaunchSpec, to_profile
from desktop_app.domain.launch.session_names import DEFAULT_NAME, distinct_name, is_default, unnumbered


@pytest.mark.parametrize(
    ("taken", "found"),
    [
        ([], "Interactive session"),
        (["nightly"], "Interactive session"),
        (["Interactive session"], "Interactive session 2"),
        (["Interactive Session"], "Interactive session 2"),  # one that clearml-session made
        (["Interactive session", "Interactive session 2", "Interactive session 4"], "Interactive session 3"),
        (["Interactive session 2"], "Interactive session"),
    ],
)
def test_the_default_name_gets_the_smallest_free_number(taken: list[str], found: str) -> None:
    assert distinct_name(DEFAULT_NAME, taken) == found


def test_a_number_that_was_shown_stays_if_it_is_free_and_changes_if_it_is_not() -> None:
    assert distinct_name("Interactive session 3", ["Interactive session"]) == "Interactive session 3"
    shown = distinct_name("Interactive session 3", ["Interactive session", "Interactive session 3"])
    assert shown == "Interactive session 2"


def test_another_name_is_numbered_as_a_whole() -> None:
    assert distinct_name("ResNet 50", ["ResNet 50"]) == "ResNet 50 2"
    longest = "x" * MAX_NAME
    assert name(distinct_name(longest, [longest])) == ""


@pytest.mark.parametrize(
    ("text", "default"),
    [("Interactive session", True), ("Interactive Session", True), ("Interactive session 12", True),
     ("Interactive session 2 b", False), ("My interactive session", False), ("", False)],
)  # fmt: skip
def test_which_names_nobody_chose(text: str, default: bool) -> None:
    assert is_default(text) is default
    assert unnumbered(text) == (DEFAULT_NAME if default else text)


def test_a_number_is_not_remembered() -> None:
    assert to_profile(LaunchSpec(name="Interactive session 7"))["name"] == DEFAULT_NAME
    assert to_profile(LaunchSpec(name="nightly 7"))["name"] == "nightly 7"
