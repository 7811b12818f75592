"""Keys that the server refuses: which one a client goes on with, and what a process does that is late to the change."""

from dataclasses import replace

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.demo.memory import FakeMemory
from desktop_app.domain.accounts.account import Account, ApiKey
from desktop_app.domain.problems import AppError
from desktop_app.services.secrets.api_keys import ApiKeys
from desktop_app.services.state.account_store import AccountStore
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig

TWO_KEYS = replace(ACCOUNT, keys=(ApiKey("ACCESS", ACCOUNT.id), ApiKey("SECOND", "second")))


class Keys:
    """The keys of an account with two, whose time the test tells."""

    def __init__(self) -> None:
        self.time = 0.0
        world = World(memory=FakeMemory(TWO_KEYS))
        world.secrets.entries.update({f"api-secret/{ACCOUNT.id}": "one", "api-secret/second": "two"})
        self.outside = replace(world.outside(), clock=lambda: self.time)
        accounts = AccountStore(self.outside.memory.accounts)
        self.keys = ApiKeys(self.outside, accounts)
        self.used: list[str] = ["ACCESS"]  # the key that comes first, whenever that changed

        def note(_account: str) -> None:
            if accounts.all()[0].access_key != self.used[-1]:
                self.used.append(accounts.all()[0].access_key)

        accounts.subscribe(note)
        self.keys.first(TWO_KEYS)
        self.choose = self.keys.next_key(ACCOUNT.id)

    @property
    def account(self) -> Account:
        return self.outside.memory.accounts.all()[0]


def test_two_refused_keys_do_not_take_turns() -> None:
    """At each look of the poller, that is, with the settings written and every session given "the key in use"."""
    rig = Keys()
    assert rig.choose("ACCESS") == ("SECOND", "two") and rig.account.access_key == "SECOND"
    for rig.time in (1.0, 30.0, 60.0, 290.0):
        assert rig.choose("SECOND") is None
    assert rig.account.access_key == "SECOND" and rig.used == ["ACCESS", "SECOND"]
    assert all(key.refused for key in rig.account.keys)


def test_after_a_while_the_other_one_is_tried_again() -> None:
    rig = Keys()
    assert rig.choose("ACCESS") == ("SECOND", "two") and rig.choose("SECOND") is None
    rig.time = 301.0
    assert rig.choose("SECOND") == ("ACCESS", "one")


def test_one_that_worked_for_long_is_followed_by_the_other() -> None:
    rig = Keys()
    assert rig.choose("ACCESS") == ("SECOND", "two")
    rig.time = 86_400.0
    assert rig.choose("SECOND") == ("ACCESS", "one")


def test_a_key_that_another_process_removed_first_is_no_mistake_of_ours() -> None:
    world = World(memory=FakeMemory(replace(TWO_KEYS, keys=(*TWO_KEYS.keys, ApiKey("THIRD", "third")))))
    with CoreRig(world, start=False) as rig:
        rig.core.sign_in.remove_key(ACCOUNT.id, "THIRD", rig.soon())
        with pytest.raises(AppError) as caught:
            rig.core.sign_in.remove_key(ACCOUNT.id, "THIRD", rig.soon())
        assert caught.value.problem.code == "account.no_key" and "SECOND" in caught.value.problem.detail
        assert len(rig.core.accounts.all()[0].all_keys) == 2


def test_an_account_that_is_named_as_it_was_before_it_was_joined_has_one_client() -> None:
    world = World(memory=FakeMemory(replace(ACCOUNT, former=("before",))))
    with CoreRig(world, start=False) as rig:
        servers = rig.core.servers
        first = servers.of("before", Cancel(5))
        assert servers.of("before", Cancel(5)) is first is servers.of(ACCOUNT.id, Cancel(5))
        assert list(servers._servers) == [ACCOUNT.id]
