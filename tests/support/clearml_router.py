"""ClearML Enterprise's application router, as far as a session sees it: there is none here to test against.

Built after what clearml-session and the clearml SDK do with it: it watches running tasks with the system tag
``external_service`` whose runtime property ``_SERVICE`` is ``EXTERNAL_TCP``, makes a route to the address and port that
they name, and writes where the route begins in their place. One thread; the routes are relays on loopback.
"""

import threading
from types import TracebackType
from typing import Any

from tests.support.relay import Relay
from tests.support.sandbox_server import RealApi

HOST = "127.0.0.2"  # not the machine's own address, as with a real one
LOOK_SECONDS = 0.3


class ClearmlRouter:
    """``with ClearmlRouter(api) as router``: serves every task of that server."""

    def __init__(self, api: RealApi, reach: str = "") -> None:
        """``reach``: where the machines are really reached, whatever address their tasks name."""
        self._api = api
        self._reach = reach
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.routes: dict[str, Relay] = {}
        self._thread = threading.Thread(target=self._run, name="clearml-router")

    def move(self, task: str) -> None:
        """Another port; what ran over the old one is cut."""
        with self._lock:
            old = self.routes[task]
            self._serve(task, old.target)
        old.close()

    def __enter__(self) -> "ClearmlRouter":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(10)
        for relay in self.routes.values():
            relay.close()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            body = {"system_tags": ["external_service"], "status": ["in_progress"], "search_hidden": True}
            found = self._api.call("tasks.get_all", only_fields=["id", "runtime"], **body)["tasks"]
            with self._lock:
                for task in found:
                    self._look(task["id"], task.get("runtime") or {})

    def _look(self, task: str, runtime: dict[str, Any]) -> None:
        if runtime.get("_SERVICE") == "EXTERNAL_TCP" and task not in self.routes:
            self._serve(task, (self._reach or runtime["external_address"], int(runtime["external_tcp_port"])))

    def _serve(self, task: str, upstream: tuple[str, int]) -> None:
        relay = self.routes[task] = Relay(upstream, HOST)
        place = {"external_address": relay.address, "external_tcp_port": str(relay.port)}
        runtime = self._api.call("tasks.get_by_id", task=task)["task"]["runtime"]
        self._api.call("tasks.edit", task=task, runtime={**runtime, **place}, force=True)
