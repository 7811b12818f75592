"""A key that the server refuses while it is in use: the real client goes on with another one of the account."""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.adapters.clearml.wire.tokens import REFUSED_S
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import NextKey, TaskDraft
from desktop_app.demo.memory import FakeMemory
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.problems import AppError, failure
from desktop_app.sandbox.rules.auth import Credential
from tests.fakes.outside import World
from tests.support.cli_rig import Run
from tests.support.core_rig import CoreRig
from tests.support.guards import ExpectLog
from tests.support.server_rigs import HttpRig


@pytest.fixture
def http(tmp_path: Path) -> Iterator[HttpRig]:
    rig = HttpRig(tmp_path)
    yield rig
    rig.close()


def soon() -> Cancel:
    return Cancel(20)


def client(http: HttpRig, pair: Credential, next_key: NextKey) -> ClearMLServer:
    return ClearMLServer(http.url, pair.access_key, pair.secret_key, http.sandbox.clock, next_key=next_key)


def revoke(http: HttpRig, pair: Credential) -> None:
    """New sign-ins fail; tokens that were given out stay good, as on a real server."""
    http.sandbox.store.delete("credential", pair.access_key)


def another(http: HttpRig) -> Credential:
    return http.sandbox.user("You")


def test_the_next_key_takes_over_and_is_kept(http: HttpRig) -> None:
    dead, good = another(http), another(http)
    revoke(http, dead)
    asked: list[str] = []

    def next_key(refused: str) -> tuple[str, str]:
        asked.append(refused)
        return good.access_key, good.secret_key

    server = client(http, dead, next_key)
    assert server.user.whoami(soon()).user_name == "You"
    assert server.tasks.create(TaskDraft("a task", "A project", "", (), {}), soon())
    assert asked == [dead.access_key]
    server.close()


def test_a_token_ends_in_the_middle_of_a_launch(http: HttpRig) -> None:
    """A revoked key's token stays good until it ends: what was begun is finished with the next key, and not twice."""
    old, good = another(http), another(http)
    server = client(http, old, lambda _refused: (good.access_key, good.secret_key))
    server.user.whoami(soon())
    revoke(http, old)
    calls: list[str] = []

    def ends_after_the_project(answer: httpx.Response) -> None:
        calls.append(answer.url.path.strip("/"))
        if calls[-1] == "projects.create":
            http.sandbox.clock.advance(http.sandbox.limits.token + 1)

    server._connection._client._client.event_hooks = {"response": [ends_after_the_project]}
    task = server.tasks.create(TaskDraft("a task", "Another project", "", (), {}), soon())
    assert server.sessions.get(task, soon()).facts.name == "a task"
    assert calls.count("projects.create") == 1 and "auth.login" in calls
    assert len(http.sandbox.call("tasks.get_all", only_fields=["id"])["tasks"]) == 1
    server.close()


def test_without_another_one_the_refusal_is_told(http: HttpRig) -> None:
    dead = another(http)
    revoke(http, dead)
    server = client(http, dead, lambda _refused: None)
    for _ in range(2):
        with pytest.raises(AppError) as caught:
            server.user.whoami(soon())
        assert caught.value.problem.code == "server.unauthorised"
    server.close()


def test_what_keeps_the_next_one_from_being_had_is_told(http: HttpRig) -> None:
    dead = another(http)
    revoke(http, dead)

    def locked(_refused: str) -> None:
        raise failure("keyring.locked")

    server = client(http, dead, locked)
    with pytest.raises(AppError) as caught:
        server.user.whoami(soon())
    assert caught.value.problem.code == "keyring.locked"
    server.close()


def test_many_threads_change_keys_once(http: HttpRig) -> None:
    dead, good = another(http), another(http)
    revoke(http, dead)
    asked: list[str] = []

    def next_key(refused: str) -> tuple[str, str]:
        asked.append(refused)
        return good.access_key, good.secret_key

    server = client(http, dead, next_key)
    failures: list[BaseException] = []

    def call() -> None:
        try:
            server.queues.all(soon())
        except AppError as error:
            failures.append(error)

    threads = [threading.Thread(target=call, name=f"call {n}") for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and asked == [dead.access_key]
    server.close()


# -- the whole way: settings, keyring, client, command line


class RealServerWorld(World):
    """Fakes everywhere but for the server, of which every client is a real one."""

    rig: HttpRig

    def outside(self) -> Outside:
        def connect(account: Account, secret: str, next_key: NextKey) -> ClearMLServer:
            return ClearMLServer(account.api_url, account.access_key, secret, self.rig.sandbox.clock, next_key=next_key)

        return replace(super().outside(), connect_server=connect, find_api=lambda typed, *_more: typed)


@pytest.fixture
def world(http: HttpRig) -> RealServerWorld:
    found = RealServerWorld(memory=FakeMemory())
    found.rig = http
    return found


Add = Callable[[Credential], None]


@pytest.fixture
def add(run: Run, http: HttpRig, monkeypatch: pytest.MonkeyPatch) -> Add:
    def work(pair: Credential) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(pair.secret_key + "\n"))
        assert run("accounts", "add", http.url, pair.access_key).code == 0

    return work


def keys(run: Run) -> list[tuple[str, bool, bool]]:
    """Access key, in use, refused."""
    (account,) = run("accounts", "list", "--json").json["accounts"]
    return [(key["key"], key["in_use"], key["refused_since"] is not None) for key in account["keys"]]


def test_a_revoked_key_is_noted_and_the_others_are_used(run: Run, http: HttpRig, add: Add) -> None:
    first, second = another(http), another(http)
    add(first)
    add(second)
    assert keys(run) == [(second.access_key, True, False), (first.access_key, False, False)]
    revoke(http, second)
    said = run("list")
    assert said.code == 0 and "refuses" not in said.err
    assert keys(run) == [(first.access_key, True, False), (second.access_key, False, True)]
    assert f"{second.access_key} (refused since " in run("accounts", "list").out
    revoke(http, first)
    said = run("list")
    assert said.code == 1 and "The ClearML server refuses the API key" in said.err
    assert [refused for _key, _use, refused in keys(run)] == [True, True]
    third = another(http)
    add(third)
    assert run("list").code == 0 and keys(run)[0] == (third.access_key, True, False)


def test_a_refused_key_is_tried_again_after_a_while_and_one_that_works_is_refused_no_more(
    run: Run, http: HttpRig, add: Add, world: World, expected_log: ExpectLog
) -> None:
    """A server that came back from a backup knew none of them for a while."""
    expected_log("refuses the API key")
    first, second = another(http), another(http)
    add(first)
    add(second)
    rows = {pair: http.sandbox.store.get("credential", pair.access_key) for pair in (first, second)}
    for pair in rows:
        revoke(http, pair)
    with CoreRig(world) as window:
        (account,) = window.core.accounts.all()
        window.core.polling.wait_polled(account.id, 10)
        assert all(key.refused for key in window.core.accounts.all()[0].keys)
        for row in rows.values():
            assert row is not None
            http.sandbox.store.put("credential", row)
        http.sandbox.clock.advance(REFUSED_S + 1)
        window.core.polling.wait_polled(account.id, 10)
        assert window.core.accounts.problem(account.id) is None
        assert not window.core.accounts.all()[0].all_keys[0].refused


def test_a_key_is_removed_by_its_beginning(run: Run, http: HttpRig, add: Add) -> None:
    first, second = another(http), another(http)
    add(first)
    add(second)
    said = run("accounts", "remove", second.access_key[:12])
    assert said.code == 0 and f"Removed the key {second.access_key} of You on" in said.err
    assert keys(run) == [(first.access_key, True, False)]
    wrong = run("accounts", "remove", "You", second.access_key, "--json")
    assert wrong.code == 1 and wrong.json["error"]["code"] == "account.no_key"
    gone = run("accounts", "remove", "You", first.access_key, "--json").json
    assert gone["removed"] == gone["account"] and gone["keys"] == []
    assert run("accounts", "list", "--json").json == {"accounts": []}


def test_what_an_added_key_does_is_told(run: Run, http: HttpRig, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = another(http), another(http)
    add(first)
    monkeypatch.setattr("sys.stdin", io.StringIO(second.secret_key + "\n"))
    found = run("accounts", "add", http.url, second.access_key, "--json").json
    assert [row["key"] for row in found["keys"]] == [second.access_key, first.access_key]
    assert found["sessions"] == {"opens": [], "does_not_open": [], "not_asked": []}
    assert first.secret_key not in str(found) and second.secret_key not in str(found)


def test_an_ambiguous_account_lists_what_can_be_said(run: Run, http: HttpRig, add: Add) -> None:
    add(another(http))
    add(http.sandbox.user("Young"))
    labels = {row["name"]: row["id"] for row in run("accounts", "list", "--json").json["accounts"]}
    said = run("list", "--account", http.url)
    assert said.code == 1
    for label, number in labels.items():
        assert f"“{label}” (--account {number})" in said.err
    several = run("cleanup")
    assert several.code == 1 and all(f"--account {number}" in several.err for number in labels.values())
