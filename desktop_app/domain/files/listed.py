"""An upload or download in the list of ``core.transfers``. Frozen; any thread."""

from dataclasses import dataclass, field
from enum import Enum

from desktop_app.domain.files.transfer import Progress, Summary, Wanted
from desktop_app.domain.problems.problem import Problem
from desktop_app.domain.sessions.snapshot import SessionId


class State(Enum):
    """How far a transfer is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One upload or download. ``sources`` are paths here or there; ``to`` "" = ~/session-files."""

    number: int
    session: SessionId
    up: bool
    sources: tuple[str, ...]
    to: str
    state: State = State.WAITING
    progress: Progress = field(default_factory=Progress)
    summary: Summary | None = None
    problem: Problem | None = None
    held: str = ""  # why it does not begin yet
    wanted: tuple[Wanted, ...] = ()  # what its files were when they were chosen, where that was long ago
    changed: tuple[str, ...] = ()  # files that are something else by now

    @property
    def active(self) -> bool:
        """True if it is not yet done, has failed or was cancelled."""
        return self.state in (State.WAITING, State.RUNNING)
