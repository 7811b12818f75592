"""Outcome: how a command that stays with a session ends. Frozen, any thread."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """The command ends with this exit code. Where it goes on there is no Outcome: functions return None."""

    code: int


DONE = Outcome(0)
FAILED = Outcome(1)
