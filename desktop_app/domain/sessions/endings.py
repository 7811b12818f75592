"""How a session ended that was not shut down: what its exit code and its last report tell. Pure functions."""

import re
import signal

from desktop_app.domain.problems import Problem, problem
from desktop_app.domain.sessions.snapshot import ServerFacts
from remote_bootstrap import contract

FAILURES = ("task.failed", "task.broken")
_EXIT_CODE = re.compile(r"exit code (-?\d+)")
_KILLED = "killed (exit code {code}; often out of memory)"
# Above 128 a shell's or a container's word for a signal; negative, a parent's.
_SIGNALS = {signal.SIGKILL: _KILLED, signal.SIGTERM: "ended by its machine (exit code {code})",
            signal.SIGSEGV: "ended by a crash (exit code {code})", signal.SIGABRT: "aborted (exit code {code})",
            signal.SIGHUP: "ended by its machine (exit code {code})"}  # fmt: skip


def failure_of(facts: ServerFacts, was_up: bool) -> Problem:
    """Return what to say of a task that ended as failed; ``was_up``: the session had been there to be used."""
    if not (was_up or has_been_up(facts)):
        return problem("task.failed", status=facts.end.value, lines=facts.message)
    lines = "" if _EXIT_CODE.search(facts.message) and "\n" not in facts.message else facts.message
    return problem("task.broken", after=_after(facts), why=_why(facts), lines=lines)


def has_been_up(facts: ServerFacts) -> bool:
    """True if its record or its report says that one could connect."""
    report = facts.report
    return facts.record is not None or (report is not None and contract.READY in report.seconds)


def code_of(message: str) -> int | None:
    match = _EXIT_CODE.search(message)
    return int(match[1]) if match else None


def _why(facts: ServerFacts) -> str:
    code = code_of(facts.message) if facts.exit_code is None else facts.exit_code
    inside = facts.report is not None and bool(facts.report.container)
    whose = "its container was" if inside else "it was"
    number = None if code is None else code - 128 if code > 128 else -code
    words = _SIGNALS.get(signal.Signals(number)) if number in set(signal.Signals) else None
    if words and code is not None:
        return f"{whose} {words.format(code=code)}"
    return "it was not shut down" if code is None else f"it was not shut down (exit code {code})"


def _after(facts: ServerFacts) -> str:
    if facts.started is None or facts.changed is None or facts.changed < facts.started:
        return "after it had been ready"
    minutes = round((facts.changed - facts.started).total_seconds() / 60)
    return f"after {minutes} minutes" if minutes > 1 else "after a minute" if minutes else "within its first minute"
