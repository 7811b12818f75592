"""How a user gets into a session: a page that signs a browser in, and the command of an ssh that asks nothing.

Both are made by the process that holds the connection, out of secrets that only it has. Any thread; blocks while
another process is asked.
"""

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.boundary.outside import Outside
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Link, SessionId, openable
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.peer_requests import Args, Operation
from desktop_app.services.connection.session.session_tunnel import SessionTunnel
from desktop_app.services.state.store import SessionStore
from remote_bootstrap.contract.apps import BY_KEY, SSH


class Entrances:
    """Thread-safe."""

    def __init__(self, outside: Outside, store: SessionStore, connections: Connections) -> None:
        self._outside = outside
        self._store = store
        self._connections = connections
        self._login_page = connections.requests.add(
            Operation("login-page", self._make_login_page, lambda url: {"url": url}, lambda row: str(row["url"]))
        )
        self._ssh_command = connections.requests.add(
            Operation(
                "ssh-command",
                self._make_ssh_command,
                lambda argv: {"argv": list(argv)},
                lambda row: tuple(str(word) for word in row["argv"]),
            )
        )

    def login_page(self, session: SessionId, app: str, cancel: Cancel) -> str:
        """Return a single-use address that signs a browser in to an application.

        Problems: open.not_ready, session.not_attached, tunnel.owned
        """
        return self._connections.call(session, self._login_page, {"app": app}, cancel)

    def ssh_command(self, session: SessionId, cancel: Cancel) -> tuple[str, ...]:
        """Return the argv of an ssh that gets in without a prompt.

        Problems: open.not_ready, ssh.agent, session.not_attached, session.no_login, tunnel.owned
        """
        return self._connections.call(session, self._ssh_command, {}, cancel)

    def ssh_target(self, session: SessionId) -> Target | None:
        """Return what the user's ssh gets in with, None where this process does not hold the connection or only a
        password lets anybody in. Never blocks."""
        tunnel = self._connections.tunnel(session)
        return tunnel.login_target if tunnel is not None else None

    # -- where the connection is held

    def _make_login_page(self, session: SessionId, args: Args, _cancel: Cancel) -> str:
        tunnel, app = self._tunnel(session), str(args.get("app", ""))
        snapshot, spec = self._store.get(session), BY_KEY.get(app)
        endpoint = snapshot.endpoint(app) if snapshot else None
        if snapshot is None or spec is None or endpoint is None or not openable(snapshot, app):
            state = endpoint.state if endpoint else "not part of this session"
            why = endpoint.detail if endpoint and endpoint.detail else "Open it once it is ready and connected."
            raise failure("open.not_ready", app=spec.label if spec else app, state=state, why=why)
        origin = f"http://127.0.0.1:{endpoint.local_port}"
        return self._outside.login_page(spec.login, origin, tunnel.apps.secret(app))

    def _make_ssh_command(self, session: SessionId, _args: Args, _cancel: Cancel) -> tuple[str, ...]:
        tunnel, snapshot = self._tunnel(session), self._store.get(session)
        target = tunnel.login_target
        if target is None and tunnel.no_login is not None:
            raise AppError(tunnel.no_login)
        endpoint = snapshot.endpoint(SSH.key) if snapshot else None
        if target is None or snapshot is None or snapshot.link is not Link.UP or not (endpoint and endpoint.local_port):
            raise failure("open.not_ready", app=SSH.label, state="not connected", why="Attach the session first.")
        return tuple(self._outside.ssh_access.command(session.text, target, endpoint.local_port))

    def _tunnel(self, session: SessionId) -> SessionTunnel:
        tunnel = self._connections.tunnel(session)
        if tunnel is None:  # it was detached just now
            raise failure("session.not_attached", task=session.task[:8])
        return tunnel
