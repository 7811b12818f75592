"""What every ports.SecretStore does: the same cases on the fake and on a real gnome-keyring on a private bus."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from desktop_app.adapters.keyring_store import KeyringStore
from desktop_app.adapters.ssh.keys import new_key
from desktop_app.boundary.secrets import SecretStore
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.secrets import API_SECRET, CLIENT_KEY, GIT_CREDENTIALS, KINDS, MAX_CHARS, SERVICE
from desktop_app.domain.problems import AppError, Remedy, failure
from tests.support.keyring_bus import KeyringBus
from tests.support.waiting import wait_until

OWNER = "account-1/0123456789abcdef0123456789abcdef"


class World(Protocol):
    store: SecretStore

    def fail_with(self, code: str) -> None:
        """From now on the keyring is in the state that this problem tells of."""

    def close(self) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakeSecretStore()
        self.store: SecretStore = self.fake

    def fail_with(self, code: str) -> None:
        self.fake.broken = failure(code, seconds="10")

    def close(self) -> None:
        pass


class KeyringWorld:
    def __init__(self, home: Path) -> None:
        self.bus = KeyringBus(home)
        self.bus.unlocked()
        self.store: SecretStore = KeyringStore(seconds=2)

    def fail_with(self, code: str) -> None:
        {
            "keyring.locked": self.bus.locked,
            "keyring.absent": self.bus.absent,
            "keyring.silent": self.bus.silent,
        }[code]()

    def close(self) -> None:
        self.bus.close()


@pytest.fixture
def home(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
    return private_home


@pytest.fixture(params=["fake", "gnome-keyring"])
def world(request: pytest.FixtureRequest, home: Path) -> Iterator[World]:
    made: World = FakeWorld() if request.param == "fake" else KeyringWorld(home)
    yield made
    made.close()


@pytest.fixture
def bus(home: Path) -> Iterator[KeyringBus]:
    made = KeyringBus(home)
    yield made
    made.close()


def test_what_was_stored_comes_back(world: World) -> None:
    for kind in KINDS:
        assert world.store.get(kind, OWNER) is None
        world.store.set(kind, OWNER, f"value of {kind.key} äöü \u4f60 \n second line ")
    for kind in KINDS:
        assert world.store.get(kind, OWNER) == f"value of {kind.key} äöü \u4f60 \n second line "


def test_a_private_key_fits(world: World) -> None:
    key, _ = new_key("x")
    world.store.set(CLIENT_KEY, OWNER, key)
    assert world.store.get(CLIENT_KEY, OWNER) == key


def test_owners_and_kinds_are_kept_apart(world: World) -> None:
    world.store.set(API_SECRET, "one", "1")
    world.store.set(API_SECRET, "two", "2")
    assert world.store.get(GIT_CREDENTIALS, "one") is None
    assert (world.store.get(API_SECRET, "one"), world.store.get(API_SECRET, "two")) == ("1", "2")


def test_a_new_value_replaces_the_old_one(world: World) -> None:
    world.store.set(API_SECRET, OWNER, "old")
    world.store.set(API_SECRET, OWNER, "new")
    assert world.store.get(API_SECRET, OWNER) == "new"
    world.store.delete(API_SECRET, OWNER)
    assert world.store.get(API_SECRET, OWNER) is None


def test_deleting_twice_is_no_mistake(world: World) -> None:
    world.store.delete(API_SECRET, "nobody")
    world.store.set(API_SECRET, OWNER, "x")
    world.store.delete(API_SECRET, OWNER)
    world.store.delete(API_SECRET, OWNER)


def test_many_threads_at_once(world: World) -> None:
    def one(number: int) -> str | None:
        world.store.set(API_SECRET, f"owner-{number}", str(number))
        return world.store.get(API_SECRET, f"owner-{number}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(16))) == [str(number) for number in range(16)]


@pytest.mark.parametrize("code", ["keyring.locked", "keyring.absent", "keyring.silent"])
def test_three_ways_to_fail_have_three_problems(world: World, code: str) -> None:
    world.store.set(API_SECRET, OWNER, "the-value")
    world.fail_with(code)
    calls = (
        lambda: world.store.get(API_SECRET, OWNER),
        lambda: world.store.set(API_SECRET, OWNER, "another-value"),
        lambda: world.store.delete(API_SECRET, OWNER),
    )
    for call in calls:
        with pytest.raises(AppError) as caught:
            call()
        assert caught.value.problem.code == code
        assert Remedy.RETRY in caught.value.problem.remedies
        assert "value" not in f"{caught.value} {caught.value.problem.cause}"


# --- the real thing alone


def test_a_keyring_that_starts_later_is_found(bus: KeyringBus) -> None:
    store = KeyringStore()
    with pytest.raises(AppError) as caught:
        store.get(API_SECRET, OWNER)
    assert caught.value.problem.code == "keyring.absent"
    bus.unlocked()
    store.set(API_SECRET, OWNER, "x")
    assert store.get(API_SECRET, OWNER) == "x"


def test_secrets_survive_the_keyrings_restart(bus: KeyringBus) -> None:
    store = KeyringStore()
    bus.unlocked()
    store.set(API_SECRET, OWNER, "kept")
    bus.absent()
    bus.unlocked()
    assert store.get(API_SECRET, OWNER) == "kept"


def test_a_late_answer_serves_the_next_call(bus: KeyringBus) -> None:
    """An unlock prompt that a person needs time for: the service answers after the deadline."""
    bus.unlocked()
    KeyringStore().set(API_SECRET, OWNER, "late but right")
    store = KeyringStore(seconds=0.5)
    store.get(API_SECRET, "warm-up")
    bus.freeze()
    with pytest.raises(AppError) as caught:
        store.get(API_SECRET, OWNER)
    assert caught.value.problem.code == "keyring.silent"
    assert "0.5 seconds" in caught.value.problem.detail
    bus.thaw()
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "keyring"], "the late answer")
    bus.absent()  # it can't have been asked again
    assert store.get(API_SECRET, OWNER) == "late but right"


def test_a_stuck_call_does_not_make_every_other_wait_its_full_time(bus: KeyringBus) -> None:
    bus.silent()
    store = KeyringStore(seconds=1.5)
    waited = []
    for number in range(3):
        with pytest.raises(AppError) as caught:
            store.get(API_SECRET, f"owner-{number}")
        waited.append(caught.value.problem.detail)
    assert "1.5 seconds" in waited[0]
    assert "within 1 seconds" in waited[1]


def test_failed_calls_leave_no_files_open(bus: KeyringBus) -> None:
    bus.locked()
    store = KeyringStore()
    counts = []
    for _ in range(12):
        with pytest.raises(AppError):
            store.get(API_SECRET, OWNER)
        counts.append(psutil.Process().num_fds())
    assert counts[-1] <= counts[1] + 2


def test_a_value_that_windows_could_not_hold_is_refused_everywhere(bus: KeyringBus) -> None:
    bus.unlocked()
    store = KeyringStore()
    store.set(API_SECRET, OWNER, "x" * MAX_CHARS)
    for value in ("y" * (MAX_CHARS + 1), "\U0001f512" * (MAX_CHARS // 2 + 1)):
        with pytest.raises(AppError) as caught:
            store.set(API_SECRET, OWNER, value)
        assert caught.value.problem.code == "keyring.refused"
        assert value[:10] not in str(caught.value)
    assert store.get(API_SECRET, OWNER) == "x" * MAX_CHARS


@pytest.mark.parametrize("backend", ["keyring.backends.null.Keyring", "no.such.module.Keyring", "nonsense"])
def test_a_store_that_is_not_the_systems_counts_as_none(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    with pytest.raises(AppError) as caught:
        KeyringStore().set(API_SECRET, OWNER, "x")
    assert caught.value.problem.code == "keyring.chosen"


def test_a_plain_text_backend_is_not_used_even_when_it_is_configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "plain_text.py").write_text(
        "import keyring.backend\n"
        "class Keyring(keyring.backend.KeyringBackend):\n"
        "    priority = 9\n"
        "    def get_password(self, service, name): return 'from a text file'\n"
        "    def set_password(self, service, name, value): raise SystemExit('it was used')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "plain_text.Keyring")
    with pytest.raises(AppError) as caught:
        KeyringStore().get(API_SECRET, OWNER)
    assert caught.value.problem.code == "keyring.chosen"


def test_what_lies_in_the_keyring_is_under_our_name_alone(bus: KeyringBus) -> None:
    bus.unlocked()
    KeyringStore().set(API_SECRET, OWNER, "only-in-the-keyring")
    assert bus.attributes() == [{"service": SERVICE, "username": f"api-secret/{OWNER}"}]
    for folder, _, names in os.walk(os.environ["HOME"]):
        for name in names:
            path = Path(folder, name)
            if path.is_file():
                assert b"only-in-the-keyring" not in path.read_bytes()
