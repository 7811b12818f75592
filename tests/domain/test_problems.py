"""The problem table: every placeholder can be filled, every text is a text for people."""

import re
import string
from pathlib import Path

import pytest

from desktop_app.domain.problems import TABLE, AppError, Remedy, Retry, failure, problem

CODE = Path(__file__).resolve().parents[2] / "desktop_app"


def placeholders(code: str) -> set[str]:
    row = TABLE[code]
    return {name for text in (row.title, row.detail) for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", TABLE)
def test_a_filled_problem_reads_well(code: str) -> None:
    found = problem(code, cause="a cause", **{name: f"<{name}>" for name in placeholders(code)})
    assert "{" not in found.title + found.detail
    assert found.title[0].isupper() or found.title.startswith("<")
    assert not found.title.endswith(".")
    assert found.detail == "" or found.detail.endswith((".", ">", "!")) or "<" in found.detail
    assert found.code == code and found.cause == "a cause"
    assert "\n" not in found.title


@pytest.mark.parametrize("code", [code for code in TABLE if placeholders(code)])
def test_a_missing_value_is_our_own_mistake(code: str) -> None:
    with pytest.raises(KeyError):
        problem(code)


def test_an_unknown_code_is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        problem("no.such.code")


@pytest.mark.parametrize("code", [code for code, row in TABLE.items() if row.retry is Retry.USER])
def test_what_a_person_must_do_is_said(code: str) -> None:
    """A sentence or a button: nobody is left with a title alone."""
    assert TABLE[code].detail or TABLE[code].remedies


DIALECT = re.compile(r"\b(nobody|somebody|everybody|anybody|whoever|whatever|persons?|people)\b", re.IGNORECASE)


@pytest.mark.parametrize("code", TABLE)
def test_problems_speak_plain_english(code: str) -> None:
    """One word for the human: user, or who it is (a member of the workspace, the administrator)."""
    assert not DIALECT.search(f"{TABLE[code].title} {TABLE[code].detail}")


def test_remedies_are_labels() -> None:
    assert all(re.fullmatch(r"[A-Z][\w ]+…?( key…)?", remedy.value) or " " in remedy.value for remedy in Remedy)


def used_in_code() -> dict[str, set[str]]:
    """Code -> the values that some call in the program passes, read from the sources."""
    call = re.compile(r"\b(?:problem|failure)\(\s*\"([a-z_]+(?:\.[a-z_]+)?)\"")
    found: dict[str, set[str]] = {}
    for path in CODE.rglob("*.py"):
        for code in call.findall(path.read_text("utf-8")):
            found.setdefault(code, set()).add(path.name)
    return found


def test_every_code_in_the_program_is_in_the_table() -> None:
    assert {code for code in used_in_code() if code not in TABLE} == set()


def test_an_error_carries_its_problem_and_reads_like_it() -> None:
    error = failure("queue.unknown", queue="gpu", server="https://api")
    assert isinstance(error, AppError)
    assert str(error) == str(error.problem)
    assert "gpu" in str(error)
