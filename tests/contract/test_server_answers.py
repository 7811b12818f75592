"""What people are told when somebody answers, but not as asked: the server itself, or something in front of it."""

import gzip
import threading
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.adapters.clearml.wire.find import find_api
from desktop_app.domain.problems import AppError
from tests.support.scripted_server import SECRET, client, envelope, normal, soon


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (envelope(code=500, subcode=1, message="Internal server error: err=Path collision at runtime"),
         ["answered: Internal server error: err=Path collision at runtime."]),
        (envelope(code=403, subcode=20, message="Forbidden (not allowed)"), ["Forbidden (not allowed)"]),
        (httpx.Response(403, text="<html>"), ["api.clearml.test answered HTTP 403 (Forbidden)", "proxy"]),
        (httpx.Response(302, headers={"location": "https://login.corp.test/x?y=z"}),
         ["302 (Found)", "leads to login.corp.test"]),
        (httpx.Response(504, text="<html>"), ["api.clearml.test answered HTTP 504 (Gateway Timeout)"]),
    ],
)  # fmt: skip
def test_who_answered_what_is_told(answer: httpx.Response, words: list[str]) -> None:
    """And never that the server can't be reached, or that a VPN is missing: somebody did answer."""
    server, _ = client(lambda e, b: normal(e, b) if e == "auth.login" else answer)
    with pytest.raises(AppError) as caught:
        server.user.whoami(soon())
    told = str(caught.value.problem)
    assert [word for word in words if word not in told] == []
    assert "VPN" not in told
    assert "be reached" not in told


def test_an_answer_that_is_packed_twice_is_not_unpacked() -> None:
    """Ten kilobytes of it are gigabytes here, before anybody can count them."""
    bomb = gzip.compress(gzip.compress(bytes(64_000_000)))
    with http_server(200, bomb, {"Content-Encoding": "gzip, gzip"}) as url:
        server = ClearMLServer(url, "ACCESS", SECRET)
        tracemalloc.start()
        try:
            with pytest.raises(AppError) as caught:
                server.user.whoami(soon())
            assert tracemalloc.get_traced_memory()[1] < 32_000_000
        finally:
            tracemalloc.stop()
            server.close()
    assert "packed in a way that was not asked for" in caught.value.problem.cause


def test_a_search_for_the_api_tells_of_the_proxy_in_the_way() -> None:
    """Both addresses lead to it; "No ClearML API server was found" would send people to their address."""
    with http_server(407, b"<html>sign in</html>") as url:
        with pytest.raises(AppError) as caught:
            find_api("clearml", [url, url + "/api"], "", soon())
        assert caught.value.problem.code == "server.in_between"
        assert "127.0.0.1 answered HTTP 407" in caught.value.problem.detail


@contextmanager
def http_server(status: int, body: bytes, more: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """Answers everything with the same page; gives its address."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=listener.serve_forever, name="page")
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_address[1]}"
    finally:
        listener.shutdown()
        thread.join(5)
        listener.server_close()


def test_the_log_of_a_task_that_is_gone_is_no_empty_log() -> None:
    gone = envelope(code=400, subcode=101, message="Invalid task id: ids=(x)")
    server, _ = client(lambda e, b: gone if e == "events.get_task_log" else normal(e, b))
    with pytest.raises(AppError) as caught:
        server.tasks.log("x", 0, soon())
    assert caught.value.problem.code == "task.gone"


@pytest.mark.parametrize("how", ["seen", "stopped"])
@pytest.mark.parametrize(
    ("task", "taken"),
    [
        ({"status": "stopped"}, True),
        ({"status": "failed"}, True),
        ({"status": "completed"}, True),
        ({"status": "stopped", "started": "2026-11-29T10:00:00+00:00"}, False),
        ({"status": "stopped", "user": "somebody else"}, False),
        ({"status": "stopped", "execution": {}}, False),
    ],
)
def test_a_session_that_ended_while_it_waited_is_taken_out_of_its_queue(
    how: str, task: dict[str, Any], taken: bool
) -> None:
    """Its entry outlives the status, and an agent that pulls it would run the session."""
    found = {"id": "t1", "user": "u1", "system_tags": ["sessiondock"], "execution": {"queue": "q1"}, **task}

    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        if endpoint == "tasks.get_all":
            return envelope({"tasks": [found] if "id" in body else []})
        if endpoint == "queues.remove_task":
            return envelope(code=400, subcode=703, message="Invalid queue id or task not in queue")
        return normal(endpoint, body)

    server, script = client(answer)
    if how == "seen":
        assert [seen.task for seen in server.sessions.living(["t1"], soon())] == ["t1"]
    else:
        server.tasks.stop("t1", soon())
    asked = [body for endpoint, body, _ in script.requests if endpoint == "queues.remove_task"]
    assert asked == ([{"queue": "q1", "task": "t1"}] if taken else [])
