"""The desktop's client against a server of one function, without a socket: what it sends, and what it makes of answers.

Any thread.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.boundary.cancel import Cancel

SECRET = "a-secret-that-nobody-may-see"
URL = "https://api.clearml.test"
NOW = 1_800_000_000.0


def soon() -> Cancel:
    return Cancel(10.0)


def token(expires: float | None = NOW + 3600, api: str = "2.34", user: str = "") -> str:
    claims: dict[str, Any] = {"api_version": api, "server_version": "2.3.0"}
    if expires is not None:
        claims["exp"] = expires
    if user:  # as real servers say it
        claims["identity"] = {"user": user, "role": "user"}
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{middle}.signature"


def envelope(
    data: dict[str, Any] | None = None, code: int = 200, subcode: int = 0, message: str = "OK"
) -> httpx.Response:
    meta = {"result_code": code, "result_subcode": subcode, "result_msg": message}
    return httpx.Response(code, json={"meta": meta, "data": data or {}})


Answer = Callable[[str, dict[str, Any]], httpx.Response]


class Script:
    """A server of one function; remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.requests: list[tuple[str, dict[str, Any], str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        endpoint = request.url.path.strip("/")
        body = json.loads(request.content or b"{}")
        self.requests.append((endpoint, body, request.headers["authorization"]))
        return self._answer(endpoint, body)

    def endpoints(self) -> list[str]:
        return [endpoint for endpoint, _, _ in self.requests]


def client(answer: Callable[[str, dict[str, Any]], httpx.Response]) -> tuple[ClearMLServer, Script]:
    script = Script(answer)
    return ClearMLServer(URL + "/", "ACCESS", SECRET, lambda: NOW, httpx.MockTransport(script)), script


def normal(endpoint: str, _body: dict[str, Any]) -> httpx.Response:
    data: dict[str, dict[str, Any]] = {
        "auth.login": {"token": token()},
        "users.get_current_user": {"user": {"id": "u1", "name": "Ada", "company": "c1"}},
    }
    return envelope(data.get(endpoint, {}))
