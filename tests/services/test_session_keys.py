"""Keys of sessions on other computers: slots in the task, what opens them, and what never stands there."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from desktop_app.adapters.ssh.key_slots import AesSlots
from desktop_app.demo.memory import FakeMemory
from desktop_app.demo.server import FakeServer
from desktop_app.domain.accounts import key_slots
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.accounts.key_slots import Slot, SlotKind
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId
from desktop_app.services.secrets.api_keys import account_id
from remote_bootstrap import contract
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig, is_link

API_SECRET = "Gk3vYb8xTq1LzR5nWm7dPc2hJf9sAa0eUi4oNt6y"
OTHER_SECRET = "Zk3vYb8xTq1LzR5nWm7dPc2hJf9sAa0eUi4oNt6z"
PASSPHRASE = "correct horse battery"
PUBLIC = "ssh-ed25519 AAAAclient"


def world_of(server: FakeServer, secret: str = API_SECRET, account: Account = ACCOUNT) -> World:
    signing_in = ""  # an account has no id before its first sign-in
    world = World(memory=FakeMemory(account), servers={account.id: server, signing_in: server})
    world.secrets.entries[f"api-secret/{account.id}"] = secret
    return world


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def home(server: FakeServer) -> Iterator[CoreRig]:
    with CoreRig(world_of(server)) as rig:
        yield rig


def launched(rig: CoreRig, passphrase: str = "") -> SessionId:
    session = rig.launch(LaunchSpec(queue="default", name="a session", attach_passphrase=passphrase))
    rig.comes_up(session)
    return session


def slots_in(server: FakeServer, session: SessionId) -> tuple[Slot, ...]:
    return key_slots.loads(server.rows[session.task].parameters.get(contract.PARAM_KEY_SLOTS, ""))


def code_of(caught: pytest.ExceptionInfo[AppError]) -> str:
    return caught.value.problem.code


@pytest.mark.parity("attach from another machine")
def test_the_same_api_key_attaches_from_another_computer(server: FakeServer, home: CoreRig) -> None:
    session = launched(home)
    with CoreRig(world_of(server)) as away:
        away.until(session, lambda s: s.remote is Remote.READY)
        away.core.connections.attach(session, away.soon())
        away.until(session, is_link(Link.UP))
        assert away.world.secrets.entries[f"client-key/{session.text}"].startswith("PRIVATE KEY of")


def test_files_travel_from_another_computer_before_anything_is_attached(server: FakeServer, home: CoreRig) -> None:
    session = launched(home)
    with CoreRig(world_of(server)) as away:
        away.until(session, lambda s: s.remote is Remote.READY)
        away.core.files.browse(session, "", away.soon())
        assert away.world.machine.connects == 1


def test_nothing_readable_of_the_key_stands_in_the_task(server: FakeServer, home: CoreRig) -> None:
    session = launched(home, PASSPHRASE)
    task = server.rows[session.task]
    text = repr((task.draft, task.parameters))
    assert len(slots_in(server, session)) == 2
    for secret in ("PRIVATE KEY", API_SECRET, PASSPHRASE):
        assert secret not in text


def test_another_api_key_needs_the_passphrase(server: FakeServer, home: CoreRig) -> None:
    session = launched(home, PASSPHRASE)
    with CoreRig(world_of(server, OTHER_SECRET)) as away:
        away.until(session, lambda s: s.remote is Remote.READY)
        away.core.connections.attach(session, away.soon())
        blocked = away.until(session, is_link(Link.BLOCKED))
        assert blocked.problem is not None and blocked.problem.code == "ssh.passphrase"
        with pytest.raises(AppError) as caught:
            away.core.keys.unlock(session, "correct horse batterz", away.soon())
        assert code_of(caught) == "ssh.wrong_passphrase"
        away.core.keys.unlock(session, PASSPHRASE, away.soon())
        away.core.connections.attach(session, away.soon())
        away.until(session, is_link(Link.UP))


def test_without_a_slot_that_fits_the_app_says_how_to_change_that(server: FakeServer, home: CoreRig) -> None:
    session = launched(home)
    with CoreRig(world_of(server, OTHER_SECRET)) as away:
        away.until(session, lambda s: s.remote is Remote.READY)
        away.core.connections.attach(session, away.soon())
        blocked = away.until(session, is_link(Link.BLOCKED))
        assert blocked.problem is not None and blocked.problem.code == "ssh.no_key"
        assert "sessiondock passphrase" in blocked.problem.detail


def test_a_passphrase_can_be_given_later_and_changed(server: FakeServer, home: CoreRig) -> None:
    session = launched(home)
    home.core.keys.set_passphrase(session, PASSPHRASE, home.soon())
    home.core.keys.set_passphrase(session, "another long phrase", home.soon())
    assert sorted(slot.kind.value for slot in slots_in(server, session)) == ["api-secret", "passphrase"]
    with CoreRig(world_of(server, OTHER_SECRET), start=False) as away:
        with pytest.raises(AppError) as caught:
            away.core.keys.unlock(session, PASSPHRASE, away.soon())
        assert code_of(caught) == "ssh.wrong_passphrase"
        away.core.keys.unlock(session, "another long phrase", away.soon())


def test_a_short_passphrase_is_refused(home: CoreRig) -> None:
    session = launched(home)
    with pytest.raises(AppError) as caught:
        home.core.keys.set_passphrase(session, "short", home.soon())
    assert code_of(caught) == "ssh.short_passphrase"


def test_a_secret_that_can_be_guessed_makes_no_slot(server: FakeServer) -> None:
    with CoreRig(world_of(server, "password")) as rig:
        session = launched(rig)
    assert not slots_in(server, session)


def opens(server: FakeServer, secret: str, session: SessionId) -> bool:
    """Whether the key could be had on another computer with this API secret."""
    with CoreRig(world_of(server, secret), start=False) as away:
        try:
            away.core.keys.check(session, away.soon())
        except AppError as error:
            assert error.problem.code == "ssh.no_key"
            return False
        return True


def test_another_api_key_of_the_same_user_opens_the_running_sessions_too(server: FakeServer, home: CoreRig) -> None:
    session = launched(home)
    home.core.credentials.use(Credentials(ACCOUNT.api_url, "OTHERKEY", OTHER_SECRET), home.soon())
    assert opens(server, OTHER_SECRET, session)
    assert opens(server, API_SECRET, session)


def test_a_secret_that_was_replaced_opens_no_running_session_any_more(server: FakeServer) -> None:
    account = Account(account_id(ACCOUNT.api_url, "KEY"), "Ada", ACCOUNT.api_url, "KEY", user_id="me")
    with CoreRig(world_of(server, API_SECRET, account)) as home:
        session = home.core.launches.launch(account.id, LaunchSpec(queue="default", name="a session"), home.soon())
        home.core.credentials.use(Credentials(ACCOUNT.api_url, "KEY", OTHER_SECRET), home.soon())
    here = SessionId(ACCOUNT.id, session.task)
    assert opens(server, OTHER_SECRET, here)
    assert not opens(server, API_SECRET, here)


def test_the_key_of_an_account_that_was_joined_is_found_here(server: FakeServer) -> None:
    """As after the start that joined two accounts of one user: the keyring has the key under the other one's id."""
    with CoreRig(world_of(server, API_SECRET, replace(ACCOUNT, former=("old",)))) as home:
        session = launched(home)
        entries = home.world.secrets.entries
        entries[f"client-key/old/{session.task}"] = entries.pop(f"client-key/{session.text}")
        server.rows[session.task].parameters.pop(contract.PARAM_KEY_SLOTS)
        home.core.keys.check(session, home.soon())


@pytest.mark.parametrize("kind", list(SlotKind))
def test_a_slot_opens_for_its_own_task_key_and_secret_only(kind: SlotKind) -> None:
    cipher = AesSlots()
    slot = cipher.seal(kind, API_SECRET, "PRIVATE", "task1", f"{PUBLIC} comment")
    assert cipher.open(slot, API_SECRET, "task1", PUBLIC) == "PRIVATE"
    assert cipher.open(slot, API_SECRET, "task2", PUBLIC) == ""
    assert cipher.open(slot, API_SECRET, "task1", "ssh-ed25519 BBBB") == ""
    assert cipher.open(slot, OTHER_SECRET, "task1", PUBLIC) == ""
    other = next(k for k in SlotKind if k is not kind)
    assert cipher.open(Slot(other, slot.box), API_SECRET, "task1", PUBLIC) == ""


@pytest.mark.parametrize("box", ["", "?", "AAAA", "ü", "A" * 400])
def test_a_damaged_slot_opens_nothing(box: str) -> None:
    assert AesSlots().open(Slot(SlotKind.API_SECRET, box), API_SECRET, "task", PUBLIC) == ""


@pytest.mark.parametrize("text", ["", "no JSON", "{}", "[1]", '[["api-secret"]]', '[["other","x"]]', "[" * 100_000])
def test_unreadable_slots_are_none(text: str) -> None:
    assert key_slots.loads(text) == ()


def test_a_passphrase_that_is_no_unicode_works_all_the_same() -> None:
    """As a terminal of another encoding hands it over."""
    slot = AesSlots().seal(SlotKind.PASSPHRASE, "caf\udce9 au lait", "PRIVATE", "task", "ssh-ed25519 AAAA")
    assert AesSlots().open(slot, "caf\udce9 au lait", "task", "ssh-ed25519 AAAA") == "PRIVATE"


def test_slots_survive_the_text() -> None:
    slots = (Slot(SlotKind.API_SECRET, "AAA"), Slot(SlotKind.PASSPHRASE, "BBB"))
    assert key_slots.loads(key_slots.dumps(slots)) == slots
    assert len(key_slots.loads(key_slots.dumps(slots * 50))) == key_slots.MOST
