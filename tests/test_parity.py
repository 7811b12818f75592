"""docs/parity.md says what the tests' marks say, and leaves out nothing that it promises to cover."""

from tests.integration.test_catalogue import THEIRS
from tests.parity.page import PAGE, Row, marks, rows

OPTIONS = {"list", "info", "shutdown", *(flag for flag in THEIRS if flag.startswith("--"))}
DEFECTS = {"S": 9, "L": 8, "H": 7, "N": 8, "W": 4, "U": 7}  # letter -> how many
ALL = {*OPTIONS, *(f"{letter}{number + 1}" for letter, count in DEFECTS.items() for number in range(count))}


def page() -> dict[str, Row]:
    return {row.id: row for row in rows(PAGE.read_text("utf-8"))}


def test_every_option_and_defect_has_one_row() -> None:
    named = [row.id for row in rows(PAGE.read_text("utf-8"))]
    assert len(named) == len(set(named))
    assert not ALL - set(named)


def test_every_named_test_is_there_and_carries_the_id() -> None:
    marked = marks()
    wrong = [f"{row.id}: {test}" for row in page().values() for test in row.tests if test not in marked.get(row.id, ())]
    assert not wrong, wrong


def test_every_row_is_proved_or_argued() -> None:
    unproved = [row.id for row in page().values() if not row.tests and not row.argued]
    assert not unproved, "mark the test that proves it, then run: python -m tests.parity.page"


def test_every_mark_of_a_test_is_in_the_page() -> None:
    unknown = marks().keys() - page().keys()
    assert not unknown, f"give it a row in docs/parity.md, then run python -m tests.parity.page: {unknown}"
