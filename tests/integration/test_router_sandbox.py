"""``--router-enabled`` with sandbox, agent and sshd; the router is the tests' own (tests/support/clearml_router.py)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.compose import build_core
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.sessions.snapshot import Link, SessionId, SessionSnapshot
from desktop_app.paths import Paths
from desktop_app.sandbox.launch import SandboxInfo
from desktop_app.services.core import Core
from tests.support.clearml_router import HOST, ClearmlRouter
from tests.support.sandbox_server import RealApi, own_sandbox
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

LAUNCH_SECONDS = 120.0
SPEC = LaunchSpec(queue="default", name="routed", vscode=False, jupyterlab=False, router_enabled=True)


@pytest.fixture
def info() -> Iterator[SandboxInfo]:
    with own_sandbox() as made:
        yield made


@pytest.fixture
def core(private_home: Path) -> Iterator[Core]:
    paths = Paths(private_home / "config", private_home / "state", private_home / "run", private_home / "sandbox")
    made = build_core(paths, "cli", secrets=FakeSecretStore())
    yield made
    made.close()


def launched(core: Core, info: SandboxInfo) -> SessionId:
    account = core.credentials.use(Credentials(info.api_url, info.access_key, info.secret_key), Cancel(20))
    session = core.launches.launch(account.id, SPEC, Cancel(30), attach=True)
    core.polling.watch(account.id)
    return session


def connected(core: Core, session: SessionId, port: int = 0) -> SessionSnapshot:
    """Once the tunnel is up, at this port of the router if one is given."""

    def up() -> SessionSnapshot | None:
        now = core.store.get(session)
        assert now is None or now.link is not Link.BLOCKED, now
        found = now is not None and now.link is Link.UP and now.facts.record is not None
        tunnel = core.connections.tunnel(session)
        target = tunnel.target if tunnel is not None else None
        there = not port or (target is not None and target.record.port == port)
        return now if found and there else None

    return wait_until(up, "the tunnel", LAUNCH_SECONDS)


@pytest.mark.parity("--router-enabled", "late-binding")
def test_the_session_is_reached_through_its_route_and_follows_it(info: SandboxInfo, core: Core) -> None:
    api = RealApi(info)
    with ClearmlRouter(api) as router:
        session = launched(core, info)
        now = connected(core, session)
        relay = router.routes[session.task]
        record = now.facts.record
        assert record is not None and (record.address, record.port) == (HOST, relay.port)
        assert relay.carried > 0 and relay.target[0] == "127.0.0.1"
        report = now.facts.report
        assert report is not None and report.notices == []
        task = api.call("tasks.get_by_id", task=session.task)["task"]
        assert task["runtime"]["internal_tcp_port_request"] == "10022"
        assert {"sessiondock", "external_service"} <= set(task["system_tags"])

        router.move(session.task)
        moved = router.routes[session.task]
        assert moved.port != relay.port
        connected(core, session, moved.port)
        assert moved.carried > 0
        core.sessions.stop(session, Cancel(20))
        wait_until(lambda: api.status(session.task) == "stopped", "the end", 30)


@pytest.mark.parity("--router-enabled")
def test_a_server_without_a_router_costs_a_notice_and_a_wait(info: SandboxInfo, core: Core) -> None:
    session = launched(core, info)
    now = connected(core, session)
    record, report = now.facts.record, now.facts.report
    assert record is not None and report is not None
    assert record.address == "127.0.0.1"
    assert len(report.notices) == 1 and "no route within 30 seconds" in report.notices[0]
    core.sessions.stop(session, Cancel(20))
    wait_until(lambda: RealApi(info).status(session.task) == "stopped", "the end", 30)
