"""What the ClearML client does on the wire: sign-in, renewal, time-outs, refusals, and what it never gives away."""

import base64
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.problems import AppError, Retry
from remote_bootstrap import contract
from tests.support.scripted_server import NOW, SECRET, client, envelope, normal, soon, token
from tests.support.server_rigs import HttpRig
from tests.support.tls_server import TlsServer


def problem_of(server: ClearMLServer) -> str:
    with pytest.raises(AppError) as caught:
        server.user.whoami(soon())
    shown = repr(caught.value) + str(caught.value) + repr(caught.value.problem) + repr(caught.value.__context__)
    assert SECRET not in shown
    return caught.value.problem.code


def test_one_sign_in_serves_many_calls() -> None:
    server, script = client(normal)
    assert server.user.whoami(soon()).user_name == "Ada"
    server.user.whoami(soon())
    assert script.endpoints() == ["auth.login", "users.get_current_user", "users.get_current_user"]
    assert script.requests[0][2] == "Basic " + base64.b64encode(f"ACCESS:{SECRET}".encode()).decode()
    assert script.requests[1][2] == f"Bearer {token()}"


def test_a_token_is_renewed_before_it_ends() -> None:
    server, script = client(lambda e, b: envelope({"token": token(NOW + 30)}) if e == "auth.login" else normal(e, b))
    server.user.whoami(soon())
    server.user.whoami(soon())
    assert script.endpoints().count("auth.login") >= 2


def test_a_token_without_end_is_kept() -> None:
    server, script = client(lambda e, b: envelope({"token": token(None)}) if e == "auth.login" else normal(e, b))
    server.user.whoami(soon())
    server.user.whoami(soon())
    assert script.endpoints().count("auth.login") == 1


def test_a_refused_token_is_renewed_once() -> None:
    refusals = [401]

    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        if endpoint != "auth.login" and refusals:
            return envelope(code=refusals.pop(), subcode=30, message="Invalid token")
        return normal(endpoint, body)

    server, script = client(answer)
    server.user.whoami(soon())
    assert script.endpoints() == ["auth.login", "users.get_current_user"] * 2


@pytest.mark.parametrize(("subcode", "code"), [(30, "server.expired"), (20, "server.unauthorised")])
def test_a_token_that_stays_refused_needs_a_person(subcode: int, code: str) -> None:
    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        return normal(endpoint, body) if endpoint == "auth.login" else envelope(code=401, subcode=subcode)

    assert problem_of(client(answer)[0]) == code


def test_a_wrong_key_needs_a_person() -> None:
    server, script = client(lambda _e, _b: envelope(code=401, subcode=22, message="Unauthorized (invalid credentials)"))
    assert problem_of(server) == "server.unauthorised"
    assert script.endpoints() == ["auth.login"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(200, text="<html>the web page of ClearML</html>"), "server.not_clearml"),
        (httpx.Response(200, json=["not", "an", "envelope"]), "server.not_clearml"),
        (httpx.Response(404, text="nothing here"), "server.not_clearml"),
        (httpx.Response(200, text="[" * 100_000), "server.not_clearml"),
        (httpx.Response(200, text='{"meta": {"result_code": 1e999}}'), "server.not_clearml"),
        (envelope({"token": f"a.{base64.urlsafe_b64encode(b'[' * 100_000).decode()}.c"}), "server.not_clearml"),
        (httpx.Response(302, headers={"location": "https://elsewhere.test"}), "server.in_between"),
        (httpx.Response(302, headers={"location": "https://[elsewhere"}), "server.in_between"),
        (httpx.Response(302, text="<html>nowhere</html>"), "server.not_clearml"),
        (httpx.Response(401, text="<html>who are you</html>"), "server.in_between"),
        (httpx.Response(403, json={"error": "access denied"}), "server.in_between"),
        (httpx.Response(407, text=""), "server.in_between"),
        (httpx.Response(429, text="slow down"), "server.gateway"),
        (httpx.Response(500, text="<html>oops</html>"), "server.gateway"),
        (httpx.Response(502, text="<html>bad gateway</html>"), "server.gateway"),
        (httpx.Response(503, text="maintenance"), "server.gateway"),
        (httpx.Response(599, text=""), "server.gateway"),
        (envelope({"token": "no JSON web token"}), "server.not_clearml"),
        (envelope({"token": token(api="2.9")}), "server.too_old"),
        (envelope(code=500, message="General data error"), "server.failed"),
        (envelope(code=500, subcode=101, message="Inconsistent data"), "server.failed"),
        (envelope(code=503, message="Service unavailable"), "server.failed"),
        (envelope(code=400, subcode=12, message="Validation error"), "server.refused"),
    ],
)
def test_what_is_no_clearml_server(answer: httpx.Response, code: str) -> None:
    server, script = client(lambda _e, _b: answer)
    assert problem_of(server) == code
    assert len(script.requests) == 1  # a redirect is not followed: the key goes to no other server


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.ReadError("reset")])
def test_what_time_may_heal(error: httpx.TransportError) -> None:
    def answer(_endpoint: str, _body: dict[str, Any]) -> httpx.Response:
        raise error

    server, _ = client(answer)
    with pytest.raises(AppError) as caught:
        server.user.whoami(soon())
    assert caught.value.problem.code == "server.unreachable"
    assert caught.value.problem.retry is Retry.AUTO


def test_a_bad_address_is_told_as_such() -> None:
    server = ClearMLServer("ftp://files.test", "ACCESS", SECRET)
    assert problem_of(server) == "server.not_clearml"
    server.close()


@pytest.mark.parity("S4")
def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server, _ = client(lambda e, b: normal(e, b) if e == "auth.login" else envelope(code=401, subcode=30))
    problem_of(server)
    assert SECRET not in caplog.text
    assert token() not in caplog.text
    assert SECRET not in repr(server) + repr(vars(server))


# -- real sockets


def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ClearMLServer(f"http://127.0.0.1:{port}", "ACCESS", SECRET)
    assert problem_of(server) == "server.unreachable"
    server.close()


class Endless(httpx.SyncByteStream):
    """A body without end, ``pause`` seconds between its pieces."""

    def __init__(self, piece: bytes, pause: float) -> None:
        self._piece, self._pause = piece, pause

    def __iter__(self) -> Iterator[bytes]:
        while True:
            threading.Event().wait(self._pause)
            yield self._piece


@pytest.mark.parametrize(
    ("body", "word"), [(Endless(b" " * (1 << 20), 0.0), "too large"), (Endless(b" ", 0.05), "too slow")]
)
def test_an_answer_without_end_is_left_in_time(body: Endless, word: str) -> None:
    server, _ = client(lambda _e, _b: httpx.Response(200, stream=body))
    began = time.monotonic()
    with pytest.raises(AppError) as caught:
        server.user.whoami(Cancel(0.5) if word == "too slow" else soon())
    assert caught.value.problem.code == "server.unreachable"
    assert word in caught.value.problem.cause
    assert time.monotonic() - began < 5
    server.close()


def test_a_server_that_never_answers_is_left_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        server = ClearMLServer(f"http://127.0.0.1:{silent.getsockname()[1]}", "ACCESS", SECRET)
        began = time.monotonic()
        with pytest.raises(AppError) as caught:
            server.user.whoami(Cancel(0.3))
        assert caught.value.problem.code == "server.unreachable"
        assert time.monotonic() - began < 3
        server.close()


def test_an_unknown_certificate_is_refused(tmp_path: Path) -> None:
    with TlsServer(tmp_path) as tls:
        server = ClearMLServer(tls.url, "ACCESS", SECRET)
        assert problem_of(server) == "server.tls"
        server.close()
        assert tls.received == b""


def test_a_proxy_of_the_environment_does_not_see_this_computers_own_server(
    http: HttpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody there: using it would fail
    server = http.client()
    assert server.user.whoami(soon()).user_name == "You"
    server.close()


@pytest.fixture
def http(tmp_path: Path) -> Iterator[HttpRig]:
    rig = HttpRig(tmp_path)
    yield rig
    rig.close()


def test_a_token_that_the_server_lets_expire(http: HttpRig) -> None:
    http.server.user.whoami(soon())
    http.sandbox.clock.advance(40 * 24 * 3600)
    assert http.server.user.whoami(soon()).user_name == "You"


def test_a_wrong_key_on_the_real_server(http: HttpRig) -> None:
    server = http.client("wrong")
    assert problem_of(server) == "server.unauthorised"
    server.close()


def test_the_task_is_what_agents_and_other_clients_expect(http: HttpRig) -> None:
    draft = TaskDraft(
        "a session", "DevOps", "print(1)\n", ("clearml==2.1.12", "tqdm"), {"contract": "1"}, "python:3.12"
    )
    task = http.sandbox.look(http.server.tasks.create(draft, soon()))
    assert task["type"] == "application"
    assert task["system_tags"] == [contract.SYSTEM_TAG]  # "development" would end the record before the processes
    assert task["script"] == {
        "binary": "python",
        "repository": "",
        "entry_point": contract.ENTRY_POINT,
        "working_dir": ".",
        "requirements": {"pip": "clearml==2.1.12\ntqdm"},
        "diff": "print(1)\n",
    }
    assert task["container"] == {"image": "python:3.12", "arguments": ""}


@pytest.mark.parametrize("wrong", ["../../up", "a/b", "", None, "a" * 65, "a\n", 7.5])
def test_a_task_whose_id_is_no_file_name_is_passed_over(wrong: object) -> None:
    ids = [wrong, "0123456789abcdef0123456789abcdef"]
    tasks = [{"id": task, "status": "queued", "system_tags": [contract.SYSTEM_TAG]} for task in ids]
    data: dict[str, dict[str, Any]] = {
        "tasks.get_all": {"tasks": tasks},
        "users.get_current_user": {"user": {"id": "u1"}},
    }
    server, _ = client(lambda endpoint, body: envelope(data[endpoint]) if endpoint in data else normal(endpoint, body))
    assert [seen.task for seen in server.sessions.living((), soon())] == ids[1:]
    server.close()


@pytest.mark.parity("N8", "U6")
def test_a_poll_is_small(http: HttpRig) -> None:
    """One request, however many sessions, and now and then one for the agents; no script travels."""
    script = "x" * 100_000
    tasks = [http.server.tasks.create(TaskDraft("one", "DevOps", script, (), {}), soon()) for _ in range(3)]
    http.server.user.whoami(soon())
    seen: list[tuple[str, int]] = []
    http.server._connection._client._client.event_hooks = {  # type: ignore[attr-defined]  # of a Server, ours
        "response": [lambda answer: seen.append((answer.url.path, len(answer.read())))]
    }
    for _ in range(3):
        assert len(http.server.sessions.living(tasks, soon())) == 3
    names = ["/projects.get_all"]  # asked for once
    assert sorted(path for path, _ in seen) == [*names, *["/tasks.get_all"] * 3, "/workers.get_all"]
    assert sum(size for _, size in seen) < 10_000


def test_threads_share_one_client(http: HttpRig) -> None:
    """Many callers at once, one of them the first to sign in."""
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(5):
                http.server.sessions.living((), soon())
        except AppError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, name=f"caller-{n}") for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parity("U6", "list")
@pytest.mark.parametrize("sessions", [1, 7])
def test_a_list_costs_the_same_calls_however_long_it_is(http: HttpRig, sessions: int) -> None:
    """clearml-session asks once more per row. Here: tasks, and once each queues, projects, users and agents."""
    for number in range(sessions):
        http.add_queue(f"queue {number}")
        task = http.server.tasks.create(TaskDraft(f"session {number}", f"Project {number}", "", (), {}), soon())
        http.server.tasks.enqueue(task, f"queue {number}", soon())
    http.neighbours_session()
    fresh = http.client()
    fresh.user.whoami(soon())
    asked: list[str] = []
    fresh._connection._client._client.event_hooks = {"response": [lambda answer: asked.append(answer.url.path)]}
    mine = fresh.sessions.living([], soon())
    assert sorted(asked) == ["/projects.get_all", "/queues.get_all", "/tasks.get_all", "/workers.get_all"]
    assert {(one.facts.queue, one.facts.project) for one in mine} == {
        (f"queue {number}", f"Project {number}") for number in range(sessions)
    }
    asked.clear()
    everybodys = fresh.sessions.of_all_users(soon())
    assert len(everybodys) == sessions + 1 and {one.facts.owner for one in everybodys} == {"You", "Neighbour"}
    assert len(asked) <= 5, asked
    fresh.close()
