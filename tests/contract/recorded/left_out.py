"""What of the recording the sandbox doesn't reproduce, each with its reason. Owns no state.

A row names a scenario and its steps ("3,7-9"). The test fails for a row that would pass.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """Steps of one scenario that are left out, and why."""

    scenario: str
    steps: str
    reason: str


LEFT_OUT: tuple[Row, ...] = ()  # nothing: every recorded step is answered as recorded


def steps_of(text: str) -> set[int]:
    """The step numbers that a text like "3,7-9" names."""
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return numbers


_STEPS = {(row.scenario, number) for row in LEFT_OUT for number in steps_of(row.steps)}


def is_left_out(scenario: str, number: int) -> bool:
    """Whether some row names that step."""
    return (scenario, number) in _STEPS
