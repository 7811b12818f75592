"""SessionStore: one writer at a time, notifications in order, silence when nothing changed."""

import threading
from datetime import UTC, datetime

from desktop_app.domain.sessions.reducer import AttachRequested, StopRequested, TunnelUp
from desktop_app.domain.sessions.snapshot import Link, Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.services.state.store import SessionStore
from tests.support.guards import ExpectLog

ONE, TWO = SessionId("acc", "1" * 32), SessionId("acc", "2" * 32)
READY = ServerFacts(Remote.READY, "one")
Change = tuple[SessionSnapshot | None, SessionSnapshot | None]


def test_a_seen_session_appears_and_its_listeners_hear_of_it() -> None:
    store, heard = SessionStore(), list[Change]()
    store.subscribe(lambda old, new: heard.append((old, new)))
    store.see(ONE, READY)
    assert store.get(ONE) is not None
    assert [(old, new.name if new else "") for old, new in heard] == [(None, "one")]


def test_what_changes_nothing_is_silent() -> None:
    store, heard = SessionStore(), list[Change]()
    store.see(ONE, READY)
    store.subscribe(lambda old, new: heard.append((old, new)))
    store.see(ONE, READY)
    assert heard == []


def test_an_event_for_an_unknown_session_is_ignored() -> None:
    store = SessionStore()
    assert store.apply(ONE, TunnelUp()) is None
    assert store.all() == ()


def test_removing_tells_and_is_idempotent() -> None:
    store, heard = SessionStore(), list[Change]()
    store.see(ONE, READY)
    store.subscribe(lambda old, new: heard.append((old, new)))
    store.remove(ONE)
    store.remove(ONE)
    assert [new for _, new in heard] == [None]


def test_after_unsubscribing_nothing_is_heard() -> None:
    store, heard = SessionStore(), list[Change]()
    unsubscribe = store.subscribe(lambda old, new: heard.append((old, new)))
    unsubscribe()
    unsubscribe()
    store.see(ONE, READY)
    assert heard == []


def test_a_listener_that_writes_is_heard_in_order() -> None:
    """The second change, made inside the first one's notification, comes after it for every listener."""
    store, heard = SessionStore(), list[Link | bool]()

    def attach_at_once(old: SessionSnapshot | None, _new: SessionSnapshot | None) -> None:
        if old is None:
            store.apply(ONE, AttachRequested())

    store.subscribe(attach_at_once)
    store.subscribe(lambda _old, new: heard.append(new.link if new else False))
    store.see(ONE, READY)
    assert heard == [Link.OFF, Link.CONNECTING]


def test_a_failing_listener_does_not_stop_the_others(expected_log: ExpectLog) -> None:
    store, heard = SessionStore(), list[Change]()

    def fail(_old: SessionSnapshot | None, _new: SessionSnapshot | None) -> None:
        raise RuntimeError("a view was deleted")

    store.subscribe(fail)
    store.subscribe(lambda old, new: heard.append((old, new)))
    expected_log("a listener of the session store failed")
    store.see(ONE, READY)
    assert len(heard) == 1


def test_many_writers_lose_no_change() -> None:
    store, versions = SessionStore(), list[int]()
    store.see(ONE, READY)
    store.subscribe(lambda _old, new: versions.append(new.version if new else 0))

    def write() -> None:
        for _ in range(200):
            store.apply(ONE, StopRequested())
            store.apply(ONE, StopRequested(undone=True))

    threads = [threading.Thread(target=write, name=f"writer-{n}") for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions == sorted(versions)
    final = store.get(ONE)
    assert final is not None and versions[-1] == final.version


def test_newest_session_first() -> None:
    store = SessionStore()
    store.see(ONE, ServerFacts(Remote.READY, "old", created=datetime(2026, 1, 1, tzinfo=UTC)))
    store.see(TWO, ServerFacts(Remote.READY, "new", created=datetime(2026, 2, 1, tzinfo=UTC)))
    assert [snapshot.name for snapshot in store.all()] == ["new", "old"]
