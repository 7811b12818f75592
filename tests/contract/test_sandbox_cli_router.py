"""The tests' own ClearML router against the real clearml-session: it asks for a route, and both of us come by it.

What shows that the router (tests/support/clearml_router.py) is enough like the one of ClearML Enterprise for the client
that was written for that one.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.compose import build_core
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.sessions.snapshot import Link, SessionId
from desktop_app.paths import Paths
from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from tests.support import isolated_agent
from tests.support.clearml_router import HOST, ClearmlRouter
from tests.support.sandbox_cli import ClearmlSession
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

BARE = ("--yes", "--queue", "default", "--vscode-server", "false", "--jupyter-lab", "false", "--router-enabled", "true")


@pytest.fixture
def info() -> Iterator[SandboxInfo]:
    with tempfile.TemporaryDirectory(prefix="sd-cli-") as folder:
        yield isolated_agent.start(Path(folder) / "home")
        launch.stop(Path(folder) / "home")


@pytest.mark.parity("--router-enabled", "address precedence")
def test_clearml_session_and_we_come_by_the_route(info: SandboxInfo, private_home: Path) -> None:
    api = RealApi(info)
    with ClearmlRouter(api, reach="127.0.0.1") as router:  # their sshd is on loopback there, see isolated_agent
        with ClearmlSession(info, private_home, BARE) as cli:
            task = cli.expect(r"New session created \[id=(\w{32})\]", 60)[1]
            cli.expect("Connection is up and running", 120)
            relay = router.routes[task]
            assert relay.carried > 0
            cli.enter("quit")
            cli.end(30)
        before = relay.carried
        home = private_home
        core = build_core(
            Paths(home / "config", home / "state", home / "run", home / "sandbox"), "cli", secrets=FakeSecretStore()
        )
        try:
            account = core.credentials.use(Credentials(info.api_url, info.access_key, info.secret_key), Cancel(20))
            session = core.sessions.fetch(SessionId(account.id, task), Cancel(20)).id
            core.connections.attach(session, Cancel(20))
            wait_until(lambda: (now := core.store.get(session)) and now.link is Link.UP, "the tunnel", 60)
            tunnel = core.connections.tunnel(session)
            target = tunnel.target if tunnel is not None else None
            assert target is not None and (target.record.address, target.record.port) == (HOST, relay.port)
            assert relay.carried > before
            core.sessions.stop(session, Cancel(20))
            wait_until(lambda: api.status(task) == "stopped", "their session to end", 30)
        finally:
            core.close()
