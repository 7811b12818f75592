"""Doctor (``core.doctor``): why a session can't be used, stage by stage. Blocking; on the caller's thread.

It uses what the app uses (keyring, server, record, dialling) but a connection of its own, so it works whichever process
holds the session's tunnel, and changes nothing but for a host key that is seen for the first time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Examined, Target
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts.secrets import API_SECRET, CLIENT_KEY
from desktop_app.domain.diagnosis import Diagnosis, Finding, Stage, StageError, Verdict, report_of
from desktop_app.domain.problems import AppError, Problem, Retry, failure, problem
from desktop_app.domain.sessions.clearml_session import ClearmlSession
from desktop_app.domain.sessions.reach import of_container
from desktop_app.domain.sessions.snapshot import WAITING, End, Remote, ServerFacts, SessionId, why_unplaced
from desktop_app.services.accounts.routes import route_of
from desktop_app.services.connection.session.clearml_session import ClearmlSessionAccess
from desktop_app.services.connection.session.key_access import key_of
from desktop_app.services.connection.session.trust import RecordTrust, kept_key
from desktop_app.services.doctor.diagnostics import about
from desktop_app.services.state.account_store import AccountStore
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract
from remote_bootstrap.contract.apps import BY_KEY

SERVER_S = 20.0
LOG_S = 20.0
CONNECT_S = 30.0
LOG_LINES = 30
SERVER_ERROR = 500  # of HTTP: from there on it is the application's fault
CREDENTIAL_CODES = ("server.unauthorised", "server.expired", "account.no_secret")

Tell = Callable[[Finding], None]


@dataclass
class _Case:
    """One examination under way."""

    session: SessionId
    tell: Tell
    cancel: Cancel
    findings: list[Finding] = field(default_factory=list)

    def found(
        self,
        stage: Stage,
        verdict: Verdict = Verdict.GOOD,
        text: str = "",
        why: Problem | None = None,
        subject: str = "",
    ) -> None:
        finding = Finding(stage, verdict, " ".join(text.split()), why, subject)
        self.findings.append(finding)
        self.tell(finding)

    def broken(self, stage: Stage, why: Problem, subject: str = "") -> None:
        self.found(stage, Verdict.BROKEN, "", why, subject)

    def within(self, seconds: float) -> Cancel:
        """Return a Cancel with this deadline that also ends with the examination."""
        self.cancel.check()
        limited = Cancel(seconds)
        self.cancel.on_cancel(limited.cancel)
        return limited


class Doctor:
    """Examines sessions and accounts, stage by stage. Thread-safe."""

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        accounts: AccountStore,
        client: Callable[[str, Cancel], Server],
        log: Callable[[], Sequence[str]],
    ) -> None:
        """Examine nothing yet. ``client``: returns an account's. ``log``: returns the app's newest lines."""
        self._outside = outside
        self._store = store
        self._accounts = accounts
        self._client = client
        self._log_lines = log

    def examine(self, session: SessionId, cancel: Cancel, tell: Tell = lambda _finding: None) -> Diagnosis:
        """Examine all stages that can be reached; ``tell`` hears each finding at once. Raises Cancelled only."""
        case = _Case(session, tell, cancel)
        server = self._server(case)
        facts = self._facts(case, server) if server is not None else self._known(session)
        if facts is not None and facts.remote in (Remote.READY, Remote.STOPPING):
            self._machine(case, server, facts)
        return self._conclude(case)

    def examine_account(self, account: str, cancel: Cancel, tell: Tell = lambda _finding: None) -> Diagnosis:
        """Examine the stages that need no session. Raises Cancelled only."""
        case = _Case(SessionId(account, ""), tell, cancel)
        self._server(case)
        return self._conclude(case)

    def _conclude(self, case: _Case) -> Diagnosis:
        for stage in Stage:
            if all(one.stage is not stage for one in case.findings):
                case.findings.append(Finding(stage, Verdict.UNKNOWN))
        order = list(Stage)
        return Diagnosis(tuple(sorted(case.findings, key=lambda one: order.index(one.stage))))

    def report(self, diagnosis: Diagnosis) -> str:
        """Return a text without secrets to send to someone who helps; it is shown before it leaves. Quick."""
        return self._outside.clean(report_of(diagnosis, about(), tuple(self._log_lines())[-LOG_LINES:]))

    # -- the server

    def _server(self, case: _Case) -> Server | None:
        try:
            account = self._accounts.find(case.session.account)
            if account.sandbox and not self._outside.sandbox.address():
                raise failure("server.no_sandbox")  # to ask it would start it
            if not account.sandbox:
                self._outside.secrets.get(API_SECRET, account.all_keys[0].owner)
            case.found(Stage.KEYRING)
            server = self._client(account.id, case.within(SERVER_S))
            who = server.user.whoami(case.within(SERVER_S))
        except AppError as error:
            self._no_server(case, error.problem)
            return None
        case.found(Stage.SERVER, text=account.api_url)
        case.found(Stage.CREDENTIALS, text=f"as {who.user_name}" if who.user_name else "")
        return server

    def _no_server(self, case: _Case, why: Problem) -> None:
        if why.code.startswith("keyring."):
            case.broken(Stage.KEYRING, why)
        elif why.code in CREDENTIAL_CODES:
            if why.code != "account.no_secret":
                case.found(Stage.SERVER)
            case.broken(Stage.CREDENTIALS, why)
        else:
            case.broken(Stage.SERVER, why)

    def _facts(self, case: _Case, server: Server) -> ServerFacts | None:
        try:
            facts = server.sessions.get(case.session.task, case.within(SERVER_S)).facts
        except AppError as error:
            case.broken(Stage.TASK, error.problem)
            return None
        why = _not_running(facts)
        if why is not None:
            # to wait is nothing that is broken: time alone may end it
            verdict = Verdict.DOUBTFUL if why.retry is Retry.AUTO else Verdict.BROKEN
            case.found(Stage.TASK, verdict, why=why)
            return facts
        case.found(Stage.TASK, text=f"queue {facts.queue}, agent {facts.worker}")
        if facts.worker_lost_s:
            lost = problem("agent.lost", worker=facts.worker, minutes=max(1, round(facts.worker_lost_s / 60)))
            case.found(Stage.AGENT, Verdict.DOUBTFUL, why=lost)
        else:
            case.found(Stage.AGENT, text=facts.worker)
        return facts

    def _known(self, session: SessionId) -> ServerFacts | None:
        """Return what is known without the server: the session's machine may well be up while the server is not."""
        now = self._store.get(session)
        return now.facts if now else None

    # -- the machine

    def _machine(self, case: _Case, server: Server | None, facts: ServerFacts) -> None:
        if facts.clearml_session is not None:
            target = self._clearml_session_target(case, server, facts.clearml_session)
        else:
            record = self._record(case, server, facts)
            target = self._target(case, server, record) if record is not None else None
        if target is None:
            return
        try:
            limited = case.within(CONNECT_S)
            examined = self._outside.examine(target, lambda stage, text: case.found(stage, text=text), limited)
        except StageError as error:
            case.broken(error.stage, of_container(error.problem, facts, case.session.task))
            return
        try:
            self._applications(case, examined, facts.report)
        finally:
            examined.close()

    def _clearml_session_target(self, case: _Case, server: Server | None, place: ClearmlSession) -> Target | None:
        """Return where to dial a session of clearml-session: it has no record of ours, and a password opens it."""
        if server is None:
            return None
        access = ClearmlSessionAccess(case.session, self._outside)
        try:
            target = access.target(place, server, case.within(SERVER_S))
        except AppError as error:
            case.broken(Stage.RECORD, error.problem)
            return None
        case.found(Stage.RECORD, Verdict.DOUBTFUL, why=access.warning())
        case.found(Stage.KEY, text="clearml-session's password, which the task shows")
        return target

    def _record(self, case: _Case, server: Server | None, facts: ServerFacts) -> contract.Record | None:
        try:
            if server is not None:
                RecordTrust(case.session, self._outside).believed(facts, server, case.within(LOG_S))
            elif facts.record is not None:
                self._verify_again(case.session, facts.record)
        except AppError as error:
            case.broken(Stage.RECORD, error.problem)
            return None
        case.found(Stage.RECORD)
        return facts.record

    def _verify_again(self, session: SessionId, record: contract.Record) -> None:
        """Verify the record without the server: by the key that this computer has seen before."""
        first, named = kept_key(self._outside, session)
        seen = contract.fingerprint(first) if first else named or None
        self._outside.verify_record(record, session.task, first or None, seen)

    def _target(self, case: _Case, server: Server | None, record: contract.Record) -> Target | None:
        outside, session = self._outside, case.session
        try:
            if server is not None:
                key = key_of(outside, session, server, case.within(SERVER_S))
            else:
                key = self._key_here(session)
            target = Target(record, key, *route_of(outside, session.account))
        except AppError as error:
            case.broken(Stage.KEY, error.problem)
            return None
        case.found(Stage.KEY)
        return target

    def _key_here(self, session: SessionId) -> str:
        key = self._outside.secrets.get(CLIENT_KEY, session.text)
        if not key:
            raise failure("ssh.no_key")
        return key

    # -- the applications

    def _applications(self, case: _Case, examined: Examined, published: contract.Report | None) -> None:
        try:
            report = examined.report() or published or contract.Report("")
        except AppError as error:
            case.broken(Stage.CONTROL, error.problem)
            return
        for key, app in report.apps.items():
            spec = BY_KEY.get(key)
            if spec is not None and spec.opens == "browser":
                self._application(case, examined, spec.label, app)

    def _application(self, case: _Case, examined: Examined, label: str, app: contract.AppReport) -> None:
        if app.state == contract.APP_FAILED:
            why = problem("app.failed", app=label, why=app.detail or "The session's log may say why.")
            case.broken(Stage.APPLICATION, why, label)
        elif app.state != contract.APP_READY or not app.port:
            case.found(Stage.APPLICATION, Verdict.DOUBTFUL, f"{label}: {app.detail or app.state}", subject=label)
        else:
            try:
                status = examined.http_status(app.port)
            except AppError as error:
                case.broken(Stage.APPLICATION, error.problem, label)
                return
            well = 0 < status < SERVER_ERROR
            text = (
                f"port {app.port}, HTTP {status}" if status else f"port {app.port} answers, but not as a web page does"
            )
            case.found(Stage.APPLICATION, Verdict.GOOD if well else Verdict.DOUBTFUL, text, subject=label)


def _not_running(facts: ServerFacts) -> Problem | None:
    """Return why the session is not up, as the server tells it; None when it is."""
    if facts.remote is Remote.ENDED:
        how = facts.end.value or End.COMPLETED.value
        return problem("session.over", why=f"It is over ({how}). {facts.message}".strip().rstrip(".") + ".")
    if facts.remote in WAITING:
        if facts.unplaced:
            return problem("queue.none", why=why_unplaced(facts))
        if not facts.queue_watched:
            return problem("queue.no_agent", queue=facts.queue)
        return problem("session.not_up", why=f"It waits in the queue “{facts.queue}” until an agent is free.")
    if facts.remote is Remote.STARTING:
        why = "Its agent prepares the environment. The session's log shows how far it is."
        return problem("session.not_up", why=why)
    return None
