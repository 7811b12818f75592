"""Core: the whole product without a face. Any thread; see ``services.api`` for what may block.

This file only puts the services together; each part of the facade is one small class below. The work is in accounts,
launcher, links and their threads.
"""

import logging
import shlex
import threading
from collections.abc import Callable, Sequence

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.peers import WINDOW
from desktop_app.domain.access.open_in import TERMINAL
from desktop_app.domain.accounts.account import Account, LogLine, Queue
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.launch.options import LaunchSpec, from_profile, to_profile
from desktop_app.domain.problems import Problem, failure
from desktop_app.domain.sessions.reducer import ServerSaw, StopRequested, advance
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId, SessionSnapshot
from desktop_app.services.accounts.credential_import import CredentialImport
from desktop_app.services.accounts.routes import Routes
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.handovers import Handovers
from desktop_app.services.connection.key_access import KeyAccess
from desktop_app.services.connection.known_sessions import KnownSessions
from desktop_app.services.doctor.stages import Doctor
from desktop_app.services.doctor.trouble import Trouble
from desktop_app.services.files.access import Files
from desktop_app.services.files.launch_uploads import LaunchUploads
from desktop_app.services.files.transfers import Transfers
from desktop_app.services.finished.cleanup import Cleanup
from desktop_app.services.finished.history import History
from desktop_app.services.launching.kept_sums import KeptSums
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from desktop_app.services.launching.launcher import requirement_notes
from desktop_app.services.launching.placing import Placing
from desktop_app.services.parts import Parts, make_parts
from desktop_app.services.ports.access import Ports
from desktop_app.services.ports.watch import PortWatch
from desktop_app.services.runtime.jobs import log_problem
from desktop_app.services.runtime.shutdown import Part, close_all
from desktop_app.services.secrets.forgetting import forget_session
from desktop_app.services.secrets.git_logins import GitKeyring
from desktop_app.services.secrets.passwords import Passwords
from desktop_app.services.secrets.redaction import LogTail
from desktop_app.services.ssh.elsewhere import no_browser
from desktop_app.services.state.notices import Notice, notice_of
from desktop_app.services.state.task_failure import explained

ATTACH_S = 30.0

_log = logging.getLogger(__name__)


class AccountOps:
    """Accounts and what a launch may choose from."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.store = parts.store
        self.jobs = parts.jobs
        self.routes = Routes(parts.outside)
        self.profiles = LaunchProfiles(parts.outside.launch_profiles, parts.outside.text_files)
        parts.accounts.before_removal.append(self.profiles.forget_account)
        self.trouble = Trouble(parts.outside, self.profiles, parts.tail)
        self.aliases = parts.aliases
        self.glance = parts.accounts.glance
        self.open_in = parts.open_in

    def accounts(self) -> tuple[Account, ...]:
        return self._parts.accounts.all()

    def account_problem(self, account: str) -> Problem | None:
        return self._parts.accounts.problem(account)

    def use_sandbox(self, cancel: Cancel) -> Account:
        return self._parts.accounts.use_sandbox(cancel)

    def add_account(self, api_url: str, access_key: str, secret: str, cancel: Cancel) -> Account:
        return self.credentials.use(Credentials(api_url, access_key.strip(), secret.strip()), cancel)

    @property
    def credentials(self) -> CredentialImport:
        return self._parts.credentials

    def remove_account(self, account: str, cancel: Cancel) -> None:
        cancel.check()
        self._parts.accounts.remove(account)

    def queues(self, account: str, cancel: Cancel) -> tuple[Queue, ...]:
        return self._parts.accounts.server(account, cancel).queues(cancel)

    def last_spec(self, account: str) -> LaunchSpec:
        return from_profile(self._parts.outside.profiles.last_launch(account))

    def refresh(self, account: str, seconds: float) -> bool:
        """Block until the store holds facts that are newer than this call; False when that took too long."""
        return self._parts.accounts.wait_polled(account, seconds)

    def look(self, account: str, cancel: Cancel) -> None:
        """One query of this account's sessions into the store, for a face that does not stay. A sandbox that does not
        run has no session, unless it died and one is attached yet. Problems: server.no_sandbox, the server's own"""
        found = self.find_account(account)
        if found.sandbox and not self.sandbox_address() and self._parts.links.others_hold(account):
            raise failure("server.no_sandbox")
        self._parts.accounts.look(found, cancel)

    def everybodys(self, account: str, cancel: Cancel) -> tuple[SessionSnapshot, ...]:
        """The living sessions of all users of that account's workspace; the store keeps ours only."""
        seen = self._parts.accounts.server(account, cancel).everybodys(cancel)
        blank = ((SessionSnapshot(SessionId(account, one.task)), one.facts) for one in seen)
        return tuple(advance(snapshot, ServerSaw(facts)) for snapshot, facts in blank)

    def fetch(self, session: SessionId, cancel: Cancel) -> SessionSnapshot:
        """Read one session, an ended one too, into the store. Problems: task.gone, task.foreign"""
        server = self._parts.accounts.server(session.account, cancel)
        facts = server.session(session.task, cancel).facts
        self.store.see(session, explained(server, session.task, facts, cancel))
        return self.store.get(session) or SessionSnapshot(session)

    def watch(self, account: str) -> None:
        """Quick: keep this account's sessions up to date from now on (``start`` does so for all accounts)."""
        self._parts.accounts.watch(account)

    def find_account(self, name: str) -> Account:
        """Quick. By id or label. Problems: account.unknown"""
        return self._parts.accounts.find(name)

    def sandbox_address(self) -> str:
        """Of the running sandbox's API server, "" while none runs."""
        return self._parts.outside.sandbox.address()

    def stop_sandbox(self) -> bool:
        """End the sandbox with every session in it; False when none ran."""
        return self._parts.outside.sandbox.stop()

    def log_tail(self) -> Sequence[str]:
        return self._parts.tail.lines()


class SessionOps(AccountOps):
    """Launching and ending sessions."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._wanted_lock = threading.Lock()
        self._wanted: set[SessionId] = set()  # attach these once they are up

    def launch(
        self, account: str, spec: LaunchSpec, cancel: Cancel, *, attach: bool = True, profile: str = ""
    ) -> SessionId:
        """``profile``: the one that it comes from, remembered for its queue."""
        parts = self._parts
        server = parts.accounts.server(account, cancel)
        session = parts.launcher.launch(parts.accounts.find(account), server, spec, cancel)
        if spec.store_defaults:
            parts.outside.profiles.save_last_launch(account, to_profile(spec))
            self.profiles.note_launch(account, spec, profile)
        if attach:
            self.attach_when_up(session)
        self._tell(session)
        return session

    def attach_when_up(self, session: SessionId) -> None:
        """Quick: attach that session as soon as the server says that it is up."""
        with self._wanted_lock:
            self._wanted.add(session)
        snapshot = self.store.get(session)
        if snapshot is not None:
            self._attach_if_wanted(snapshot)

    def _attach_if_wanted(self, snapshot: SessionSnapshot) -> None:
        if snapshot.remote not in (Remote.READY, Remote.ENDED):
            return
        with self._wanted_lock:
            if snapshot.id not in self._wanted:
                return
            self._wanted.discard(snapshot.id)
        if snapshot.remote is Remote.READY and snapshot.link is Link.OFF:
            self.jobs.submit(f"attach {snapshot.name}", self._auto_attach(snapshot.id), log_problem)

    def _auto_attach(self, session: SessionId) -> Callable[[Cancel], object]:
        def attach(cancel: Cancel) -> None:
            limited = Cancel(ATTACH_S)
            cancel.on_cancel(limited.cancel)
            self._parts.links.attach(session, limited)

        return attach

    def _tell(self, session: SessionId) -> None:
        """Everybody on this computer should see now what has changed on the server."""
        self._parts.accounts.poke(session.account)
        self._parts.links.others.tell_window(session)

    def move_to_queue(self, session: SessionId, queue: str, cancel: Cancel) -> None:
        """As ``Placing.put``."""
        Placing(self._parts.outside, self.store, self._parts.accounts.server).put(session, queue, cancel)
        self._tell(session)

    def stop(self, session: SessionId, cancel: Cancel) -> None:
        self.store.apply(session, StopRequested())
        try:
            self._parts.accounts.server(session.account, cancel).stop(session.task, cancel)
        except BaseException:
            self.store.apply(session, StopRequested(undone=True))
            raise
        self._tell(session)

    def end_anyway(self, session: SessionId, cancel: Cancel) -> None:
        self._parts.accounts.server(session.account, cancel).end_anyway(session.task, cancel)
        self._tell(session)

    def forget(self, session: SessionId) -> None:
        self.store.remove(session)
        outside = self._parts.outside
        self.jobs.submit("forget a session", lambda _cancel: forget_session(outside, session), log_problem)

    def log(self, session: SessionId, since: int, cancel: Cancel) -> tuple[LogLine, ...]:
        return self._parts.accounts.server(session.account, cancel).log(session.task, since, cancel)


class LinkOps(SessionOps):
    """The connection, and what it is for."""

    def attach(self, session: SessionId, cancel: Cancel) -> None:
        self._parts.links.attach(session, cancel)

    def detach(self, session: SessionId, cancel: Cancel) -> None:
        cancel.check()
        with self._wanted_lock:
            self._wanted.discard(session)
        self._parts.links.detach(session)

    def reconnect(self, session: SessionId) -> None:
        if not self._parts.links.reconnect(session):
            self.jobs.submit("reconnect", self._auto_attach(session), log_problem)

    def login_page(self, session: SessionId, app: str, cancel: Cancel) -> str:
        cancel.check()
        return self._parts.links.login_page(session, app)

    def open_app(self, session: SessionId, app: str, cancel: Cancel) -> None:
        url = self.login_page(session, app, cancel)
        if not self._parts.outside.open_url(url):
            raise no_browser(url, self._parts.links.status(session).get("ports", {}).get(app, 0))

    def open_terminal(self, session: SessionId, cancel: Cancel) -> None:
        cancel.check()
        argv = self._parts.links.ssh_command(session)
        chosen = self._parts.outside.profiles.preference(TERMINAL)
        if not self._parts.outside.open_terminal(argv, chosen):
            raise failure("open.no_terminal", command=shlex.join(argv))

    def ssh_command(self, session: SessionId, cancel: Cancel) -> str:
        cancel.check()
        argv = self._parts.links.ssh_command(session)
        return self.aliases.short_command(session) or shlex.join(argv)

    @property
    def links(self) -> Connections:
        """Who holds what on this computer (for the command line and the window's single instance)."""
        return self._parts.links


class Core(LinkOps):
    """Implements ``services.api.Core``."""

    def __init__(self, outside: Outside, role: str = WINDOW, tail: LogTail | None = None) -> None:
        super().__init__(make_parts(outside, role, tail))
        self._role = role
        parts = self._parts
        self.cleanup = Cleanup(outside, parts.store, parts.accounts.server)
        self.history = History(outside, parts.store, parts.accounts.server)
        self.keys = KeyAccess(outside, parts.accounts.server)
        self.passwords = Passwords(outside, self._parts.store, self._parts.accounts.server)
        self.doctor = Doctor(outside, parts.store, parts.accounts, parts.tail.lines)
        self.ports = Ports(outside, parts.store, parts.links)
        self.handovers = Handovers(outside, parts.store, parts.links, parts.jobs, parts.accounts.find)
        self.git_logins = GitKeyring(outside)
        parts.accounts.on_switched.append(self.handovers.key_switched)
        self._port_watch = PortWatch(self.ports, outside, parts.store, parts.links)
        self._notice_lock = threading.Lock()
        self._notice_callbacks: list[Callable[[Notice], None]] = []
        self._unsubscribe = self.store.subscribe(self._on_change)
        self._closed = False
        self.known = KnownSessions(outside, parts.store, parts.links, parts.jobs)
        self._kept = KeptSums(outside, parts.store, parts.jobs)
        parts.accounts.on_changed.append(self.known.tell_others)
        parts.polled.append(lambda account: self.known.polled(account, parts.accounts.problem(account)))
        self.files = Files(outside, parts.accounts.server, parts.links.held, parts.links.is_held, self.known.facts)
        self.transfers = Transfers(self.files)
        names = parts.links.ownership
        self.uploads = LaunchUploads(
            outside.uploads, names, self.store, self.transfers, parts.jobs, parts.accounts.server, self._notify
        )
        if role == WINDOW:  # a command line that lists sessions must not begin uploads
            parts.polled.append(self.uploads.look)

    def launch(
        self, account: str, spec: LaunchSpec, cancel: Cancel, *, attach: bool = True, profile: str = ""
    ) -> SessionId:
        self.uploads.check(spec)
        session = super().launch(account, spec, cancel, attach=attach, profile=profile)
        self.uploads.want(session, spec)
        for note in requirement_notes(spec):
            _log.info("the requirements of %s: %s", session.text, note)
            self._notify(Notice("Not all of the requirements are heeded", note, session))
        return session

    def start(self) -> None:
        if self._role == WINDOW:  # what a killed window held, this one takes up again
            for text in self._parts.outside.profiles.attached():
                self.attach_when_up(SessionId.parse(text))
            self._parts.links.watch_system()
        self._parts.accounts.start()
        for found in self.trouble.files():
            _log.warning("%s", found)
            self._notify(Notice(found.title, found.detail))

    def close(self, deadline: float = 3.0) -> None:
        if self._closed:
            return
        self._closed = True
        parts = self._parts
        self._unsubscribe()
        self.uploads.close()
        self.known.close()
        self._kept.close()
        self.handovers.close()
        close_all(
            (
                Part("connections", parts.links.cancel, parts.links.close),
                Part("port rules", self._port_watch.cancel, self._port_watch.close),
                Part("aliases", parts.aliases.cancel, parts.aliases.close),
                Part("transfers", self.transfers.cancel_all, self.transfers.close),
                Part("jobs", parts.jobs.cancel, parts.jobs.close),
                Part("accounts", parts.accounts.cancel, parts.accounts.close),
            ),
            deadline,
        )
        parts.outside.sandbox.release()

    def on_notice(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        with self._notice_lock:
            self._notice_callbacks.append(callback)
        return lambda: self._drop(callback)

    def _drop(self, callback: Callable[[Notice], None]) -> None:
        with self._notice_lock:
            if callback in self._notice_callbacks:
                self._notice_callbacks.remove(callback)

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        if new is not None:
            self._attach_if_wanted(new)
        notice = notice_of(old, new)
        if notice is not None:
            self._notify(notice)

    def _notify(self, notice: Notice) -> None:
        with self._notice_lock:
            callbacks = tuple(self._notice_callbacks)
        for callback in callbacks:
            callback(notice)
