"""The store stays true to the server: away and back, wrong keys, lost agents, failures explained, deletions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from desktop_app.boundary.computer import SystemEvent
from desktop_app.boundary.outside import Pace
from desktop_app.demo.server import EXPIRED, UNAUTHORISED, UNREACHABLE
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.problems import Problem, Remedy, failure, problem
from desktop_app.domain.sessions.snapshot import End, Link, Remote, ServerFacts, SessionId, Status, status_of
from desktop_app.services.state.poller import Poller, with_grace
from desktop_app.services.state.store import SessionStore
from remote_bootstrap.contract import STOPPING
from tests.fakes.outside import ACCOUNT, NOON, QUICK, World, report_of
from tests.support.core_rig import CoreRig, is_link, is_remote
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until

SELDOM = replace(QUICK, poll_calm_s=60.0, poll_busy_s=60.0, poll_waiting_s=60.0)
PIP_LOG = """Collecting tоrch==99
  Downloading something (3 MB)
WARNING: Retrying (Retry(total=4))
ERROR: Could not find a version that satisfies the requirement tоrch==99 (from versions: none)
ERROR: No matching distribution found for tоrch==99
clearml_agent: ERROR: Could not install task requirements!
"""


def account_problem(rig: CoreRig, account: str = ACCOUNT.id) -> Problem:
    return wait_until(lambda: rig.core.accounts.problem(account), "the account's problem", 5.0)


def test_sessions_of_earlier_runs_appear_by_themselves() -> None:
    world = World()
    task = world.server().create_running("from yesterday", report_of())
    with CoreRig(world) as rig:
        assert rig.until(SessionId(ACCOUNT.id, task), is_remote(Remote.STARTING)).name == "from yesterday"


def test_the_server_is_down_at_the_start_and_comes_later(expected_log: ExpectLog) -> None:
    world = World()
    task = world.server().create_running("a session", report_of())
    world.server().problem = UNREACHABLE
    expected_log("can't be reached")
    with CoreRig(world) as rig:
        assert account_problem(rig).code == "server.unreachable"
        world.server().problem = None
        rig.until(SessionId(ACCOUNT.id, task), is_remote(Remote.STARTING))
        wait_until(lambda: rig.core.accounts.problem(ACCOUNT.id) is None, "the problem to go")


def test_the_server_goes_down_and_comes_back_while_sessions_run(expected_log: ExpectLog) -> None:
    """The list stays, the tunnel stays up, and nothing is lost."""
    expected_log("can't be reached")
    with CoreRig() as rig:
        attached, other = rig.attached(), rig.running()
        rig.server.problem = UNREACHABLE
        rig.until(other, lambda s: s.stale_since is not None)
        assert status_of(rig.get(other)) is Status.OFFLINE
        assert status_of(rig.get(attached)) is Status.CONNECTED
        rig.server.problem = None
        rig.until(other, lambda s: s.stale_since is None)
        assert rig.get(attached).link is Link.UP
        assert len(rig.world.tunnel().targets) == 1


@pytest.mark.parametrize("why", [UNAUTHORISED, EXPIRED])
def test_a_refused_key_waits_for_a_person(why: Problem, expected_log: ExpectLog) -> None:
    expected_log(why.title)
    with CoreRig(World(pace=replace(QUICK, poll_user_s=60.0))) as rig:
        session = rig.attached()
        rig.server.problem = why
        rig.core.polling.wait_polled(ACCOUNT.id, 1)
        found = account_problem(rig)
        assert found.code == why.code and Remedy.SIGN_IN in found.remedies
        assert rig.get(session).link is Link.UP  # the tunnel has a key of its own
        rig.server.problem = None
        rig.core.credentials.use(Credentials(ACCOUNT.api_url, "ANOTHER", "new-secret"), rig.soon())


def test_a_missing_secret_is_told(expected_log: ExpectLog) -> None:
    world = World()
    world.secrets.entries.clear()
    expected_log("not in the keyring")
    with CoreRig(world) as rig:
        assert account_problem(rig).code == "account.no_secret"
        assert world.servers == {}


@pytest.mark.parametrize("code", ["keyring.locked", "keyring.absent", "keyring.silent"])
def test_a_keyring_that_gives_nothing_leaves_the_app_usable(code: str, expected_log: ExpectLog) -> None:
    world = World()
    task = world.server().create_running("a session", report_of())
    world.secrets.broken = failure(code, **({"seconds": "5"} if code == "keyring.silent" else {}))
    expected_log(problem(code, seconds=5).title)
    with CoreRig(world) as rig:
        assert account_problem(rig).code == code
        world.secrets.broken = None
        rig.until(SessionId(ACCOUNT.id, task), is_remote(Remote.STARTING))


def test_an_agent_that_was_killed_is_told_and_the_session_stays_usable() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.server.change(session.task, worker_lost_s=240.0)
        lost = rig.until(session, lambda s: s.notice is not None)
        assert lost.notice is not None and lost.notice.code == "agent.lost"
        assert lost.link is Link.UP and Remedy.SHUT_DOWN in lost.notice.remedies
        rig.core.sessions.stop(session, rig.soon())
        assert rig.server.rows[session.task].facts.remote is Remote.STOPPING


@pytest.mark.parity("H2")
def test_a_failed_set_up_shows_the_lines_that_matter() -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.server.agent_takes(session.task)
        rig.server.write_log(session.task, *PIP_LOG.splitlines(keepends=True), "Process failed, exit code 1\n")
        rig.server.end(session.task, End.FAILED, "worker execution exit code 1")
        failed = rig.until(session, is_remote(Remote.ENDED)).problem
        assert failed is not None and failed.code == "task.failed"
        assert "No matching distribution found for tоrch==99" in failed.detail
        assert "Downloading" not in failed.detail and "exit code" not in failed.detail
        assert Remedy.SHOW_LOG in failed.remedies
        assert rig.notices[-1].urgent


def test_a_failure_whose_log_can_not_be_read_is_still_told() -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.server.problems["log"] = UNREACHABLE
        rig.server.end(session.task, End.FAILED, "worker execution exit code 1")
        failed = rig.until(session, is_remote(Remote.ENDED)).problem
        assert failed is not None and "exit code 1" in failed.detail


def test_a_deleted_session_leaves_the_list() -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.core.polling.wait_polled(ACCOUNT.id, 5)
        rig.server.delete(session.task)
        rig.until_gone(session)


def test_an_ended_session_stays_until_it_is_forgotten() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.server.end(session.task)
        rig.until(session, is_remote(Remote.ENDED))
        assert rig.core.polling.wait_polled(ACCOUNT.id, 5)
        assert rig.core.store.get(session) is not None
        rig.core.sessions.forget(session)
        rig.until_gone(session)
        wait_until(lambda: f"client-key/{session.text}" not in rig.world.secrets.entries, "the key to be deleted")
        wait_until(lambda: not rig.world.memory.sessions.ports(session.text), "the ports to be forgotten")


def test_one_account_that_fails_does_not_keep_the_others_waiting(expected_log: ExpectLog) -> None:
    world = World()
    other = replace(ACCOUNT, id="acc2", label="Other", api_url="https://other.test")
    world.memory.accounts.save(other)
    world.secrets.entries["api-secret/acc2"] = "another-secret"
    world.server().problem = UNREACHABLE
    task = world.server("acc2").create_running("theirs", report_of())
    expected_log("can't be reached")
    with CoreRig(world) as rig:
        rig.until(SessionId("acc2", task), is_remote(Remote.STARTING))


def test_a_mistake_of_ours_is_contained(expected_log: ExpectLog) -> None:
    world = World()
    expected_log("polling account acc1 failed")
    expected_log("Unexpected error in SessionDock")
    with CoreRig(world) as rig:
        rig.core.polling.wait_polled(ACCOUNT.id, 5)
        sessions = world.server().sessions.living
        world.server().sessions.living = lambda *_: 1 / 0  # type: ignore[method-assign, assignment]  # ours
        assert account_problem(rig).code == "internal"
        world.server().sessions.living = sessions  # type: ignore[method-assign]  # mended
        wait_until(lambda: rig.core.accounts.problem(ACCOUNT.id) is None, "polling to go on")


def test_the_sandbox_gets_a_moment_to_bring_its_agent() -> None:
    waiting = ServerFacts(Remote.QUEUED, "a", queue="default", queue_watched=False, created=NOON)
    assert with_grace("sandbox", waiting, NOON + timedelta(seconds=20)).queue_watched
    assert not with_grace("sandbox", waiting, NOON + timedelta(seconds=40)).queue_watched
    assert not with_grace("acc1", waiting, NOON + timedelta(seconds=1)).queue_watched


# -- how often (see test_schedule.py for what it depends on)


def poller(store: SessionStore, world: World | None = None) -> Poller:
    world = world or World()
    return Poller(ACCOUNT.id, lambda _cancel: world.server(), store, world.outside())


@pytest.mark.parity("N8")
def test_a_server_that_is_away_is_asked_ever_less_often(expected_log: ExpectLog) -> None:
    world = World()
    world.server().problem = UNREACHABLE
    asked = poller(SessionStore(), world)
    pauses = []
    expected_log("can't be reached")
    for _ in range(8):
        asked._poll_once()
        pauses.append(asked.pause())
    assert pauses == sorted(pauses)
    assert pauses[-1] <= QUICK.poll_last_s


def test_the_poll_reaches_a_session_within_one_pause_of_a_poke() -> None:
    with CoreRig(World(pace=SELDOM)) as rig:
        rig.core.polling.wait_polled(ACCOUNT.id, 5)
        session = rig.launch()  # pokes
        rig.until(session, lambda s: s.facts.worker == "" and s.remote is Remote.QUEUED)
        rig.comes_up(session)
        assert rig.core.polling.wait_polled(ACCOUNT.id, 5)
        rig.until(session, is_link(Link.UP))


def test_a_lost_connection_and_a_session_that_says_that_it_ends_are_looked_up_at_once() -> None:
    with CoreRig(World(pace=replace(SELDOM, redial_first_s=60.0, redial_last_s=60.0))) as rig:
        session = rig.attached()
        rig.server.end(session.task)
        rig.world.tunnel().drop()
        rig.until(session, is_remote(Remote.ENDED))
        other = rig.attached()
        rig.server.end(other.task)
        rig.world.tunnel(1).push(replace(report_of(), phase=STOPPING, sequence=99))
        rig.until(other, is_remote(Remote.ENDED))


def test_a_computer_that_woke_looks_at_once_also_while_nothing_is_attached() -> None:
    with CoreRig(World(pace=SELDOM)) as rig:
        rig.core.polling.wait_polled(ACCOUNT.id, 5)
        task = rig.world.server().create_running("launched elsewhere", report_of())
        rig.world.system.say(SystemEvent.WOKE)
        rig.until(SessionId(ACCOUNT.id, task), is_remote(Remote.STARTING))


def test_a_person_who_looks_sees_what_is_true_now() -> None:
    with CoreRig(World(pace=replace(SELDOM, glance_s=0.0))) as rig:
        rig.core.polling.wait_polled(ACCOUNT.id, 5)
        task = rig.world.server().create_running("launched elsewhere", report_of())
        rig.core.glance()
        rig.until(SessionId(ACCOUNT.id, task), is_remote(Remote.STARTING))


def test_who_looks_again_and_again_costs_one_look_in_two_seconds() -> None:
    now, world = [100.0], World()
    asked = Poller(
        ACCOUNT.id,
        lambda _c: world.server(),
        SessionStore(),
        replace(world.outside(), clock=lambda: now[0], pace=Pace()),
    )
    looks = 0
    for _tenth in range(100):
        now[0] += 0.1
        asked.glance()
        if asked._wake.is_set():
            asked._wake.clear()
            asked._began = now[0]
            looks += 1
    assert 4 <= looks <= 6
