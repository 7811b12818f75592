"""The sandbox's API on the wire: addresses, bodies, envelopes, keys, tokens. Held against recorded traffic."""

from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from desktop_app.sandbox.rules.auth import KEPT_CREDENTIALS, Credential
from desktop_app.sandbox.web.endpoints import HANDLERS
from desktop_app.sandbox.web.schemas import SCHEMAS
from tests.support.guards import ExpectLog
from tests.support.sandbox_server import SIGNING_KEY, START, Refused, Rig, basic, rig


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


RECORDED_MINIMUM = """
auth.login users.get_current_user projects.get_all projects.create projects.get_by_id queues.get_all queues.get_by_id
queues.get_next_task tasks.create tasks.clone tasks.get_by_id tasks.get_all tasks.edit tasks.enqueue tasks.dequeue
tasks.started tasks.stop tasks.stopped tasks.failed tasks.completed tasks.ping tasks.set_requirements
tasks.add_or_update_artifacts tasks.delete models.get_all events.add_batch events.get_task_log events.get_task_events
workers.register workers.unregister workers.status_report workers.get_all queues.get_all_ex tasks.edit_hyper_params
tasks.edit_runtime auth.validate_token queues.create users.get_all
"""


def test_the_table_has_what_the_clients_need_and_a_schema_only_for_what_is_in_it() -> None:
    assert set(RECORDED_MINIMUM.split()) <= set(HANDLERS)
    assert set(SCHEMAS) <= set(HANDLERS)


def test_success_comes_in_the_recorded_envelope(server: Rig) -> None:
    answer = server.client.get("/v2.23/queues.get_all", headers={"Authorization": basic(server.pair)}, json={})
    meta = answer.get_json()["meta"]
    assert answer.status_code == 200
    assert set(meta) == {
        "id",
        "trx",
        "endpoint",
        "result_code",
        "result_subcode",
        "result_msg",
        "error_stack",
        "error_data",
    }
    assert meta["endpoint"] == {"name": "queues.get_all", "requested_version": "2.23", "actual_version": "1.0"}
    assert (meta["result_code"], meta["result_subcode"], meta["result_msg"]) == (200, 0, "OK")


@pytest.mark.parametrize("prefix", ["/", "/v2.5/", "/v2.23/", "/v2.34/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_every_version_and_method_reaches_the_same_handler(server: Rig, prefix: str, method: str) -> None:
    headers = {"Authorization": basic(server.pair)}
    body = {"name": "^default$", "only_fields": ["name"], "method": "get", "unknown": 1}
    answer = server.client.open(prefix + "queues.get_all", method=method, headers=headers, json=body)
    assert answer.get_json()["data"] == {"queues": [{"name": "default"}]}


@pytest.mark.parametrize("endpoint", ["users.get_vaults", "workers.get_runtime_properties", "no.sense"])
def test_unknown_endpoints_are_404_in_an_envelope(server: Rig, endpoint: str) -> None:
    answer = server.client.get("/v2.34/" + endpoint, headers={"Authorization": basic(server.pair)})
    meta = answer.get_json()["meta"]
    assert (answer.status_code, meta["result_code"], meta["result_subcode"]) == (404, 404, 0)
    assert meta["result_msg"] == f"Unable to find endpoint for name {endpoint} and version 2.34"


@pytest.mark.parametrize("path", ["/nonsense", "/a/b/c", "/v2/tasks.get_all", "/tasks.get-all", "/v2.5//tasks.get_all"])
def test_paths_that_name_no_endpoint_are_refused(server: Rig, path: str) -> None:
    answer = server.client.get(path, headers={"Authorization": basic(server.pair)})
    assert (answer.status_code, answer.get_json()["meta"]["result_subcode"]) == (400, 0)


@pytest.mark.parametrize(("raw", "status"), [(b"{", 400), (b"[]", 200), (b'"text"', 500), (b"\xff", 400), (b" ", 400)])
def test_a_body_that_is_no_object_is_refused_unless_it_is_empty(server: Rig, raw: bytes, status: int) -> None:
    headers = {"Authorization": basic(server.pair), "Content-Type": "application/json"}
    answer = server.client.get("/tasks.get_all", data=raw, headers=headers)
    assert (answer.status_code, answer.get_json()["meta"]["result_subcode"]) == (status, 0)


def test_encoded_bodies_are_refused(server: Rig) -> None:
    headers = {"Authorization": basic(server.pair), "Content-Encoding": "gzip"}
    assert server.client.get("/tasks.get_all", data=b"x", headers=headers).status_code == 415


# --- keys and tokens ------------------------------------------------------------------------------------------------


def _subcode(server: Rig, header: str | None) -> tuple[int, int]:
    headers = {"Authorization": header} if header is not None else {}
    meta = server.client.get("/users.get_current_user", headers=headers).get_json()["meta"]
    return meta["result_code"], meta["result_subcode"]


def test_each_kind_of_bad_credentials_has_its_subcode(server: Rig) -> None:
    wrong_secret = basic(Credential(server.pair.access_key, "x" * 52))
    unknown_key = basic(Credential("X" * 30, server.pair.secret_key))
    foreign = jwt.encode({"exp": START + 99, "identity": {"user": "x"}}, "j" * 64, algorithm="HS256")
    nobody = jwt.encode({"exp": START + 99, "identity": {"user": "x"}}, SIGNING_KEY, algorithm="HS256")
    unsigned = jwt.encode({"exp": START + 99, "identity": {"user": "x"}}, None, algorithm="none")
    assert _subcode(server, None) == (401, 20)
    assert [_subcode(server, h) for h in ("Digest x", "basic eDp5", "bearer x", "Token x")] == [(401, 10)] * 4
    assert [_subcode(server, h) for h in ("Basic %%%", "Basic bm9jb2xvbg==", "Basic")] == [(401, 22)] * 3
    assert [_subcode(server, h) for h in (wrong_secret, unknown_key)] == [(401, 22)] * 2
    tokens = ("", "nonsense", foreign, nobody, unsigned)
    assert [_subcode(server, f"Bearer {token}") for token in tokens] == [(401, 30)] * 5


def test_a_login_token_carries_the_claims_that_clients_read(server: Rig) -> None:
    token = server.call("auth.login")["token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert tuple(map(int, claims["api_version"].split("."))) >= (2, 34)
    assert claims["feature_set"] == "basic"
    assert claims["exp"] == START + 30 * 86400
    assert claims["identity"]["user_name"] == "You"
    assert _subcode(server, f"Bearer {token}") == (200, 0)


@pytest.mark.parametrize("how", ["query", "body"])
def test_a_token_dies_when_its_holder_asked_for_it(server: Rig, how: str) -> None:
    headers = {"Authorization": basic(server.pair)}
    where = {"query_string": {"expiration_sec": "120"}} if how == "query" else {"json": {"expiration_sec": 120}}
    token = server.client.get("/auth.login", headers=headers, **where).get_json()["data"]["token"]
    server.clock.advance(119)
    assert _subcode(server, f"Bearer {token}") == (200, 0)
    server.clock.advance(1)
    assert _subcode(server, f"Bearer {token}") == (401, 30)


def test_nobody_gets_a_token_for_longer_than_the_server_allows(server: Rig) -> None:
    token = server.call("auth.login")["token"]
    assert jwt.decode(token, options={"verify_signature": False})["exp"] == START + 30 * 86400
    for expiration in (10**9, "soon"):
        with pytest.raises(Refused) as refused:
            server.call("auth.login", expiration_sec=expiration)
        assert refused.value.code == (400, 12)


def test_tokens_and_keys_survive_a_restart(tmp_path: Path) -> None:
    with rig(tmp_path) as first:
        token, pair = first.call("auth.login")["token"], first.pair
    with rig(tmp_path) as second:
        assert _subcode(second, f"Bearer {token}") == (200, 0)
        assert second.call("users.get_current_user", by=pair)["user"]["name"] == "You"


def test_a_user_may_not_ask_about_tokens(server: Rig) -> None:
    with pytest.raises(Refused) as refused:
        server.call("auth.validate_token", token=server.call("auth.login")["token"])
    assert refused.value.code == (403, 20)


def test_a_revoked_key_makes_no_tokens_but_its_tokens_live_on(server: Rig) -> None:
    made = server.call("auth.create_credentials", label="second")["credentials"]
    pair = Credential(made["access_key"], made["secret_key"])
    token = server.call("auth.login", by=pair)["token"]
    server.call("auth.revoke_credentials", access_key=pair.access_key)
    assert _subcode(server, basic(pair)) == (401, 22)
    assert _subcode(server, f"Bearer {token}") == (200, 0)
    server.client.get("/auth.logout", headers={"Authorization": f"Bearer {token}"})
    assert _subcode(server, f"Bearer {token}") == (401, 30)


def test_the_database_holds_no_secret(tmp_path: Path) -> None:
    with rig(tmp_path) as server:
        secret = server.pair.secret_key
        token = server.call("auth.login")["token"]
    content = b"".join(path.read_bytes() for path in tmp_path.glob("server.sqlite*"))
    assert server.pair.access_key.encode() in content
    assert secret.encode() not in content
    assert token.encode() not in content
    assert SIGNING_KEY not in content


def test_a_secret_does_not_show_in_a_printed_pair(server: Rig) -> None:
    assert server.pair.secret_key not in repr(server.pair)


def test_minting_forgets_the_pair_that_was_used_longest_ago(server: Rig) -> None:
    old = server.pair
    for _ in range(KEPT_CREDENTIALS - 1):
        server.clock.advance(1)
        newest = server.user("You")
    assert server.call("users.get_current_user", by=old)
    server.clock.advance(7200)
    server.call("users.get_current_user", by=old)  # now it is the newest
    server.user("You")
    assert server.call("users.get_current_user", by=old)
    assert server.call("users.get_current_user", by=newest)
    assert len(server.store.all("credential")) == KEPT_CREDENTIALS


def test_users_see_each_others_tasks_but_are_told_apart(server: Rig) -> None:
    other = server.user("Bob Other")
    mine, theirs = server.task(), server.call("tasks.create", by=other, name="not mine", type="testing")["id"]
    me = server.call("users.get_current_user")["user"]["id"]
    assert [t["id"] for t in server.call("tasks.get_all", user=[me], only_fields=["id"])["tasks"]] == [mine]
    both = server.call("tasks.get_all", by=other, only_fields=["id"])["tasks"]
    assert [task["id"] for task in both] == [mine, theirs]


def test_a_failing_handler_answers_500_and_undoes_its_writes(server: Rig, expected_log: ExpectLog) -> None:
    expected_log("tasks.enqueue failed")
    task = server.task()
    server.store.put("queue", {"id": "damaged", "name": "damaged"})  # it has no list of entries
    body = {"task": task, "queue": "damaged"}
    answer = server.client.get("/tasks.enqueue", json=body, headers={"Authorization": basic(server.pair)})
    assert (answer.status_code, answer.get_json()["meta"]["result_code"]) == (500, 500)
    assert server.look(task)["status"] == "created"
