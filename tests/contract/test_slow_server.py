"""A server that takes seconds per call is waited for in rounds: what does not depend on each other is asked together.

The server here answers nobody of a round before all of it have asked, so a client that asks in a row never gets on.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.problems import AppError, Cancelled
from remote_bootstrap import contract
from tests.support.scripted_server import NOW, URL, Script, client, envelope, normal, soon, token

PATIENCE_S = 5.0  # until a round counts as not complete
LOOKUPS = ("queues.get_all", "queues.get_all", "projects.get_all", "users.get_all", "workers.get_all")


def row(number: int, status: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{number:032x}", "status": status, "system_tags": [contract.SYSTEM_TAG], "user": "other",
        "project": "p1", "execution": {"queue": f"q{number}"}, "last_change": "2027-01-15T08:00:00+00:00",
        "last_changed_by": "somebody", **fields,
    }  # fmt: skip


TASKS = [row(1, "queued"), row(2, "in_progress", last_worker="w1")]
DATA: dict[str, dict[str, Any]] = {
    "tasks.get_all": {"tasks": TASKS},
    "queues.get_all": {"queues": [{"id": "q1", "name": "gpu"}, {"id": "q2", "name": "cpu"}]},
    "projects.get_all": {"projects": [{"id": "p1", "name": "DevOps"}]},
    "users.get_all": {"users": [{"id": "other", "name": "Bob"}, {"id": "somebody", "name": "Eve"}]},
    "workers.get_all": {"workers": [{"id": "w1", "queues": [{"id": "q1"}]}]},
    "tasks.create": {"id": "f" * 32},
    "tasks.clone": {"id": "f" * 32},
    "users.get_current_user": {"user": {"id": "me", "name": "Ada"}},
}


def signed(user: str = "me", expires: float = NOW + 3600) -> str:
    return token(expires, user=user)


def answered(endpoint: str, body: dict[str, Any]) -> httpx.Response:
    if endpoint == "auth.login":
        return envelope({"token": signed()})
    return envelope(DATA[endpoint]) if endpoint in DATA else normal(endpoint, body)


class Rounds:
    """Answers the requests of a round when all of them are there. ``plan``: the endpoints of each, in any order."""

    def __init__(
        self, *plan: Sequence[str], answer: Callable[[str, dict[str, Any]], httpx.Response] = answered
    ) -> None:
        self._barriers = [threading.Barrier(len(one)) for one in plan]
        self._answer = answer
        self._lock = threading.Lock()
        self._left = [Counter(one) for one in plan]
        self.odd: list[str] = []  # what was asked out of turn

    def __call__(self, endpoint: str, body: dict[str, Any]) -> httpx.Response:
        with self._lock:
            at = next((n for n, left in enumerate(self._left) if +left), None)
            if at is None or not self._left[at][endpoint]:
                self.odd.append(endpoint)
                return envelope(code=500, message=f"{endpoint} is out of turn")
            self._left[at][endpoint] -= 1
        self._barriers[at].wait(PATIENCE_S)
        return self._answer(endpoint, body)

    @property
    def over(self) -> bool:
        return not self.odd and not any(+left for left in self._left)


def ask_in(rounds: Rounds) -> tuple[ClearMLServer, Script]:
    return client(rounds)


def test_everybodys_sessions_take_a_sign_in_and_two_rounds() -> None:
    rounds = Rounds(["auth.login"], ["tasks.get_all"], LOOKUPS)
    server, _ = ask_in(rounds)
    found = server.sessions.of_all_users(soon())
    assert [(one.facts.queue, one.facts.project, one.facts.owner) for one in found] == [
        ("gpu", "DevOps", "Bob"), ("cpu", "DevOps", "Bob"),
    ]  # fmt: skip
    assert rounds.over
    server.close()


def test_a_first_poll_takes_a_sign_in_and_two_rounds_and_a_quiet_one_a_single_call() -> None:
    rounds = Rounds(["auth.login"], ["tasks.get_all"], LOOKUPS, ["tasks.get_all"])
    server, _ = ask_in(rounds)
    assert len(server.sessions.living((), soon())) == 2
    assert len(server.sessions.living((), soon())) == 2
    assert rounds.over
    server.close()


def test_a_poll_asks_for_those_that_moved_and_those_that_ended_together() -> None:
    rows: list[list[dict[str, Any]]] = [TASKS, [row(1, "in_progress", last_change="2027-01-15T08:01:00+00:00")]]

    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        if endpoint == "tasks.get_all" and "status" in body:
            return envelope({"tasks": rows.pop(0)})
        if endpoint == "tasks.get_all":
            both = [row(1, "in_progress"), row(2, "stopped")]
            return envelope({"tasks": [one for one in both if one["id"] in body["id"]]})
        return answered(endpoint, body)

    again = [["tasks.get_all"], ["tasks.get_all", "tasks.get_all"]]
    rounds = Rounds(["auth.login"], ["tasks.get_all"], LOOKUPS, *again, answer=answer)
    server, _ = ask_in(rounds)
    known = [one.task for one in server.sessions.living((), soon())]
    assert [one.facts.remote.value for one in server.sessions.living(known, soon())] == ["starting", "ended"]
    assert rounds.over
    server.close()


def test_one_session_takes_a_sign_in_and_two_rounds() -> None:
    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        return envelope({"tasks": TASKS[1:]}) if endpoint == "tasks.get_all" else answered(endpoint, body)

    lookups = ["queues.get_all", "projects.get_all", "users.get_all", "workers.get_all"]
    rounds = Rounds(["auth.login"], ["tasks.get_all"], lookups, answer=answer)
    server, _ = ask_in(rounds)
    assert server.sessions.get(TASKS[1]["id"], soon()).facts.owner == "Bob"
    assert rounds.over
    server.close()


def test_queues_and_their_agents_are_one_round() -> None:
    rounds = Rounds(["auth.login"], ["queues.get_all", "workers.get_all"])
    server, _ = ask_in(rounds)
    assert {(queue.name, queue.served) for queue in server.queues.all(soon())} == {("gpu", False), ("cpu", False)}
    assert rounds.over
    server.close()


def test_a_launch_looks_at_its_source_and_its_project_together() -> None:
    rounds = Rounds(["auth.login"], ["tasks.get_all", "projects.get_all"], ["tasks.clone"], ["tasks.edit"])
    server, _ = ask_in(rounds)
    draft = TaskDraft("one", "DevOps", "print(1)", (), {}, source="a" * 32)
    assert server.tasks.create(draft, soon()) == "f" * 32
    assert rounds.over
    server.close()


def test_a_launch_looks_at_the_agents_while_it_enqueues() -> None:
    rounds = Rounds(["auth.login"], ["queues.get_all"], ["tasks.enqueue", "workers.get_all"])
    server, _ = ask_in(rounds)
    assert not server.tasks.enqueue("f" * 32, "gpu", soon())
    assert rounds.over
    server.close()


def test_who_we_are_is_asked_where_the_sign_in_does_not_say_it() -> None:
    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        return envelope({"token": signed(user="")}) if endpoint == "auth.login" else answered(endpoint, body)

    server, script = client(answer)
    server.sessions.living((), soon())
    assert script.requests[2][0] == "tasks.get_all" and script.requests[2][1]["user"] == ["me"]
    server.close()


# -- what goes wrong in a round


class Expiring:
    """Knows one token at a time; ``keys``: those that it lets sign in."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys
        self.calls = Counter[str]()
        self.expired = False
        self._together = threading.Barrier(2)
        self._lock = threading.Lock()
        self._made = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        endpoint, shown = request.url.path.strip("/"), request.headers["authorization"]
        with self._lock:
            self.calls[endpoint] += 1
            if endpoint == "auth.login":
                return self._sign_in(shown)
            good = shown.endswith(f"-{self._made}") and not self.expired
        if not good:
            self._together.wait(PATIENCE_S)  # so that all of a round are refused
            return envelope(code=401, subcode=30, message="Invalid token")
        return envelope(DATA.get(endpoint, {}))

    def _sign_in(self, shown: str) -> httpx.Response:
        if not any(shown == httpx.BasicAuth(key, "secret")._auth_header for key in self.keys):
            return envelope(code=401, subcode=22, message="Unauthorized (invalid credentials)")
        self._made, self.expired = self._made + 1, False
        return envelope({"token": f"{signed()}-{self._made}"})


def connected(server: Expiring, *other_keys: str) -> ClearMLServer:
    left = list(other_keys)
    return ClearMLServer(
        URL, "FIRST", "secret", lambda: NOW, httpx.MockTransport(server),
        next_key=lambda _refused: (left.pop(0), "secret") if left else None,
    )  # fmt: skip


def test_a_sign_in_that_ended_is_renewed_once_for_all_of_a_round() -> None:
    account = Expiring("FIRST")
    server = connected(account)
    server.queues.all(soon())
    account.expired = True
    assert len(server.queues.all(soon())) == 2
    assert account.calls == {"auth.login": 2, "queues.get_all": 3, "workers.get_all": 3}
    server.close()


def test_another_key_is_taken_once_for_all_of_a_round() -> None:
    account = Expiring("FIRST", "SECOND")
    server = connected(account, "SECOND")
    server.queues.all(soon())
    account.expired, account.keys = True, ("SECOND",)
    assert len(server.queues.all(soon())) == 2
    assert account.calls == {"auth.login": 3, "queues.get_all": 3, "workers.get_all": 3}
    assert len(server.queues.all(soon())) == 2
    assert account.calls["auth.login"] == 3
    server.close()


def test_a_revoked_key_is_shown_once_for_all_of_a_round() -> None:
    account = Expiring("FIRST")
    server = connected(account)
    server.queues.all(soon())
    account.expired, account.keys = True, ()
    with pytest.raises(AppError) as refused:
        server.queues.all(soon())
    assert refused.value.problem.code == "server.unauthorised"
    assert account.calls["auth.login"] == 2
    server.close()


def test_a_server_that_can_not_be_reached_is_asked_once() -> None:
    asked: list[str] = []

    def nobody(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        raise httpx.ConnectError("nobody there")

    server = ClearMLServer(URL, "FIRST", "secret", lambda: NOW, httpx.MockTransport(nobody))
    for look in (server.queues.all, server.sessions.of_all_users, lambda cancel: server.sessions.living((), cancel)):
        asked.clear()
        with pytest.raises(AppError) as failed:
            look(soon())
        assert failed.value.problem.code == "server.unreachable"
        assert asked == ["/auth.login"]
    server.close()


@pytest.mark.parametrize("failing", sorted(set(LOOKUPS)))
def test_what_one_of_a_round_is_refused_is_what_the_asker_is_told(failing: str) -> None:
    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        return envelope(code=500, message="Boom") if endpoint == failing else answered(endpoint, body)

    server, _ = ask_in(Rounds(["auth.login"], ["tasks.get_all"], LOOKUPS, answer=answer))
    with pytest.raises(AppError) as failed:
        server.sessions.of_all_users(soon())
    assert failed.value.problem.code == "server.failed"
    server.close()


def test_a_cancelled_round_ends_as_cancelled() -> None:
    cancel = Cancel(10)

    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        if endpoint == "workers.get_all":  # the others of the round are under way by now
            cancel.cancel()
        return answered(endpoint, body)

    rounds = Rounds(["auth.login"], ["tasks.get_all"], LOOKUPS, answer=answer)
    server, _ = ask_in(rounds)
    with pytest.raises(Cancelled):
        server.sessions.of_all_users(cancel)
    assert rounds.over
    server.close()


def test_the_threads_of_a_round_have_names_and_are_few() -> None:
    seen: set[str] = set()

    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        seen.add(threading.current_thread().name)
        return answered(endpoint, body)

    server, _ = ask_in(Rounds(["auth.login"], ["tasks.get_all"], LOOKUPS, answer=answer))
    server.sessions.of_all_users(soon())
    assert seen - {threading.current_thread().name} == {"ask-agents", "ask-projects", "ask-queues", "ask-users"}
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("ask-")]
    server.close()
