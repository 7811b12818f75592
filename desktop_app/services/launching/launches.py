"""Launches (``core.launches``): makes sessions, and knows what a launch may choose from. Any thread; blocking but for
``last_spec``.
"""

import logging
from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.accounts.account import Queue
from desktop_app.domain.launch.option import Kind
from desktop_app.domain.launch.options import LaunchSpec, options
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.accounts.servers import Servers
from desktop_app.services.connection.pending import PendingAttaches
from desktop_app.services.files.launch_uploads import LaunchUploads
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from desktop_app.services.launching.launcher import Launcher, requirement_notes
from desktop_app.services.state.account_store import AccountStore
from desktop_app.services.state.notices import Notice, Notices
from desktop_app.services.state.store import SessionStore

_log = logging.getLogger(__name__)


class Launches:
    """Launches sessions. ``announce(session)``: all of this computer's SessionDock should look at its server now."""

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        accounts: AccountStore,
        servers: Servers,
        profiles: LaunchProfiles,
        uploads: LaunchUploads,
        pending: PendingAttaches,
        notices: Notices,
        announce: Callable[[SessionId], None],
    ) -> None:
        self._outside = outside
        self._accounts = accounts
        self._servers = servers
        self._profiles = profiles
        self._uploads = uploads
        self._pending = pending
        self._notices = notices
        self._announce = announce
        self._launcher = Launcher(outside, store)

    def queues(self, account: str, cancel: Cancel) -> tuple[Queue, ...]:
        """Return the queues of this account's server. Problems: server.*"""
        return self._servers.of(account, cancel).queues.all(cancel)

    def last_spec(self, account: str) -> LaunchSpec:
        """Return the launch that is remembered for this account, the defaults at first. Quick."""
        return self._profiles.last_launch(account)

    def requirement_notes(self, spec: LaunchSpec) -> tuple[str, ...]:
        """Return what of the packages of a launch an agent does not heed, in sentences. Reads the named file."""
        return requirement_notes(spec, self._outside.text_files)

    def launch(
        self, account: str, spec: LaunchSpec, cancel: Cancel, *, attach: bool = True, profile: str = ""
    ) -> SessionId:
        """Create the session and enqueue it; it appears in the store.

        ``attach``: it is attached by itself once it is ready. ``profile``: the one that the launch comes from,
        remembered for its queue. Problems: launch.invalid, queue.unknown, server.*, keyring.*
        """
        for name, option in options().items():
            if option.kind is Kind.SECRET and getattr(spec, name):
                self._outside.register_secret(getattr(spec, name))  # before anything is logged of it
        self._uploads.check(spec)
        server = self._servers.of(account, cancel)
        session = self._launcher.launch(self._accounts.find(account), server, spec, cancel)
        if spec.store_defaults:
            self._profiles.note_launch(account, spec, profile)
        if attach:
            self._pending.attach_when_up(session)
        self._announce(session)
        self._uploads.want(session, spec)
        for note in self.requirement_notes(spec):
            _log.info("the requirements of %s: %s", session.text, note)
            self._notices.tell(Notice("Some requirements are ignored", note, session))
        return session
