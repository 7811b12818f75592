"""The session's machine as the doctor's own connection finds it, in memory. The test sets what breaks."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Examined, Target
from desktop_app.domain.diagnosis import Stage, StageError
from desktop_app.domain.problems import AppError, failure
from remote_bootstrap.contract import Report

CONNECTION = (Stage.NAME, Stage.REACH, Stage.SSH, Stage.HOST_KEY, Stage.SIGN_IN, Stage.CONTROL)


@dataclass
class FakeMachineToExamine:
    """``breaks`` is the stage that fails, with ``error``; ``answers``: port -> HTTP status; nobody listens at
    a ``dead`` port."""

    report: Report = field(default_factory=lambda: Report("ready"))
    breaks: Stage | None = None
    error: AppError = field(default_factory=lambda: failure("ssh.unreachable", address="10.0.0.7", port=10022))
    answers: dict[int, int] = field(default_factory=dict)
    dead: set[int] = field(default_factory=set)
    gate: threading.Event | None = None  # what the stage that breaks waits for
    opened: int = 0
    targets: list[Target] = field(default_factory=list)

    def examine(self, target: Target, tell: Callable[[Stage, str], None], cancel: Cancel) -> "FakeExamined":
        self.targets.append(target)
        for stage in CONNECTION:
            cancel.check()
            if stage is self.breaks:
                while self.gate is not None and not self.gate.wait(0.01):
                    cancel.check()
                raise StageError(stage, self.error)
            tell(stage, "fine")
        self.opened += 1
        return FakeExamined(self)


class FakeExamined(Examined):
    def __init__(self, machine: FakeMachineToExamine) -> None:
        self._machine = machine

    def report(self) -> Report:
        return self._machine.report

    def http_status(self, port: int) -> int:
        if port in self._machine.dead:
            raise failure("app.refused", port=port)
        return self._machine.answers.get(port, 200)

    def close(self) -> None:
        self._machine.opened -= 1
