"""One session's connection: ports that stay, redials that never give up, and stops where a person is needed."""

from dataclasses import replace

import pytest

from desktop_app.boundary.peers import WINDOW
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.domain.problems import AppError, Problem, failure, problem
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId
from remote_bootstrap.contract import fingerprint_line
from tests.fakes.outside import QUICK, World, record_of, report_of
from tests.support.core_rig import BOTH, CoreRig, is_link
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def ports_of(rig: CoreRig, session: SessionId) -> dict[str, int]:
    return {e.app: e.local_port for e in rig.get(session).endpoints}


def blocked(rig: CoreRig, session: SessionId) -> Problem:
    found = rig.until(session, is_link(Link.BLOCKED)).problem
    assert found is not None
    return found


def test_attach_binds_the_documented_ports_and_connects() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        assert ports_of(rig, session) == {"jupyterlab": 8878, "vscode": 8898, "ssh": 8022}
        assert rig.world.tunnel().targets[0].record == record_of(session.task)
        assert rig.world.tunnel().targets[0].private_key == "PRIVATE KEY"
        assert rig.world.tunnel().probes >= 1


def test_routes_follow_the_reports_and_secrets_stay_in_memory() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        tunnel = rig.world.tunnel()
        tunnel.push(report_of(5, "tok-secret-text", jupyterlab="ready", vscode="starting"))
        rig.until(session, lambda s: s.facts.report is not None and s.facts.report.sequence == 5)
        assert tunnel.routes == {"jupyterlab": 9000, "ssh": 9001, "vscode": 9002}
        assert "tok-secret-text" not in repr(rig.core.store.all())
        url = rig.core.entrances.login_page(session, "jupyterlab", rig.soon())
        assert url.startswith("http://127.0.0.1:")
        login, origin, secret = rig.world.pages[0]
        assert (login.path, origin, secret) == ("/lab", "http://127.0.0.1:8878", "tok-secret-text")


@pytest.mark.parity("N7")
def test_ports_stay_across_redials_detach_and_restart() -> None:
    world = World()
    with CoreRig(world) as rig:
        first, second = rig.attached(), rig.attached()
        before = (ports_of(rig, first), ports_of(rig, second))
        assert before[1] == {"jupyterlab": 8879, "vscode": 8899, "ssh": 8023}
        rig.world.tunnel().drop()
        rig.world.tunnel().wait_for(lambda t: len(t.targets) == 2)
        rig.until(first, is_link(Link.UP))
        assert ports_of(rig, first) == before[0]
        rig.core.connections.detach(first)
        assert rig.get(first).link is Link.OFF
    with CoreRig(world) as rig:
        for session, ports in zip((second, first), reversed(before), strict=True):
            rig.until(session, lambda s: s.remote is Remote.READY)
            rig.core.connections.attach(session, rig.soon())
            rig.until(session, is_link(Link.UP))
            assert ports_of(rig, session) == ports


@pytest.mark.parity("N2")
def test_a_port_that_another_program_has_is_told_and_the_new_one_kept() -> None:
    world = World(prepare_tunnel=lambda tunnel: tunnel.taken.update({8878: "jupyter-lab (process 4711)"}))
    with CoreRig(world) as rig:
        session = rig.attached()
        notice = rig.get(session).notice
        assert notice is not None and notice.code == "port.taken"
        assert "8878" in notice.detail and "jupyter-lab (process 4711)" in notice.detail and "8879" in notice.detail
        assert world.memory.sessions.ports(session.text)["jupyterlab"] == 8879


def test_a_lost_connection_is_redialled_until_it_works() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        tunnel = rig.world.tunnel()
        away = failure("ssh.unreachable", address="10.0.0.7", port=10022)
        tunnel.connect_errors.extend([away] * 6)
        tunnel.drop()
        retrying = rig.until(session, lambda s: s.link is Link.RETRYING and s.attempt >= 3)
        assert retrying.retry_at is not None and retrying.problem is not None
        rig.until(session, is_link(Link.UP))
        assert rig.get(session).problem is None


@pytest.mark.parity("N1")
def test_a_silent_link_is_noticed_by_the_probe() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.world.tunnel().probe_error = failure("ssh.lost", address="10.0.0.7")
        rig.until(session, is_link(Link.RETRYING))
        rig.world.tunnel().probe_error = None
        rig.until(session, is_link(Link.UP))


@pytest.mark.parity("late-binding")
def test_each_redial_uses_the_newest_record() -> None:
    """The container moved: same key, new address, signed anew."""
    with CoreRig() as rig:
        session = rig.attached()
        rig.server.change(session.task, record=record_of(session.task, sequence=2, address="10.0.0.8"))
        rig.world.tunnel().drop()
        rig.world.tunnel().wait_for(lambda t: len(t.targets) == 2)
        assert rig.world.tunnel().targets[1].record.address == "10.0.0.8"


def test_reconnect_dials_at_once() -> None:
    world = World(pace=replace(QUICK, redial_first_s=60.0, redial_last_s=60.0))
    with CoreRig(world) as rig:
        session = rig.attached()
        rig.world.tunnel().connect_errors.append(failure("ssh.unreachable", address="x", port=1))
        rig.world.tunnel().drop()
        rig.until(session, lambda s: s.link is Link.RETRYING)
        rig.core.connections.reconnect(session)
        rig.core.connections.reconnect(session)
        rig.until(session, is_link(Link.UP))


def test_the_server_may_be_away_while_we_redial() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.server.problems["session"] = problem("server.unreachable", server="x")
        rig.world.tunnel().drop()
        rig.world.tunnel().wait_for(lambda t: len(t.targets) == 2)
        rig.until(session, is_link(Link.UP))


def test_a_new_api_key_in_the_middle_of_a_dial_is_no_end() -> None:
    """Entering the key again replaces the account's client; the old one's calls are cancelled."""
    with CoreRig() as rig:
        session = rig.running(log=False)
        rig.core.connections.attach(session, rig.soon())
        wait_until(lambda: "log" in rig.server.calls, "the log to be read")
        rig.server.closed = True
        rig.until(session, is_link(Link.RETRYING))
        rig.server.closed = False
        rig.server.write_log(session.task, fingerprint_line(record_of("x").host_key))
        rig.until(session, is_link(Link.UP))


# -- what needs a person


@pytest.mark.parametrize(
    "why",
    [
        failure("ssh.host_key", address="10.0.0.7", port=10022, found="SHA256:a", expected="SHA256:b"),
        failure("ssh.auth", address="10.0.0.7"),
        failure("ssh.refused", why="unknown operation 'subscribe'"),
    ],
)
def test_a_refusal_that_time_does_not_heal_stops_at_once(why: AppError) -> None:
    world = World(prepare_tunnel=lambda tunnel: tunnel.connect_errors.append(why))
    with CoreRig(world) as rig:
        session = rig.running()
        rig.core.connections.attach(session, rig.soon())
        assert blocked(rig, session).code == why.problem.code
        assert len(world.tunnel().targets) == 1
        rig.core.connections.reconnect(session)  # the person says: try again
        rig.until(session, is_link(Link.UP))


def test_without_its_key_a_session_can_not_be_attached() -> None:
    with CoreRig() as rig:
        session = rig.running()
        rig.world.secrets.entries.clear()
        rig.world.secrets.entries[f"api-secret/{session.account}"] = "the-api-secret"
        rig.core.connections.attach(session, rig.soon())
        assert blocked(rig, session).code == "ssh.no_key"
        assert rig.world.tunnel().targets == []


@pytest.mark.parametrize("code", ["keyring.locked", "keyring.absent", "keyring.silent"])
def test_a_keyring_that_does_not_give_the_key_has_its_own_message(code: str) -> None:
    with CoreRig() as rig:
        session = rig.running()
        rig.core.launches.queues(session.account, rig.soon())
        rig.world.secrets.broken = failure(code, **({"seconds": "5"} if code == "keyring.silent" else {}))
        rig.core.connections.attach(session, rig.soon())
        assert blocked(rig, session).code == code
        rig.world.secrets.broken = None
        rig.core.connections.reconnect(session)
        rig.until(session, is_link(Link.UP))


# -- the end


def test_the_end_of_the_session_ends_the_tunnel() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.core.sessions.stop(session, rig.soon())
        rig.world.tunnel().drop()  # sshd is gone before the record says so
        assert rig.get(session).link is Link.UP or rig.get(session).remote is Remote.STOPPING
        rig.server.end(session.task)
        ended = rig.until(session, lambda s: s.remote is Remote.ENDED)
        assert (ended.link, ended.problem) == (Link.OFF, None)
        rig.world.tunnel().wait_for(lambda t: t.closed)
        assert all(notice.title == "“a session” was shut down" for notice in rig.notices[-1:])


def test_shutting_down_does_not_look_like_a_lost_connection() -> None:
    seen: set[Link] = set()
    with CoreRig() as rig:
        session = rig.attached()
        rig.core.store.subscribe(lambda _old, new: seen.add(new.link) if new else None)
        rig.core.sessions.stop(session, rig.soon())
        rig.world.tunnel().drop()
        rig.server.end(session.task)
        rig.until(session, lambda s: s.remote is Remote.ENDED)
    assert Link.RETRYING not in seen


def test_a_deleted_task_ends_the_tunnel_and_leaves_the_list() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.server.delete(session.task)
        rig.until_gone(session)
        rig.world.tunnel().wait_for(lambda t: t.closed)


def test_detach_closes_ports_and_lets_the_session_run() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.core.open_in.ssh_command(session, rig.soon())
        rig.core.connections.detach(session)
        assert rig.world.tunnel().closed
        assert rig.world.ssh_access.open == set()
        assert rig.server.rows[session.task].facts.remote is Remote.READY
        assert rig.core.connections.ownership.claim(session.text)


def test_detach_while_dialling_does_not_wait_for_the_dial() -> None:
    def block(tunnel: FakeTunnel) -> None:
        tunnel.connect_blocks = True

    with CoreRig(World(prepare_tunnel=block, pace=replace(QUICK, dial_s=60.0))) as rig:
        session = rig.running()
        rig.core.connections.attach(session, rig.soon())
        rig.world.tunnel().wait_for(lambda t: len(t.targets) == 1)
        rig.core.connections.detach(session)
        assert rig.get(session).link is Link.OFF


def test_closing_detaches_everything_and_stops_no_session() -> None:
    world = World()
    with CoreRig(world) as rig:
        sessions = [rig.attached() for _ in range(3)]
    assert all(tunnel.closed for tunnel in world.tunnels)
    assert all(world.server().rows[s.task].facts.remote is Remote.READY for s in sessions)
    assert world.memory.sessions.attached() == ()


def test_what_a_killed_window_held_is_attached_again() -> None:
    world = World()
    with CoreRig(world) as rig:
        session = rig.running()
    world.memory.sessions.save_attached(session.text, True)  # as SIGKILL leaves it
    with CoreRig(world) as rig:
        rig.until(session, is_link(Link.UP))


def test_a_command_line_does_not_take_up_what_a_window_held() -> None:
    world = World()
    with CoreRig(world) as rig:
        session = rig.running()
    world.memory.sessions.save_attached(session.text, True)
    with CoreRig(world, role="cli") as rig:
        rig.until(session, lambda s: s.remote is Remote.READY)
        assert rig.core.polling.wait_polled(session.account, 5)
    assert world.tunnels == []


def test_a_mistake_of_ours_is_contained(expected_log: ExpectLog) -> None:
    def broken(tunnel: FakeTunnel) -> None:
        tunnel.forwards.bind = lambda _wanted: 1 / 0  # type: ignore[method-assign, assignment, return-value]  # our mistake

    with CoreRig(World(prepare_tunnel=broken)) as rig:
        expected_log("the supervisor of .* failed")
        session = rig.running()
        rig.core.connections.attach(session, rig.soon())
        assert blocked(rig, session).code == "internal"
        rig.world.prepare_tunnel = lambda _tunnel: None
        rig.core.connections.reconnect(session)
        rig.until(session, is_link(Link.UP))


def test_the_window_role_is_the_one_that_remembers() -> None:
    with CoreRig(role=WINDOW) as rig:
        session = rig.attached()
        assert rig.world.memory.sessions.attached() == (session.text,)


@pytest.mark.parity("H1")
def test_an_application_that_fails_is_told_while_the_others_work() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.world.tunnel().push(report_of(7, "tok-secret-text", jupyterlab="failed", vscode="ready"))
        rig.until(session, lambda s: (e := s.endpoint("jupyterlab")) is not None and e.state == "failed")
        title = "JupyterLab failed in “a session”"
        wait_until(lambda: title in [notice.title for notice in rig.notices], "the notice, which may come later")
        assert rig.core.entrances.login_page(session, "vscode", rig.soon())
        with pytest.raises(Exception, match="not ready"):
            rig.core.entrances.login_page(session, "jupyterlab", rig.soon())
    assert BOTH.sequence == 1
