"""The command doctor: why a session can't be used. Main thread; blocks.

Exit code 0 when every stage works, 1 when one is broken.
"""

import argparse
from collections.abc import Callable
from typing import Any

from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import Commands, add_session
from desktop_app.cli.terminal.interrupt import Interruptible
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.cli.views.as_json import problem_json
from desktop_app.domain.diagnosis import Diagnosis, Finding, Verdict
from desktop_app.domain.problems import AppError

EXAMINE_S = 180.0
MARKS = {Verdict.GOOD: "ok      ", Verdict.BROKEN: "BROKEN  ", Verdict.DOUBTFUL: "doubtful"}


def add_doctor(commands: Commands) -> None:
    """Register doctor."""
    command = commands.add("doctor", run_doctor, "find out why a session can't be used")
    add_session(command)
    command.add_argument("--report", action="store_true", help="print a report that you can send to your support")


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return what one stage came to, as --json shows it."""
    return {
        "stage": finding.stage.name.lower(),
        "what": finding.what,
        "verdict": finding.verdict.name.lower(),
        "found": finding.text,
        "subject": finding.subject,
        "problem": problem_json(finding.problem) if finding.problem else None,
    }


def run_doctor(context: Context, arguments: argparse.Namespace) -> int:
    """Examine a session, telling each finding at once, and conclude."""
    quiet: Callable[[Finding], None] = lambda _finding: None  # noqa: E731
    tell = quiet if context.json or arguments.report else _tell
    task, diagnosis = _examine(context, tell)
    if context.json:
        findings = [finding_json(finding) for finding in diagnosis.findings]
        works = {"works": diagnosis.works, "headline": diagnosis.headline, "advice": diagnosis.advice}
        json_line({"session": task, **works, "findings": findings})
    elif arguments.report:
        result(context.core.doctor.report(diagnosis).rstrip())
    else:
        _conclude(diagnosis)
    return 1 if diagnosis.broken else 0


def _examine(context: Context, tell: Callable[[Finding], None]) -> tuple[str | None, Diagnosis]:
    """Return the session's task and what ails it; where no session is found because of an account, what ails that.

    Problems: as of ``Context.session``
    """
    cancel = Interruptible(EXAMINE_S)
    try:
        session = context.session().id
    except AppError:
        accounts = context.accounts.all()
        for account in accounts:
            if account.sandbox and context.accounts.sandbox_rests and len(accounts) > 1:
                continue  # that it does not run was said, and is no fault of the others
            findings: list[Finding] = []
            diagnosis = context.core.doctor.examine_account(account.id, cancel, findings.append)
            if diagnosis.broken is not None:
                for finding in findings:
                    tell(finding)
                return None, diagnosis
        raise
    return session.task, context.core.doctor.examine(session, cancel, tell)


def _tell(finding: Finding) -> None:
    said = f": {finding.text}" if finding.text else ""
    result(f"{MARKS[finding.verdict]}  {finding.said}{said}")


def _conclude(diagnosis: Diagnosis) -> None:
    say("")
    say(f"{diagnosis.headline.rstrip('.')}. {diagnosis.advice}")
    if diagnosis.broken:
        say("For a report that you can send to your support: sessiondock doctor --report")
