"""The sandbox's two servers on real sockets with the three users of the recording, and a clock that tests turn.

Test thread; the servers answer in threads of their own.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop_app.sandbox.handlers import files, queues
from desktop_app.sandbox.rules.auth import Auth
from desktop_app.sandbox.rules.call import Server as Core
from desktop_app.sandbox.rules.limits import Limits
from desktop_app.sandbox.rules.store import Store
from desktop_app.sandbox.web import app, server
from tests.contract.recorded.replay import Server

COMPANY = "clearml"
USERS = {"alice": "Alice Müller", "bob": "Bob", "agent": "Agent"}
SIGNING_KEY = b"r" * 64


class TurnedClock:
    """The real time, and whatever a test skips."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def __call__(self) -> float:
        return time.time() + self._skipped

    def skip(self, seconds: float) -> None:
        self._skipped += seconds


@contextmanager
def recorded_server(folder: Path) -> Iterator[Server]:
    """A sandbox of its own in that folder, and a client of it that has signed in as every user."""
    clock, limits = TurnedClock(), Limits()
    store = Store(folder / "server.sqlite")
    auth = Auth(store, SIGNING_KEY, limits, clock)
    users = {user: auth.ensure_user(COMPANY, name) for user, name in USERS.items()}
    queues.make(store, auth.identity(users["alice"]).company, queues.DEFAULT, clock())
    pairs = {user: auth.mint(user_id) for user, user_id in users.items()}
    root = folder / "files"
    root.mkdir()
    api = server.Listener(app.build(Core(store, auth, limits, clock)), server.bind(0), threads=8)
    uploads = server.Listener(files.build(root, auth), server.bind(0), threads=4)
    api.start()
    uploads.start()
    try:
        keys = {user: [pair.access_key, pair.secret_key] for user, pair in pairs.items()}
        client = Server(api.url, uploads.url, keys, wait=clock.skip)
        client.sign_in()
        yield client
    finally:
        api.stop()
        uploads.stop()
        store.close()
