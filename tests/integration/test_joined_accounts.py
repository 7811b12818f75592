"""Accounts that an earlier version kept by key become one of the user's, with all that is kept of their sessions."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from desktop_app import compose
from desktop_app.adapters.files.joined import join_accounts
from desktop_app.adapters.files.memory import MemoryFiles
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.paths import Paths, default_paths

ONE, TWO = "a" * 32, "b" * 32
OLD_FIELDS = ("id", "label", "api_url", "access_key", "web_url", "user_id", "user_name", "route")


def old_row(number: str, **changes: str) -> dict[str, str]:
    """As the version before wrote it."""
    account = Account(number, "Ada on api.test", "https://api.test", f"KEY{number}", user_id="u1", user_name="Ada")
    row = {**asdict(account), **changes}
    return {name: row[name] for name in OLD_FIELDS}


@pytest.fixture
def paths(private_home: Path) -> Paths:
    found = default_paths()
    found.config.mkdir(parents=True)
    found.state.mkdir(parents=True)
    settings = {
        "schema": 1,
        "accounts": [old_row("acc1"), old_row("bob1", user_id="u2"), old_row("acc2", api_url="https://API.test/")],
        "launches": {"acc2": {"queue": "gpu"}, "bob1": {"queue": "cpu"}},
    }
    alias = {"name": "sd-one", "user": "ada", "port": 8022, "title": "one"}
    state = {
        "schema": 1,
        "sessions": {
            f"acc1/{ONE}": {"ports": {"ssh": 8022}, "alias": alias, "host_key": "ssh-ed25519 AAAA"},
            f"bob1/{ONE}": {"ports": {"ssh": 9000}},
            f"acc2/{ONE}": {"ports": {"ssh": 8023}, "attached": True, "alias": {**alias, "name": "sd-one-2"}},
            f"acc2/{TWO}": {"consents": {"git": "gpu-7"}},
        },
    }
    profiles = {"schema": 1, "queues": {"acc2": {"gpu": {"profile": "", "options": {}}}}}
    for path, content in (
        (found.config / "settings.json", settings),
        (found.state / "state.json", state),
        (found.config / "profiles.json", profiles),
    ):
        path.write_text(json.dumps(content))
    return found


def test_two_accounts_of_one_user_are_one_after_the_start(paths: Paths) -> None:
    secrets = FakeSecretStore()
    secrets.entries = {"api-secret/acc1": "s1", "api-secret/acc2": "s2", f"client-key/acc2/{TWO}": "PRIVATE"}
    core = compose.build_core(paths, "cli", secrets=secrets)
    bob, ada = core.accounts.all() if core.accounts.all()[0].id == "bob1" else reversed(core.accounts.all())
    assert bob.user_id == "u2"
    assert (ada.id, ada.former, [key.owner for key in ada.all_keys]) == ("acc1", ("acc2",), ["acc2", "acc1"])
    assert core.accounts.find("acc2") == ada, "scripts name it"
    outside = core._outside
    one, two = SessionId("acc1", ONE), SessionId("acc1", TWO)
    assert outside.memory.sessions.ports(one.text) == {"ssh": 8023}
    assert outside.memory.sessions.attached() == (one.text,)
    assert [(alias.name, alias.session) for alias in outside.memory.aliases.all()] == [("sd-one", one.text)]
    assert outside.memory.trust.host_key(one.text) == "ssh-ed25519 AAAA"
    assert outside.memory.sessions.ports(f"bob1/{ONE}") == {"ssh": 9000}
    assert outside.memory.handovers.of(two.text) == {"git": "gpu-7"}
    assert core.launches.last_spec("acc1").queue == "gpu" and core.launches.last_spec("bob1").queue == "cpu"
    assert core.profiles.last_in("acc1", "gpu") is not None
    core.close()
    before = {path: path.read_bytes() for path in (paths.config / "settings.json", paths.state / "state.json")}
    compose.build_core(paths, "cli", secrets=secrets).close()
    assert {path: path.read_bytes() for path in before} == before, "the second start has nothing to do"


def test_a_start_that_was_killed_half_way_is_done_again(paths: Paths) -> None:
    settings = paths.config / "settings.json"
    before = settings.read_bytes()
    join_accounts(paths.config, paths.state)
    after = settings.read_bytes()
    settings.write_bytes(before)
    join_accounts(paths.config, paths.state)
    assert settings.read_bytes() == after
    assert MemoryFiles(paths.config, paths.state).sessions.ports(f"acc1/{ONE}") == {"ssh": 8023}


def test_damaged_rows_stand_in_nobodys_way(paths: Paths) -> None:
    settings, state = paths.config / "settings.json", paths.state / "state.json"
    content = json.loads(settings.read_text())
    keys = [7, {"access_key": 1}, {"access_key": "K", "owner": "o", "new": "x"}]
    content["accounts"] += [5, {"id": "x"}, {**old_row("acc3"), "keys": keys, "former": ["acc0", 3]}]
    content["launches"] = "?"
    settings.write_text(json.dumps(content))
    state.write_text(json.dumps({"schema": 1, "sessions": {f"acc1/{ONE}": "?", f"acc2/{ONE}": {"ports": {"ssh": 1}}}}))
    join_accounts(paths.config, paths.state)
    ada = next(one for one in MemoryFiles(paths.config, paths.state).accounts.all() if one.id == "acc1")
    assert ada.former == ("acc2", "acc3", "acc0") and "K" in {key.access_key for key in ada.keys}
    assert MemoryFiles(paths.config, paths.state).sessions.ports(f"acc1/{ONE}") == {"ssh": 1}


def test_settings_that_can_not_be_written_are_told(paths: Paths) -> None:
    (paths.state / "state.json.lock").mkdir()
    with pytest.raises(AppError) as caught:
        join_accounts(paths.config, paths.state)
    assert caught.value.problem.code == "file.unwritable"


def test_labels_that_were_the_same_are_told_apart(paths: Paths) -> None:
    labels = [one.label for one in MemoryFiles(paths.config, paths.state).accounts.all()]
    assert len(set(labels)) == len(labels) == 3


def test_a_removed_account_is_remembered_until_it_comes_back(tmp_path: Path) -> None:
    memory = MemoryFiles(tmp_path / "c", tmp_path / "s")
    ada = Account("acc1", "Ada", "https://api.test", "KEY", user_id="u1", former=("acc0",))
    memory.accounts.save(ada)
    memory.accounts.remove("acc1")
    (gone,) = memory.accounts.removed()
    assert (gone.id, gone.user_id, gone.former, gone.access_key) == ("acc1", "u1", ("acc0",), "")
    memory.accounts.save(ada)
    assert memory.accounts.removed() == () and memory.accounts.all() == (ada,)
