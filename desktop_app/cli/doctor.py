"""The command doctor: why a session can't be used. Main thread.

Exit code 0 when every stage works, 1 when one is broken.
"""

import argparse
from collections.abc import Callable
from typing import Any

from desktop_app.cli.base import CommandBase
from desktop_app.cli.interrupt import Interruptible
from desktop_app.cli.output import json_line, problem_json, result, say
from desktop_app.domain.diagnosis import Diagnosis, Finding, Verdict
from desktop_app.domain.problems import AppError

EXAMINE_S = 180.0
MARKS = {Verdict.GOOD: "ok      ", Verdict.BROKEN: "BROKEN  ", Verdict.DOUBTFUL: "doubtful"}


def add_doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument("session", nargs="?", default="", help="id, beginning of an id, or name")
    command.add_argument("--account", default=argparse.SUPPRESS, help="the account's name or id")
    command.add_argument("--report", action="store_true", help="print a report to send to somebody who helps")


def finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "stage": finding.stage.name.lower(),
        "what": finding.what,
        "verdict": finding.verdict.name.lower(),
        "found": finding.text,
        "subject": finding.subject,
        "problem": problem_json(finding.problem) if finding.problem else None,
    }


class DoctorCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_doctor(self) -> int:
        quiet: Callable[[Finding], None] = lambda _finding: None  # noqa: E731
        tell = quiet if self.json or self.arguments.report else _tell
        task, diagnosis = self._examine(tell)
        if self.json:
            findings = [finding_json(one) for one in diagnosis.findings]
            works = {"works": diagnosis.works, "headline": diagnosis.headline, "advice": diagnosis.advice}
            json_line({"session": task, **works, "findings": findings})
        elif self.arguments.report:
            result(self.core.doctor.report(diagnosis).rstrip())
        else:
            _conclude(diagnosis)
        return 1 if diagnosis.broken else 0

    def _examine(self, tell: Callable[[Finding], None]) -> tuple[str | None, Diagnosis]:
        """The session's task and what ails it; where no session can be found because of an account, what ails that."""
        cancel = Interruptible(EXAMINE_S)
        try:
            session = self.session().id
        except AppError:
            name = self._account_name()
            for account in (self.core.accounts.find(name),) if name else self.core.accounts.all():
                told: list[Finding] = []
                diagnosis = self.core.doctor.examine_account(account.id, cancel, told.append)
                if diagnosis.broken is not None:
                    for finding in told:
                        tell(finding)
                    return None, diagnosis
            raise
        return session.task, self.core.doctor.examine(session, cancel, tell)


def _tell(finding: Finding) -> None:
    said = f": {finding.text}" if finding.text else ""
    result(f"{MARKS[finding.verdict]}  {finding.said}{said}")


def _conclude(diagnosis: Diagnosis) -> None:
    say("")
    say(f"{diagnosis.headline.rstrip('.')}. {diagnosis.advice}")
    if diagnosis.broken:
        say("To send this to somebody who helps: sessiondock doctor --report")
