"""Which changes are worth a notification: one pure rule over (old, new); and who hears of them. Any thread."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from desktop_app.domain.sessions.snapshot import WAITING, End, Link, Remote, SessionId, SessionSnapshot, openable
from desktop_app.services.state.store import SessionStore
from remote_bootstrap.contract import APP_FAILED, ENDED_BY_MACHINE
from remote_bootstrap.contract.apps import APPS


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell a user who does not look at the window. ``session`` is what a click shows."""

    title: str
    body: str
    session: SessionId | None = None
    urgent: bool = False


class Notices:
    """Tells its subscribers what a user should hear of: changes of sessions, and what services ``tell``."""

    def __init__(self, store: SessionStore) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[Notice], None]] = []
        self._unsubscribe = store.subscribe(self._on_change)

    def subscribe(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        """Call back on the thread that has something to tell; returns what ends that. Quick."""
        with self._lock:
            self._callbacks.append(callback)
        return lambda: self._drop(callback)

    def _drop(self, callback: Callable[[Notice], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def tell(self, notice: Notice) -> None:
        """Hand this notice to all subscribers."""
        with self._lock:
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            callback(notice)

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        notice = notice_of(old, new)
        if notice is not None:
            self.tell(notice)

    def close(self) -> None:
        """Follow the sessions no longer."""
        self._unsubscribe()


def notice_of(old: SessionSnapshot | None, new: SessionSnapshot | None) -> Notice | None:
    """Return the notice of one change, or None: nothing is told that was so when the session was first seen."""
    if old is None or new is None:
        return None
    for rule in (_ended, _blocked, _app_failed, _usable, _warned):
        notice = rule(old, new)
        if notice is not None:
            return notice
    return None


def _ended(old: SessionSnapshot, new: SessionSnapshot) -> Notice | None:
    if new.remote is not Remote.ENDED or old.remote is Remote.ENDED:
        return None
    if new.facts.end is End.FAILED:
        why = new.problem.detail if new.problem else new.facts.message
        return Notice(f"“{new.name}” failed", why, new.id, urgent=True)
    if old.stop_requested:
        return Notice(f"“{new.name}” was shut down", "", new.id)
    if new.facts.message.startswith(ENDED_BY_MACHINE):
        return Notice(f"“{new.name}” ended", "Its machine ended it; no user shut it down.", new.id)
    return Notice(f"“{new.name}” ended", f"Its task was {new.facts.end.value or 'ended'} on the server.", new.id)


def _blocked(old: SessionSnapshot, new: SessionSnapshot) -> Notice | None:
    if new.link is not Link.BLOCKED or old.link is Link.BLOCKED or new.problem is None:
        return None
    return Notice(f"“{new.name}” needs you", str(new.problem), new.id, urgent=True)


def _app_failed(old: SessionSnapshot, new: SessionSnapshot) -> Notice | None:
    for endpoint in new.endpoints:
        before = old.endpoint(endpoint.app)
        if endpoint.state == APP_FAILED and (before is None or before.state != APP_FAILED):
            return Notice(f"{endpoint.label} failed in “{new.name}”", endpoint.detail, new.id)
    return None


def _usable(old: SessionSnapshot, new: SessionSnapshot) -> Notice | None:
    fresh = [a.label for a in APPS if a.opens == "browser" and openable(new, a.key) and not openable(old, a.key)]
    wanted = [a.key for a in APPS if a.opens == "browser" and new.endpoint(a.key)]
    if fresh and old.link is not Link.RETRYING:
        return Notice(f"“{new.name}” is ready", f"{' and '.join(fresh)} can be opened.", new.id)
    if not wanted and new.link is Link.UP and old.link is Link.CONNECTING:
        return Notice(f"“{new.name}” is ready", "SSH is connected.", new.id)
    return None


def _warned(old: SessionSnapshot, new: SessionSnapshot) -> Notice | None:
    fresh = new.notice
    said = old.notice is not None and fresh is not None and old.notice.code == fresh.code
    if fresh is None or fresh == old.notice or (said and fresh.code != "session.notice"):
        fresh = new.problem if new.remote in WAITING and new.problem != old.problem else None
    return Notice(f"“{new.name}”: {fresh.title}", fresh.detail, new.id) if fresh else None
