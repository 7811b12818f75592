"""A doctor whose findings the window's tests choose: stands for core.doctor."""

from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.diagnosis import Diagnosis, Finding, Stage, Verdict, report_of
from desktop_app.domain.problems import problem
from desktop_app.domain.sessions.snapshot import SessionId

UNREACHABLE = problem("ssh.unreachable", address="10.0.4.17", port=10022, cause="TimeoutError: timed out")
DEMO = (
    Finding(Stage.KEYRING, Verdict.GOOD),
    Finding(Stage.SERVER, Verdict.GOOD, "https://api.clearml.acme.example"),
    Finding(Stage.CREDENTIALS, Verdict.GOOD, "as Ada Lovelace"),
    Finding(Stage.TASK, Verdict.GOOD, "queue a100, agent dgx-01:gpu0"),
    Finding(Stage.AGENT, Verdict.GOOD, "dgx-01:gpu0"),
    Finding(Stage.RECORD, Verdict.GOOD),
    Finding(Stage.KEY, Verdict.GOOD),
    Finding(Stage.NAME, Verdict.GOOD, "10.0.4.17"),
    Finding(Stage.REACH, Verdict.BROKEN, "", UNREACHABLE),
    *(Finding(stage, Verdict.UNKNOWN) for stage in list(Stage)[list(Stage).index(Stage.REACH) + 1 :]),
)


class FakeDoctor:
    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self.findings: tuple[Finding, ...] = DEMO

    def examine(
        self, session: SessionId, cancel: Cancel, tell: Callable[[Finding], None] = lambda _finding: None
    ) -> Diagnosis:
        for finding in self.findings:
            if finding.verdict is not Verdict.UNKNOWN:
                tell(finding)
        self._call("doctor.examine", cancel, session)
        return Diagnosis(self.findings)

    def examine_account(
        self, account: str, cancel: Cancel, tell: Callable[[Finding], None] = lambda _finding: None
    ) -> Diagnosis:
        self._call("doctor.examine_account", cancel, account)
        return Diagnosis(self.findings[:3])

    def report(self, diagnosis: Diagnosis) -> str:
        return report_of(diagnosis, "SessionDock 0.1.0 (from source)", ("12:00:01 INFO poller: polling",))
