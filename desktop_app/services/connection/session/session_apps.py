"""Where the applications of one session listen, and what lets a browser into them.

The session's control program reports both; a session of clearml-session has none, there its task tells. Reports come on
the control channel's thread, everything else on the supervisor's.
"""

from collections.abc import Mapping

from desktop_app.boundary.connection import Forwards, Target
from desktop_app.boundary.outside import Outside
from desktop_app.domain.sessions.reducer import ReportArrived
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract
from remote_bootstrap.contract.apps import SSH


class SessionApps:
    """Keeps the forwards of one session's applications leading to where they listen."""

    def __init__(self, session: SessionId, store: SessionStore, outside: Outside, forwards: Forwards) -> None:
        self._session = session
        self._store = store
        self._outside = outside
        self._forwards = forwards
        self._target: Target | None = None
        self._login_port = 0  # of our SSH server in a session of clearml-session
        self._ports: dict[str, int] = {}  # as the control program reported
        self._secrets: dict[str, str] = {}

    def secret(self, app: str) -> str:
        """Return the token or password of an application, "" when none is known."""
        return self._secrets.get(app, "")

    def forget(self) -> None:
        """Forget what another run of the task told, on another machine maybe."""
        self._ports = {}
        self._secrets = {}

    def follow(self, target: Target | None) -> None:
        """Count on that connection from now on; ``update`` or the next report sets the forwards."""
        self._target = target
        self._login_port = 0

    def set_login_port(self, port: int) -> None:
        """Lead SSH to that port of the machine's loopback."""
        self._login_port = port
        self.update()

    def set_secrets(self, secrets: Mapping[str, str]) -> None:
        """Take what a task tells, for all applications."""
        self._secrets = dict(secrets)

    def without_secret(self) -> list[str]:
        """Return the applications whose secret the task does not tell yet."""
        return [app for app, secret in self._secrets.items() if not secret]

    def clear_secrets(self) -> None:
        """Forget them: nobody opens a page any more."""
        self._secrets.clear()

    def on_report(self, report: contract.Report) -> None:
        """Take what the control program reports. On the control channel's thread."""
        for app, state in report.apps.items():
            if state.secret:
                self._outside.register_secret(state.secret)
                self._secrets[app] = state.secret
        self.update({app: state.port for app, state in report.apps.items() if state.port})
        self._store.apply(self._session, ReportArrived(report))

    def update(self, reported: Mapping[str, int] | None = None) -> None:
        """Lead the forwards to where the applications listen, ``reported`` ones included.

        The report knows better; the record's port is right where nothing stands between us and sshd. Ports in the task
        count only for a session that has no control channel: everybody in the workspace can write them, and an
        application's login must not go to another program on that machine.
        """
        if self._target is not None and self._target.is_clearml_session:
            known = self._ports_of_task()
        else:
            known = self._ports
        self._ports = {**known, **(reported or {})}
        ssh = {SSH.key: self._target.record.port} if self._target else {}
        self._forwards.set_app_ports({**ssh, **self._ports})

    def _ports_of_task(self) -> dict[str, int]:
        snapshot = self._store.get(self._session)
        endpoints = snapshot.endpoints if snapshot else ()
        known = {endpoint.app: endpoint.remote_port for endpoint in endpoints if endpoint.remote_port}
        return {**known, SSH.key: self._login_port} if self._login_port else known
