"""ClearML's application router (Enterprise): asks it for a TCP route to the SSH server, and follows what it answers.

The router watches the running tasks that have its system tag. Such a task tells in its runtime properties where it
listens; the router puts the address and port of its route in their place, and may change them later. Any member of the
workspace can write those properties as well, so the desktop does not read them: the session signs the address that it
finds there into its connection record. One thread (``router``).
"""

import threading
import time
import traceback
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple

from remote_bootstrap import contract
from remote_bootstrap.contract import clearml_session
from remote_bootstrap.task.report import ServerError, TaskServer, as_text
from remote_bootstrap.types import Log

WAIT_S = 30.0  # seconds that a route may take before the session is published without one
LOOKS = (2.0, 300.0)  # seconds between two looks: while a route is awaited, and afterwards, when ``news`` tells
LAST_PORT = 65535

NO_ROUTE = (
    "ClearML's router gave this session no route within %d seconds (it is part of ClearML Enterprise, and may not "
    "serve this queue). The session is at its direct address, %s port %d; a route that comes later is used."
)


class Place(NamedTuple):
    """Where something is reached."""

    address: str
    port: int


class RouteSeeker(threading.Thread):
    """``publish`` is called on this thread, each time the place to connect to is another one."""

    def __init__(
        self,
        task: str,
        server: TaskServer,
        publish: Callable[[Place], None],
        notice: Callable[[str], None],
        log: Log,
        wait_s: float = WAIT_S,
        looks: Tuple[float, float] = LOOKS,
    ) -> None:
        super().__init__(name="router", daemon=True)
        self._task = task
        self._server = server
        self._publish = publish
        self._notice = notice
        self._log = log
        self._wait_s = wait_s
        self._looks = looks
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._upstream: Optional[Place] = None
        self._direct = Place("", 0)
        self._asked = False
        self._deadline = 0.0
        self._published: Optional[Place] = None
        self._complained = False
        self._failures = 0

    def ask(self, upstream: Place, direct: Place) -> None:
        """Ask for a route to ``upstream``, this machine as its network sees it; without one ``direct`` is published.

        Any thread; again whenever the SSH server came up. A route that leads to where it was still leads there.
        """
        with self._lock:
            if upstream == self._upstream:
                return
            self._upstream = upstream
            self._direct = direct
            self._asked = False
            self._published = None
            self._deadline = time.monotonic() + self._wait_s
        self._wake.set()

    def news(self) -> None:
        """Look now: the task has changed. Any thread; quick."""
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    def run(self) -> None:
        while True:
            self._wake.wait(self._pause())
            self._wake.clear()
            if self._closed:
                return
            worked = [self._safely(step) for step in (self._look, self._without_route)]
            self._failures = 0 if all(worked) else self._failures + 1

    def _pause(self) -> float:
        """Return seconds; what failed is tried again, ever less often."""
        soon, late = self._looks
        if self._failures:
            return min(soon * 2.0 ** min(self._failures, 8), late)
        return soon if self._published is None else late

    def _safely(self, step: Callable[[], None]) -> bool:
        """Do it; True if it worked."""
        try:
            step()
        except ServerError as error:
            if not self._complained:
                self._log("ClearML's router can't be asked for a route yet: %s" % error)
            self._complained = True
        except Exception:  # thread boundary: the session stays where it is, and the next look tries again
            self._log(traceback.format_exc())
        else:
            return True
        return False

    def _look(self) -> None:
        """Ask for the route if need be, and use the one that is there. Raises ServerError."""
        with self._lock:
            upstream, asked = self._upstream, self._asked
        if upstream is None:
            return
        if not asked:
            self._request(upstream)
            with self._lock:
                self._asked = upstream == self._upstream
        place = place_of(self._read().get("runtime") or {})
        with self._lock:
            routed = place is not None and place != upstream and upstream == self._upstream
            withdrawn = place == upstream and self._published is not None
        if routed and place is not None:
            self._use(place, "ClearML's router leads to this session: %s port %d")
        elif withdrawn:
            self._use(self._direct, "ClearML's router has no route any more; the session is at %s port %d")

    def _request(self, upstream: Place) -> None:
        properties = {
            clearml_session.RUNTIME_SERVICE: clearml_session.SERVICE_TCP,
            clearml_session.RUNTIME_ADDRESS: upstream.address,
            clearml_session.RUNTIME_OUTER_PORT: str(upstream.port),
        }
        self._server.edit_runtime(properties)
        tags = [as_text(tag) for tag in self._read().get("system_tags") or []]
        if clearml_session.ROUTER_TAG not in tags:
            body = {"task": self._task, "system_tags": [*tags, clearml_session.ROUTER_TAG], "force": True}
            self._server.call("tasks.edit", body)
        self._log("asking ClearML's router for a route to %s port %d" % upstream)

    def _read(self) -> Dict[str, Any]:
        names = (clearml_session.RUNTIME_ADDRESS, clearml_session.RUNTIME_OUTER_PORT)
        fields = ["id", "system_tags", *("runtime." + name for name in names)]
        body = {"id": [self._task], "only_fields": fields, "search_hidden": True}
        tasks = self._server.call("tasks.get_all", body).get("tasks") or []
        return dict(tasks[0]) if tasks else {}

    def _use(self, place: Place, text: str) -> None:
        with self._lock:
            if place == self._published:
                return
            before, self._published = self._published, place
        self._log(text % place)
        try:
            self._publish(place)
        except BaseException:  # it is not, so the next look tries again
            with self._lock:
                if self._published == place:
                    self._published = before
            raise

    def _without_route(self) -> None:
        """Publish the direct place after a while: who can reach it shall not wait for a router that is not there."""
        with self._lock:
            waiting = self._upstream is not None and self._published is None
            late = waiting and time.monotonic() >= self._deadline
        if late:
            self._use(self._direct, "no route yet; the session is at %s port %d")
            self._notice(NO_ROUTE % (self._wait_s, *self._direct))  # once: what raises above is tried at each look


def place_of(runtime: Mapping[str, Any]) -> Optional[Place]:
    """Return the place in the runtime properties; None for what is no address with a port."""
    address = as_text(runtime.get(clearml_session.RUNTIME_ADDRESS)).strip()
    port = port_of(as_text(runtime.get(clearml_session.RUNTIME_OUTER_PORT)))
    return Place(address, port) if port and contract.usable_address(address) else None


def port_of(text: str) -> int:
    """Return the port, 0 for what is no port."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and 0 < int(digits) <= LAST_PORT else 0
