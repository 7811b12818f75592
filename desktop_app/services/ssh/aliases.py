"""Aliases: the names under which the user's own ssh, editors and file managers know sessions, kept up to date.

A session gets its alias when it is first connected on this computer and keeps it until it ends; while it is attached
its key is served by our ssh-agent. The store's writers only leave a note; one thread (``ssh-aliases``) does the files.
The user's own ssh configuration is changed by ``install`` and ``remove`` alone, which the user asked for.
"""

import logging
import queue
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

from desktop_app.boundary.connection import Target
from desktop_app.boundary.outside import Outside
from desktop_app.domain.access.ssh_alias import Alias, free_alias
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.files.disk import disk_problem
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId, SessionSnapshot
from desktop_app.services.ssh.known_aliases import KnownAliases
from desktop_app.services.state.store import SessionStore
from remote_bootstrap.contract.apps import SSH

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SshStatus:
    """Whether the user's ssh knows our sessions. ``line`` is what has to be in ``path``."""

    place: Place
    path: str
    line: str
    aliases: tuple[Alias, ...]


class Aliases:
    """Gives sessions their names, and takes them back.

    ``target``: returns what ssh gets in with where this process holds the connection, else None. ``held``: true where
    any process of ours holds it.
    """

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        target: Callable[[SessionId], Target | None],
        held: Callable[[SessionId], bool],
    ) -> None:
        self._outside = outside
        self.known = KnownAliases(outside.memory.aliases)
        self._store = store
        self._target = target
        self._held = held
        self._lock = threading.Lock()
        self._notes: queue.SimpleQueue[SessionId | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._lent: set[SessionId] = set()  # the thread's own
        self._unsubscribe = store.subscribe(self._on_change)

    # -- what faces ask

    def of(self, session: SessionId) -> Alias | None:
        """Return the session's alias, read anew."""
        return next((alias for alias in self.known.read() if alias.session == session.text), None)

    def named(self, name: str) -> Alias:
        """Return the alias of this name. Blocks (a file). Problems: ssh.no_alias"""
        known = self._outside.memory.aliases.all()
        found = next((alias for alias in known if alias.name == name), None)
        if found is None:
            names = [alias.name for alias in known]
            raise failure("ssh.no_alias", name=name, known=", ".join(names) or "none", near=nearest(name, names))
        return found

    def short_command(self, session: SessionId) -> str:
        """Return “ssh sd-name” where that works for this user, else "". Blocks (files)."""
        alias, config = self.of(session), self._outside.ssh_config
        try:
            known = alias is not None and config.place() is Place.TOP and alias.name in config.entries()
        except AppError:
            return ""
        return f"ssh {alias.name}" if alias and known else ""

    def status(self) -> SshStatus:
        """Return whether the user's ssh knows the sessions. Blocks (files). Problems: ssh.config_unwritable"""
        config = self._outside.ssh_config
        return SshStatus(config.place(), str(config.user), config.line, self._outside.memory.aliases.all())

    def install(self) -> bool:
        """Let the user's ssh read our file; False when it does already. Problems: ssh.config_*, file.unwritable"""
        self._publish()
        return self._outside.ssh_config.install()

    def remove(self) -> bool:
        """Undo that; False when there is nothing to undo. Problems: ssh.config_*"""
        return self._outside.ssh_config.remove()

    # -- following the sessions

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """Note a session whose alias may have to change. Quick; on a writer's thread."""
        changed = new or old
        if changed is not None and _is_news(old, new):
            self._note(changed.id)

    def polled(self, account: str) -> None:
        """Follow a poller: the server has just listed this account's sessions; what it doesn't list has ended."""
        for alias in self.known.read():
            session = SessionId.parse(alias.session)
            if session.account == account and self._store.get(session) is None and not self._held(session):
                self._note(session)

    def _note(self, session: SessionId) -> None:
        with self._lock:
            if self._closed:
                return
            self._notes.put(session)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="ssh-aliases", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (session := self._notes.get()) is not None:
            try:
                self._bring_up_to_date(session)
            except AppError as error:
                _log.warning("%s", error)
            except Exception as error:  # thread boundary
                if (found := disk_problem(error)) is not None:
                    _log.warning("the ssh alias of %s could not be kept up to date: %s", session.text, found)
                    continue
                _log.exception("the ssh alias of %s could not be kept up to date", session.text)

    def _bring_up_to_date(self, session: SessionId) -> None:
        now, target = self._store.get(session), self._target(session)
        if now is None or now.remote is Remote.ENDED:
            self._drop(session)
        elif now.link is Link.OFF or target is None:
            self._take_back(session)
        else:
            self._serve(now, target)

    def _serve(self, now: SessionSnapshot, target: Target) -> None:
        endpoint = now.endpoint(SSH.key)
        if endpoint is None or not endpoint.local_port:
            return
        self._lent.add(now.id)
        self._outside.ssh_access.lend(now.id.text, target)
        user, port = target.record.user, endpoint.local_port
        self._outside.memory.aliases.save(now.id.text, user, port, now.name, lambda taken: self._free(now, taken))
        self.known.read()
        self._publish()

    def _take_back(self, session: SessionId) -> None:
        """Take the key back, as the tunnel's end does, too; here it comes after a ``lend`` that was under way then."""
        self._lent.discard(session)
        self._outside.ssh_access.revoke(session.text)

    def _drop(self, session: SessionId) -> None:
        self._take_back(session)
        if self.of(session) is not None:
            self._outside.memory.aliases.drop(session.text)
            self.known.read()
            self._publish()

    def _free(self, snapshot: SessionSnapshot, taken: Collection[str]) -> str:
        names = {*taken, *self._outside.ssh_config.host_names()}
        return free_alias(snapshot.name, snapshot.id.task, names)

    def _publish(self) -> None:
        self._outside.ssh_config.publish(self._outside.memory.aliases.all)

    # -- the end

    def cancel(self) -> None:
        """Begin to end; what is noted is still done. Quick."""
        self._unsubscribe()
        with self._lock:
            self._closed = True
            self._notes.put(None)

    def close(self, seconds: float) -> tuple[str, ...]:
        """End; return the names of threads that outlive ``seconds``."""
        self.cancel()
        thread = self._thread
        if thread is None:
            return ()
        thread.join(seconds)
        if thread.is_alive():
            return (thread.name,)
        for session in tuple(self._lent):
            self._take_back(session)
        return ()


def _is_news(old: SessionSnapshot | None, new: SessionSnapshot | None) -> bool:
    """True if the session has just gone, detached, connected, or come under another local port."""
    if new is None or new.remote is Remote.ENDED:
        return True
    if new.link is Link.OFF:
        return old is not None and old.link is not Link.OFF
    was = old.endpoint(SSH.key) if old and old.link is Link.UP else None
    return new.link is Link.UP and (was is None or was != new.endpoint(SSH.key))
