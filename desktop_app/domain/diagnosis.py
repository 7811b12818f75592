"""What the doctor finds: stages each of which needs those before it, and what each came to. Frozen; any thread."""

from dataclasses import dataclass
from enum import Enum

from desktop_app.domain.problems import AppError, Problem


class Stage(Enum):
    """From this computer to the application; the value says what is checked."""

    KEYRING = "This computer's password store opens"
    SERVER = "The ClearML server answers"
    CREDENTIALS = "The ClearML server accepts the API key"
    TASK = "The session runs"
    AGENT = "The session's agent reports"
    RECORD = "The session's connection record can be trusted"
    KEY = "This computer has the session's key"
    NAME = "The machine's name is known"
    REACH = "The machine can be reached"
    SSH = "An SSH server answers"
    HOST_KEY = "It is the session's own SSH server"
    SIGN_IN = "It accepts the session's key"
    CONTROL = "The session's control program answers"
    APPLICATION = "The application answers"


class Verdict(Enum):
    """What a stage came to; the value is the mark in a report."""

    GOOD = "ok"
    BROKEN = "BROKEN"
    DOUBTFUL = "doubtful"  # worth saying, others may work all the same
    UNKNOWN = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One stage (of one application). ``text`` says what was found, ``problem`` what to do about it."""

    stage: Stage
    verdict: Verdict
    text: str = ""
    problem: Problem | None = None
    subject: str = ""  # the application's name

    @property
    def what(self) -> str:
        return f"{self.subject} answers" if self.subject else self.stage.value

    @property
    def said(self) -> str:
        """Return what was found in words for users: what is not so is not said as if it were."""
        troubled = self.verdict in (Verdict.BROKEN, Verdict.DOUBTFUL) and self.problem is not None
        return self.problem.title if self.problem is not None and troubled else self.what


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings in order."""

    findings: tuple[Finding, ...]

    @property
    def broken(self) -> Finding | None:
        """Return the first broken stage: what comes after it can't work."""
        return next((finding for finding in self.findings if finding.verdict is Verdict.BROKEN), None)

    @property
    def doubtful(self) -> Finding | None:
        return next((finding for finding in self.findings if finding.verdict is Verdict.DOUBTFUL), None)

    @property
    def works(self) -> bool:
        """True if the session can be used: what waits for an agent is not broken, and does not work yet."""
        waits = any(finding.stage is Stage.TASK and finding.verdict is not Verdict.GOOD for finding in self.findings)
        return self.broken is None and not waits

    @property
    def headline(self) -> str:
        worst = self.broken or self.doubtful
        if worst is None:
            return "Everything works."
        return worst.problem.title if worst.problem else worst.text

    @property
    def advice(self) -> str:
        """Return the likely cause and the remedy, in words."""
        worst = self.broken or self.doubtful
        if worst is None:
            return "Every stage from this computer to the session's applications answered."
        return worst.problem.detail if worst.problem else ""


class StageError(Exception):
    """The stage that broke, and why."""

    def __init__(self, stage: Stage, error: AppError) -> None:
        super().__init__(str(error))
        self.stage = stage
        self.problem = error.problem


def report_of(diagnosis: Diagnosis, about: str, log: tuple[str, ...]) -> str:
    """Return a text to send to a helper; not redacted yet."""
    lines = [about, "", f"{diagnosis.headline.rstrip('.')}. {diagnosis.advice}".strip(), ""]
    for finding in diagnosis.findings:
        lines.append(f"[{finding.verdict.value}] {finding.said}" + (f": {finding.text}" if finding.text else ""))
        if finding.problem is not None:
            lines.append(f"    {finding.problem.detail} ({finding.problem.code})")
            if finding.problem.cause:
                lines.append(f"    cause: {finding.problem.cause}")
    if log:
        lines += ["", "The app's newest log lines:", *log]
    return "\n".join(lines) + "\n"
