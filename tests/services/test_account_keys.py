"""Several API keys of one user: they join his account, open his running sessions, and take nothing along as they go."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from desktop_app.demo.memory import FakeMemory
from desktop_app.demo.server import UNREACHABLE, FakeServer
from desktop_app.domain.accounts import key_slots
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.accounts.handover import CLEARML
from desktop_app.domain.accounts.key_slots import SlotKind
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId
from desktop_app.services.secrets.api_keys import account_id
from remote_bootstrap import contract
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig
from tests.support.waiting import wait_until

ONE, TWO, THREE = ("Gk3vYb8xTq1LzR5nWm7dPc2hJf9sAa0eUi4oNt6" + str(n) for n in range(3))
NO_KEY = Credentials(source="the environment")
PASSPHRASE = "correct horse battery"
ADDRESS = ACCOUNT.api_url


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


def world_of(server: FakeServer, memory: FakeMemory | None = None, secret: str = ONE) -> World:
    """A computer of its own unless ``memory`` says otherwise; sign-ins (account "") reach the same server."""
    world = World(memory=memory or FakeMemory(ACCOUNT), servers={ACCOUNT.id: server, "": server})
    world.secrets.entries[f"api-secret/{ACCOUNT.id}"] = secret
    return world


@pytest.fixture
def home(server: FakeServer) -> Iterator[CoreRig]:
    with CoreRig(world_of(server)) as rig:
        yield rig


def launched(rig: CoreRig, passphrase: str = "", name: str = "a session") -> SessionId:
    session = rig.launch(LaunchSpec(queue="default", name=name, attach_passphrase=passphrase))
    rig.comes_up(session)
    return session


def add(rig: CoreRig, key: str, secret: str, address: str = ADDRESS) -> Account:
    return rig.core.credentials.use(Credentials(address, key, secret), rig.soon())


def opens(server: FakeServer, secret: str, session: SessionId) -> bool:
    """Whether another computer with nothing but this secret gets at the session's key."""
    with CoreRig(world_of(server, secret=secret), start=False) as away:
        try:
            away.core.keys.check(session, away.soon())
        except AppError as error:
            assert error.problem.code in ("ssh.no_key", "ssh.passphrase")
            return False
        return True


def test_a_second_key_joins_the_account(home: CoreRig) -> None:
    after = add(home, "SECONDKEY", TWO)
    assert home.core.accounts.all() == (after,)
    assert (after.id, after.label, after.access_key) == (ACCOUNT.id, ACCOUNT.label, "SECONDKEY")
    assert [key.access_key for key in after.all_keys] == ["SECONDKEY", "ACCESS"]
    secrets = home.world.secrets.entries
    assert secrets[f"api-secret/{after.all_keys[0].owner}"] == TWO and secrets[f"api-secret/{ACCOUNT.id}"] == ONE


@pytest.mark.parametrize(
    "address", ["http://api.clearml.test", "https://API.clearml.test/", "https://api.clearml.test:443"]
)
def test_however_the_address_is_written(home: CoreRig, address: str) -> None:
    after = add(home, "SECONDKEY", TWO, address)
    assert home.core.accounts.all() == (after,) and after.id == ACCOUNT.id
    assert after.api_url.startswith("https://"), "a typed http does not take https away"


def test_at_another_address_the_server_is_known_by_what_both_list(home: CoreRig, server: FakeServer) -> None:
    server.who = replace(server.who, user_created="2024-01-02T03:04:05.678901")
    server.keys = ("ACCESS", "SECONDKEY")
    add(home, "ACCESS", ONE)  # this is how the account learns when he was made
    after = add(home, "SECONDKEY", TWO, "http://10.0.0.5:8008")
    assert home.core.accounts.all() == (after,) and after.id == ACCOUNT.id


@pytest.mark.parametrize(
    ("real", "claimed"),
    [
        (("ACCESS",), ("ACCESS", "SECONDKEY")),  # a member's server, which says all that can be known
        (("ACCESS", "SECONDKEY"), ("SECONDKEY",)),  # the first one is the member's, and claims the second one's key
        (("SECONDKEY",), ("SECONDKEY",)),
    ],
)
def test_a_server_that_claims_to_be_ours_gets_nothing(
    home: CoreRig, server: FakeServer, real: tuple[str, ...], claimed: tuple[str, ...]
) -> None:
    """Whose keys it would get as soon as it refuses one, and the keys of his sessions besides."""
    server.who = replace(server.who, user_created="2024-01-02T03:04:05.678901")
    add(home, "ACCESS", ONE)
    session = launched(home)
    server.keys = real
    false = FakeServer()
    false.who, false.keys = server.who, claimed
    home.world.servers[""] = home.world.servers[account_id("http://10.0.0.5:8008", "SECONDKEY")] = false
    other = add(home, "SECONDKEY", TWO, "http://10.0.0.5:8008")
    mine, found = sorted(home.core.accounts.all(), key=lambda one: one.id != ACCOUNT.id)
    assert (mine.id, mine.api_url, found) == (ACCOUNT.id, ADDRESS, other)
    assert [key.access_key for key in mine.all_keys] == ["ACCESS"]
    assert [key.access_key for key in other.all_keys] == ["SECONDKEY"]
    assert not opens(server, TWO, session)


def test_a_server_that_is_away_proves_nothing(home: CoreRig, server: FakeServer) -> None:
    server.who = replace(server.who, user_created="2024-01-02T03:04:05.678901")
    server.keys = ("ACCESS", "SECONDKEY")
    add(home, "ACCESS", ONE)
    server.problems["key_names"] = UNREACHABLE
    after = add(home, "SECONDKEY", TWO, "http://10.0.0.5:8008")
    assert after.id != ACCOUNT.id and len(home.core.accounts.all()) == 2


def test_the_same_key_again_is_the_same_key(home: CoreRig) -> None:
    add(home, "SECONDKEY", TWO)
    after = add(home, "ACCESS", ONE, "https://API.clearml.test")
    assert [key.access_key for key in after.all_keys] == ["ACCESS", "SECONDKEY"]


def test_another_users_key_is_another_account_with_a_label_of_its_own(home: CoreRig, server: FakeServer) -> None:
    server.who = replace(server.who, user_id="other", user_name="Ada")
    before, other = ACCOUNT, add(home, "OTHERKEY", TWO)
    home.world.servers[other.id] = server
    assert [one.id for one in home.core.accounts.all()] == [before.id, other.id]
    assert other.label != before.label and other.label.startswith(before.label)


def test_a_token_joins_too_and_is_replaced_by_the_next_one(home: CoreRig) -> None:
    for token in ("a.b.c", "d.e.f"):
        after = home.core.credentials.use(replace(NO_KEY, api_url=ADDRESS, token=token), home.soon())
    assert [key.shown for key in after.all_keys] == ["access token", "ACCESS"]
    assert home.world.secrets.entries[f"api-secret/{after.all_keys[0].owner}"] == "d.e.f"


def test_running_sessions_open_with_it_whatever_this_process_knows(server: FakeServer) -> None:
    memory = FakeMemory(ACCOUNT)
    with CoreRig(world_of(server, memory)) as first:
        session = launched(first)
        keyring = first.world.secrets
    world = world_of(server, memory)
    world.secrets = keyring
    with CoreRig(world, "cli", start=False) as fresh:
        assert fresh.core.store.all() == ()
        add(fresh, "SECONDKEY", TWO)
        assert fresh.core.sign_in.wrapped(ACCOUNT.id).open == (session.task,)
    assert opens(server, TWO, session) and opens(server, ONE, session)


def test_so_do_those_that_another_computer_launched(server: FakeServer, home: CoreRig) -> None:
    """Their key is in no keyring here; the first key opens it, and so can the second one from now on."""
    session = launched(home)
    with CoreRig(world_of(server), start=False) as away:
        add(away, "SECONDKEY", TWO)
        assert away.world.secrets.entries[f"client-key/{session.text}"].startswith("PRIVATE KEY of")
    assert opens(server, TWO, session)


def test_what_nothing_here_opens_is_named_and_holds_up_nothing(server: FakeServer, home: CoreRig) -> None:
    shut, fine = launched(home), launched(home, name="another")
    server.rows[shut.task].parameters.pop(contract.PARAM_KEY_SLOTS)
    home.world.secrets.entries.pop(f"client-key/{shut.text}")
    add(home, "SECONDKEY", TWO)
    found = home.core.sign_in.wrapped(ACCOUNT.id)
    assert (found.open, found.shut, found.failed) == ((fine.task,), (shut.task,), ())


def test_a_new_session_opens_with_every_key_of_the_account(server: FakeServer, home: CoreRig) -> None:
    add(home, "SECONDKEY", TWO)
    session = launched(home)
    assert opens(server, ONE, session) and opens(server, TWO, session)


def test_a_passphrase_stays_however_often_keys_change(server: FakeServer, home: CoreRig) -> None:
    session = launched(home, PASSPHRASE)
    secrets = ["Zk3vYb8xTq1LzR5nWm7dPc2hJf9sAa0eUi4oNt" + str(n) for n in range(10, 22)]
    for number, secret in enumerate(secrets):
        add(home, f"KEY{number}", secret)
    slots = key_slots.loads(server.rows[session.task].parameters[contract.PARAM_KEY_SLOTS])
    assert len(slots) == key_slots.MOST and slots[0].kind is SlotKind.PASSPHRASE
    with CoreRig(world_of(server, secret="guessable"), start=False) as away:
        away.core.keys.unlock(session, PASSPHRASE, away.soon())
    assert opens(server, secrets[-1], session)


def test_a_sign_in_counts_even_if_the_sessions_can_not_be_asked(server: FakeServer) -> None:
    mine = threading.current_thread()

    def fails_here(name: str) -> None:
        if name == "sessions" and threading.current_thread() is mine:
            raise AppError(UNREACHABLE)

    server.on_call = fails_here
    with CoreRig(world_of(server), "cli", start=False) as rig:
        after = rig.core.sign_in.with_key(replace(ACCOUNT, access_key="SECONDKEY"), TWO, rig.soon())
        assert len(after.all_keys) == 2 and rig.core.sign_in.wrapped(ACCOUNT.id).failed


# -- removing


def belongings(rig: CoreRig, session: SessionId) -> dict[str, object]:
    """What a key must not take along."""
    rig.core.git_logins.add(ACCOUNT.id, "https://ada@git.example.com", "git-password")
    rig.world.memory.sessions.save_ports(session.text, {"ssh": 8022})
    rig.world.memory.aliases.save(session.text, "ada", 8022, "a session", lambda _taken: "sd-a")
    return seen(rig, session)


def seen(rig: CoreRig, session: SessionId) -> dict[str, object]:
    memory, secrets = rig.world.memory, rig.world.secrets.entries
    now = rig.core.store.get(session)
    return {
        "listed": now is not None and now.remote is Remote.READY,
        "key": secrets.get(f"client-key/{session.text}"),
        "git": secrets.get(f"git-credentials/{ACCOUNT.id}"),
        "ports": dict(memory.sessions.ports(session.text)),
        "aliases": [alias.name for alias in memory.aliases.all()],
    }


@pytest.mark.parametrize("gone", ["ACCESS", "SECONDKEY"])
def test_a_removed_key_takes_nothing_along(home: CoreRig, gone: str) -> None:
    session = launched(home)
    home.core.connections.attach(session, home.soon())
    home.until(session, lambda s: s.link is Link.UP)
    before = belongings(home, session)
    assert all(before.values())
    add(home, "SECONDKEY", TWO)
    left = home.core.sign_in.remove_key(ACCOUNT.id, gone, home.soon())
    assert left is not None and [key.access_key for key in left.all_keys] == [
        {"ACCESS": "SECONDKEY", "SECONDKEY": "ACCESS"}[gone]
    ]
    assert home.core.polling.wait_polled(ACCOUNT.id, 5) and home.core.accounts.problem(ACCOUNT.id) is None
    assert seen(home, session) == before
    assert home.get(session).link is Link.UP
    api = {name for name in home.world.secrets.entries if name.startswith("api-secret/")}
    assert api == {f"api-secret/{left.all_keys[0].owner}"}


def test_the_last_key_is_the_account_and_it_comes_back_with_another_one(home: CoreRig) -> None:
    session = launched(home)
    assert home.core.sign_in.remove_key(ACCOUNT.id, "ACCESS", home.soon()) is None
    assert home.core.accounts.all() == ()
    after = add(home, "NEWKEY", TWO)
    assert after.id == ACCOUNT.id and [key.access_key for key in after.all_keys] == ["NEWKEY"]
    home.until(session, lambda s: s.remote is Remote.READY)
    home.core.connections.attach(session, home.soon())
    home.until(session, lambda s: s.link is Link.UP)


def test_a_key_that_the_server_refuses_opens_nothing_after_it_is_removed(home: CoreRig, server: FakeServer) -> None:
    session = launched(home)
    add(home, "SECONDKEY", TWO)
    known = home.core.accounts.all()[0]
    keys = tuple(
        replace(key, refused="2026-01-01T00:00:00") if key.access_key == "ACCESS" else key for key in known.keys
    )
    home.world.memory.accounts.save(replace(known, keys=keys))
    home.core.sign_in.remove_key(ACCOUNT.id, "ACCESS", home.soon())
    assert opens(server, TWO, session) and not opens(server, ONE, session)


def test_one_that_is_good_elsewhere_is_only_forgotten_here(home: CoreRig, server: FakeServer) -> None:
    """The user's other computer may have this key alone."""
    session = launched(home)
    add(home, "SECONDKEY", TWO)
    home.core.sign_in.remove_key(ACCOUNT.id, "ACCESS", home.soon())
    assert opens(server, ONE, session)


def test_a_locked_keyring_changes_nothing(home: CoreRig) -> None:
    before = add(home, "SECONDKEY", TWO)
    home.world.secrets.broken = failure("keyring.locked")
    for change in (
        lambda: home.core.sign_in.remove_key(ACCOUNT.id, "ACCESS", home.soon()),
        lambda: add(home, "THIRDKEY", THREE),
    ):
        with pytest.raises(AppError) as caught:
            change()
        assert caught.value.problem.code == "keyring.locked"
    home.world.secrets.broken = None
    assert home.core.accounts.all() == (before,)


# -- two processes


def test_keys_that_two_processes_add_at_once_are_both_there(server: FakeServer) -> None:
    memory = FakeMemory(ACCOUNT)
    rigs = [CoreRig(world_of(server, memory), "cli", start=False) for _ in range(2)]
    for rig in rigs:
        rig.world.secrets = rigs[0].world.secrets
    threads = [
        threading.Thread(target=add, args=(rig, f"KEY{n}", secret), name=f"adds {n}")
        for n, (rig, secret) in enumerate(zip(rigs, (TWO, THREE), strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    (account,) = memory.accounts.all()
    assert {key.access_key for key in account.keys} == {"ACCESS", "KEY0", "KEY1"}
    for rig in rigs:
        rig.core.close()


def test_a_window_hears_what_a_command_line_changed(home: CoreRig, server: FakeServer) -> None:
    assert home.core.connections.peers.claim_window()
    world = World(home.world.memory, home.world.secrets, servers=home.world.servers, runtime_dir=home.world.runtime_dir)
    with CoreRig(world, "cli", start=False) as command:
        server.who = replace(server.who, user_id="other", user_name="Bob")
        bob = account_id(ADDRESS, "BOBSKEY")
        home.world.servers[bob] = FakeServer()
        task = home.world.servers[bob].create_running("bob's")
        add(command, "BOBSKEY", TWO)
        home.until(SessionId(bob, task), lambda s: s.remote is Remote.STARTING)
        command.core.sign_in.remove_account(bob)
        home.until_gone(SessionId(bob, task))


def test_a_window_goes_on_with_another_key_once_a_command_line_removed_its_own(server: FakeServer) -> None:
    memory = FakeMemory(ACCOUNT)
    with CoreRig(world_of(server, memory)) as window:
        used = watch_keys(window)
        add(window, "SECONDKEY", TWO)
        assert window.core.polling.wait_polled(ACCOUNT.id, 5)
        assert used[-1] == ("SECONDKEY", TWO)
        world = World(memory, window.world.secrets, servers=window.world.servers)
        with CoreRig(world, "cli", start=False) as command:
            command.core.sign_in.remove_key(ACCOUNT.id, "SECONDKEY", command.soon())
        wait_until(lambda: used[-1][0] == "ACCESS", "the other key to be used")


def watch_keys(rig: CoreRig) -> list[tuple[str, str]]:
    """The keys that clients are made with."""
    used: list[tuple[str, str]] = []
    servers = rig.core.servers
    connect = rig.world.connect_server

    def note(account: Account, secret: str, next_key: object) -> FakeServer:
        used.append((account.access_key, secret))
        return connect(account, secret, lambda _key: None)

    servers._outside = replace(servers._outside, connect_server=note)
    servers._servers.clear()
    return used


def test_a_session_that_has_the_key_gets_the_next_one_when_it_goes(home: CoreRig) -> None:
    """What is started in it must not find a revoked key."""
    session, other = home.attached(), home.attached()
    add(home, "SECONDKEY", TWO)
    home.core.handovers.give(session, CLEARML, home.soon())
    home.core.sign_in.remove_key(ACCOUNT.id, "SECONDKEY", home.soon())
    given = (contract.OP_CLEARML_DELIVER, {"access_key": "ACCESS", "secret_key": ONE})
    wait_until(lambda: home.world.tunnel(0).requests[-1] == given, "the other key to be given")
    assert home.get(other).link is Link.UP and home.world.tunnel(1).requests == []


def test_a_session_gets_the_key_that_is_in_use(home: CoreRig) -> None:
    session = home.attached()
    add(home, "SECONDKEY", TWO)
    home.core.handovers.give(session, CLEARML, home.soon())
    assert home.world.tunnel().requests[-1] == (
        contract.OP_CLEARML_DELIVER, {"access_key": "SECONDKEY", "secret_key": TWO},
    )  # fmt: skip
