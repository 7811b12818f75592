"""Accounts tell of their changes, as sessions do, and are read from memory."""

from dataclasses import replace

from desktop_app.demo.memory import FakeAccounts
from desktop_app.demo.server import UNREACHABLE
from desktop_app.domain.problems import AppError
from desktop_app.services.state.account_store import AccountStore
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until

OTHER = replace(ACCOUNT, id="acc2", label="bob at example", access_key="OTHER")


def test_each_change_is_told_once() -> None:
    store = AccountStore(FakeAccounts(ACCOUNT))
    told: list[str] = []
    end = store.subscribe(told.append)
    store.change(lambda known: (*known, OTHER))
    store.change(lambda known: known)
    assert told == [OTHER.id] and [known.id for known in store.all()] == [ACCOUNT.id, OTHER.id]
    store.note_problem(OTHER.id, UNREACHABLE)
    store.note_problem(OTHER.id, UNREACHABLE)
    assert told == [OTHER.id] * 2 and store.problem(OTHER.id) == UNREACHABLE
    store.remove(OTHER.id)
    assert told == [OTHER.id] * 3 and store.get(OTHER.id) is None
    end()
    store.change(lambda known: ())
    assert len(told) == 3 and store.all() == ()


def test_what_another_process_changed_is_told_once_it_was_read() -> None:
    memory = FakeAccounts(ACCOUNT)
    store = AccountStore(memory)
    told: list[str] = []
    store.subscribe(told.append)
    memory.save(OTHER)
    assert store.all() == (ACCOUNT,), "reading takes no look at a file"
    store.reload()
    assert told == [OTHER.id] and store.find(OTHER.label) == store.get(OTHER.id)


def test_one_listener_s_mistake_does_not_keep_the_news_from_others(expected_log: ExpectLog) -> None:
    expected_log("a listener of the accounts failed")
    store = AccountStore(FakeAccounts(ACCOUNT))
    told: list[str] = []

    def fails(_account: str) -> None:
        raise RuntimeError

    store.subscribe(fails)
    store.subscribe(told.append)
    store.note_problem(ACCOUNT.id, UNREACHABLE)
    assert told == [ACCOUNT.id]


def test_a_server_that_is_away_and_comes_back_is_told(expected_log: ExpectLog) -> None:
    expected_log("can't be reached")
    world = World()
    away = [True]

    def fails(name: str) -> None:
        if away[0] and name == "sessions":
            raise AppError(UNREACHABLE)

    world.server().on_call = fails
    with CoreRig(world, start=False) as rig:
        told: list[bool] = []
        rig.core.accounts.subscribe(lambda account: told.append(rig.core.accounts.problem(account) is None))
        rig.core.start()
        wait_until(lambda: told == [False], "the news that the server is away")
        away[0] = False
        rig.core.polling.poke(ACCOUNT.id)
        wait_until(lambda: told == [False, True], "the news that it is back")
