"""Thousands of sessions of a hostile workspace: listed with little computing."""

import json
import time
from typing import Any

import httpx

from desktop_app.boundary.cancel import Cancel
from remote_bootstrap import contract
from tests.support.scripted_server import client, envelope, normal

MANY = 5000
CPU_SECONDS = 3.0
LONG = "x" * 2000
REPORT = json.dumps(
    {"phase": "ready", "detail": LONG, "sequence": 1, "notices": [LONG] * 3,
     "apps": {f"app{n}": {"state": "ready", "detail": LONG, "port": n + 1} for n in range(4)}}
)  # fmt: skip


def hostile(number: int) -> dict[str, Any]:
    return {
        "id": f"{number:032x}", "name": LONG, "status": "in_progress", "status_reason": LONG, "user": f"u{number}",
        "tags": [LONG] * 10, "system_tags": [contract.SYSTEM_TAG], "project": f"p{number}",
        "last_worker": f"w{number % 300}", "execution": {"queue": f"q{number % 100}"},
        "runtime": {contract.RUNTIME_REPORT: REPORT},
    }  # fmt: skip


WORKERS = [
    {"id": f"w{n}", "last_report_time": "2027-01-15T08:00:00+00:00", "queues": [{"id": f"q{q}"} for q in range(100)]}
    for n in range(300)
]


def names(kind: str, body: dict[str, Any]) -> httpx.Response:
    first = body["page"] * 500
    ids = (body.get("id") or [])[first : first + 500]
    return envelope({kind: [{"id": one, "name": LONG} for one in ids]})


def test_five_thousand_sessions_are_listed_in_seconds() -> None:
    pages = [envelope({"tasks": [hostile(n) for n in range(p * 500, p * 500 + 500)]}) for p in range(MANY // 500)]

    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        if endpoint == "tasks.get_all":
            return pages[body["page"]] if body["page"] < len(pages) else envelope({"tasks": []})
        if endpoint == "workers.get_all":
            return envelope({"workers": WORKERS})
        kind = endpoint.partition(".")[0]
        return names(kind, body) if endpoint.endswith(".get_all") else normal(endpoint, body)

    server, _script = client(answer)
    began = time.process_time()
    found = server.sessions.of_all_users(Cancel(120))
    assert time.process_time() - began < CPU_SECONDS
    assert len(found) == MANY and len({one.task for one in found}) == MANY
    assert all(len(one.facts.name) <= 300 and one.facts.project.startswith("x") for one in found)
    server.close()
