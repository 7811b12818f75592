"""ClearMLServer: one ClearML account over HTTP, put together of its parts. Any thread."""

import time
from collections.abc import Callable

import httpx

from desktop_app.adapters.clearml.calls.queues import QueueCalls
from desktop_app.adapters.clearml.calls.search import TaskSearch
from desktop_app.adapters.clearml.calls.seen import Completion
from desktop_app.adapters.clearml.calls.sessions import SessionCalls
from desktop_app.adapters.clearml.calls.tasks import TaskCalls
from desktop_app.adapters.clearml.calls.user import UserCalls
from desktop_app.adapters.clearml.lookups.names import Names
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.server import NextKey, Server


class ClearMLServer(Server):
    """One account of a ClearML server. Without an access key, ``secret`` is a token that was made elsewhere."""

    def __init__(
        self,
        api_url: str,
        access_key: str,
        secret: str,
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        trust: str = "",
        next_key: NextKey = lambda _refused: None,
    ) -> None:
        self._connection = Connection(api_url, access_key, secret, clock, transport, trust, next_key)
        names = Names(self._connection)
        search = TaskSearch(self._connection)
        user = UserCalls(self._connection)
        queues = QueueCalls(self._connection, user, names)
        self.user = user
        self.queues = queues
        self.tasks = TaskCalls(self._connection, user, queues, search)
        completion = Completion(self._connection, user, queues, names)
        self.sessions = SessionCalls(self._connection, user, search, completion)

    def close(self) -> None:
        self._connection.close()
