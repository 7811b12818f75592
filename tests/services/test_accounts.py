"""Accounts and the sandbox, through the facade that the faces use."""

import pytest

from desktop_app.demo.memory import FakeMemory
from desktop_app.demo.server import UNREACHABLE
from desktop_app.domain.accounts.account import SANDBOX_ID
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.problems import AppError, failure, problem
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId
from tests.fakes.outside import ACCOUNT, World, report_of
from tests.support.core_rig import CoreRig, is_remote
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until


def empty() -> World:
    return World(memory=FakeMemory())


def code_of(caught: pytest.ExceptionInfo[AppError]) -> str:
    return caught.value.problem.code


def test_adding_an_account_verifies_it_and_keeps_the_secret_in_the_keyring() -> None:
    with CoreRig(empty()) as rig:
        account = rig.core.credentials.use(Credentials(" api.example.test/ ", " KEY ", " the-secret "), rig.soon())
        assert (account.api_url, account.access_key) == ("https://api.example.test", "KEY")
        assert account.label == "Ada Example on api.example.test"
        assert rig.core.accounts.all() == (account,)
        assert rig.world.secrets.entries == {f"api-secret/{account.id}": "the-secret"}
        assert "the-secret" not in repr(rig.core.accounts.all())


def test_a_wrong_key_is_not_kept() -> None:
    with CoreRig(empty()) as rig:
        with pytest.raises(AppError) as caught:
            rig.core.credentials.use(Credentials("https://api.example.test", "KEY", "wrong"), rig.soon())
        assert code_of(caught) == "server.unauthorised"
        assert rig.core.accounts.all() == () and rig.world.secrets.entries == {}


def test_a_key_that_the_keyring_does_not_take_is_not_kept() -> None:
    with CoreRig(empty()) as rig:
        rig.world.secrets.broken = failure("keyring.locked")
        with pytest.raises(AppError) as caught:
            rig.core.credentials.use(Credentials("https://api.example.test", "KEY", "the-secret"), rig.soon())
        assert code_of(caught) == "keyring.locked"
        assert rig.core.accounts.all() == ()


@pytest.mark.parametrize("url", ["", "  ", "http://a b"])
def test_an_address_that_is_none(url: str) -> None:
    with CoreRig(empty()) as rig:
        with pytest.raises(AppError) as caught:
            rig.core.credentials.use(Credentials(url, "KEY", "the-secret"), rig.soon())
        assert code_of(caught) == "server.not_clearml"


def test_entering_the_key_again_keeps_the_account_and_its_sessions() -> None:
    with CoreRig(empty()) as rig:
        account = rig.core.credentials.use(Credentials("https://api.example.test", "KEY", "old-secret"), rig.soon())
        again = rig.core.credentials.use(Credentials("https://api.example.test/", "KEY", "new-secret"), rig.soon())
        assert again == account
        assert rig.world.secrets.entries == {f"api-secret/{account.id}": "new-secret"}


def test_a_removed_account_takes_its_secret_and_sessions_along_and_stops_nothing() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.core.sign_in.remove_account(ACCOUNT.id)
        assert rig.core.accounts.all() == () and rig.core.store.all() == ()
        assert f"api-secret/{ACCOUNT.id}" not in rig.world.secrets.entries
        assert f"client-key/{session.text}" in rig.world.secrets.entries  # for when the account comes back
        assert rig.world.tunnel().closed
        assert rig.server.rows[session.task].facts.remote is Remote.READY


def test_an_unknown_account_is_named_with_the_known_ones() -> None:
    with CoreRig() as rig:
        with pytest.raises(AppError) as caught:
            rig.core.accounts.find("nobody")
        assert code_of(caught) == "account.unknown" and ACCOUNT.label in caught.value.problem.detail
        assert rig.core.accounts.find(ACCOUNT.label) == ACCOUNT


def test_the_sandbox_becomes_an_account_and_is_held() -> None:
    with CoreRig(empty()) as rig:
        account = rig.core.sign_in.to_sandbox(rig.soon())
        assert account.sandbox and rig.world.sandbox.held
        assert rig.world.secrets.entries[f"api-secret/{SANDBOX_ID}"] == "sandbox-secret-text"
        assert rig.core.launches.queues(SANDBOX_ID, rig.soon())
    assert not rig.world.sandbox.held


def test_the_next_start_adopts_the_sandbox_with_the_same_key() -> None:
    world = empty()
    with CoreRig(world) as rig:
        first = rig.core.sign_in.to_sandbox(rig.soon())
    task = world.server(SANDBOX_ID).create_running("left running", report_of())
    with CoreRig(world) as rig:
        rig.until(SessionId(SANDBOX_ID, task), is_remote(Remote.STARTING))
        assert world.sandbox.started == 2 and world.sandbox.held
        assert rig.core.accounts.all() == (first,)


def test_a_sandbox_that_was_lost_is_started_again(expected_log: ExpectLog) -> None:
    expected_log("can't be reached")
    with CoreRig(empty()) as rig:
        rig.core.sign_in.to_sandbox(rig.soon())
        rig.world.server(SANDBOX_ID).problem = UNREACHABLE
        wait_until(lambda: rig.world.sandbox.started > 1, "the sandbox to be started again")
        rig.world.server(SANDBOX_ID).problem = None
        wait_until(lambda: rig.core.accounts.problem(SANDBOX_ID) is None, "the account to work again")


def test_looking_does_not_start_the_sandbox() -> None:
    world = empty()
    with CoreRig(world) as rig:
        rig.core.sign_in.to_sandbox(rig.soon())
    world.sandbox.started = 0
    with CoreRig(world, "cli", start=False) as rig:
        rig.core.sessions.look(SANDBOX_ID, rig.soon())
        assert world.sandbox.started == 0


def test_a_sandbox_that_does_not_start_is_told() -> None:
    with CoreRig(empty()) as rig:
        rig.world.sandbox.failing = problem("sandbox.failed", why="No uv and no pip were found.")
        with pytest.raises(AppError) as caught:
            rig.core.sign_in.to_sandbox(rig.soon())
        assert "No uv" in str(caught.value)
        rig.world.sandbox.failing = None
        rig.core.sign_in.to_sandbox(rig.soon())


def test_opening_what_no_browser_or_terminal_takes_says_what_to_do() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.core.open_in.open_app(session, "jupyterlab", rig.soon())
        rig.core.open_in.open_terminal(session, rig.soon())
        assert rig.world.opened == ["http://127.0.0.1:1/page-1"]
        assert rig.world.terminals == [("ssh", "-p", "8022", "ada@127.0.0.1")]
        rig.world.can_open = False
        with pytest.raises(AppError, match="page-2"):
            rig.core.open_in.open_app(session, "jupyterlab", rig.soon())
        with pytest.raises(AppError, match="ssh -p 8022 ada@"):
            rig.core.open_in.open_terminal(session, rig.soon())


def test_a_stop_that_the_server_refuses_is_taken_back() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.server.problems["stop"] = problem("server.unreachable", server="x")
        with pytest.raises(AppError):
            rig.core.sessions.stop(session, rig.soon())
        assert not rig.get(session).stop_requested
        assert rig.get(session).link is Link.UP


def test_jobs_deliver_values_problems_and_cancellation() -> None:
    with CoreRig(start=False) as rig:
        outcomes = []
        rig.core.jobs.submit("works", lambda _cancel: 42, outcomes.append)
        rig.core.jobs.submit("fails", lambda cancel: rig.core.accounts.find("x"), outcomes.append)
        blocked = rig.core.jobs.submit("blocks", lambda cancel: cancel.wait(60) and cancel.check(), outcomes.append)
        blocked.cancel()
        wait_until(lambda: len(outcomes) == 3, "three outcomes")
        assert {o.value for o in outcomes} == {42, None}
        assert [o.problem.code for o in outcomes if o.problem] == ["account.unknown"]
        assert sum(o.cancelled for o in outcomes) == 1


def test_a_job_after_the_end_is_cancelled() -> None:
    with CoreRig(start=False) as rig:
        pass
    outcomes = []
    rig.core.jobs.submit("late", lambda _cancel: 1, outcomes.append)
    assert outcomes[0].cancelled
