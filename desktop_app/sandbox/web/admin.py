"""The sandbox's private calls, beside the public API on the same port: status, a key pair for the desktop, ending.

Only whoever can read the 0600 admin token in the sandbox's home may make them. Handlers run in the server's threads.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flask

from desktop_app.sandbox.rules.auth import Auth

PREFIX = "/_sandbox/"


@dataclass(frozen=True)
class Admin:
    """What the private calls act on. ``touch`` restarts the time after which an unused sandbox ends."""

    token: str
    auth: Auth
    user: str
    status: Callable[[], dict[str, Any]]
    touch: Callable[[], None]
    end: Callable[[], None]


def add_routes(app: flask.Flask, admin: Admin) -> None:
    """Answer POST requests below PREFIX; a wrong token gets 403 and nothing else."""

    def guarded(action: Callable[[], dict[str, Any]]) -> Callable[[], flask.Response]:
        def view() -> flask.Response:
            given = flask.request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {admin.token}".encode()):
                flask.abort(403)
            return flask.jsonify(action())

        return view

    def credential() -> dict[str, Any]:
        """Return the given pair if it is still the desktop user's, else a fresh one."""
        admin.touch()
        given = flask.request.get_json(silent=True) or {}
        access_key, secret_key = str(given.get("access_key", "")), str(given.get("secret_key", ""))
        if admin.auth.knows(access_key, secret_key) != admin.user:
            fresh = admin.auth.mint(admin.user)
            access_key, secret_key = fresh.access_key, fresh.secret_key
        return {"access_key": access_key, "secret_key": secret_key}

    def end() -> dict[str, Any]:
        admin.end()
        return {}

    actions = {"status": admin.status, "credential": credential, "end": end}
    for name, action in actions.items():
        app.add_url_rule(PREFIX + name, name, guarded(action), methods=["POST"])
