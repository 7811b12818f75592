"""Files (``core.files``): uploads, downloads and a look at a session's folders. Blocking; any thread.

Each call makes a connection of its own to the session's machine, whoever holds the tunnel, and makes it again when it
breaks: files that are done stay done, the one under way goes on where it was.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.boundary.files import RemoteFiles
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain import backoff
from desktop_app.domain.files.remote_files import FileKind, RemoteEntry
from desktop_app.domain.files.transfer import SESSION_FILES, Summary
from desktop_app.domain.problems import AppError, Problem, Retry, failure
from desktop_app.domain.sessions.snapshot import Remote, ServerFacts, SessionId
from desktop_app.services.accounts.routes import route_of
from desktop_app.services.connection.session.clearml_session import ClearmlSessionAccess
from desktop_app.services.connection.session.key_access import key_of
from desktop_app.services.connection.session.session_tunnel import SessionTunnel
from desktop_app.services.connection.session.trust import RecordTrust
from desktop_app.services.files import trees
from desktop_app.services.files.downloader import Downloader
from desktop_app.services.files.run import Meter, Run, Tell
from desktop_app.services.files.uploader import Uploader
from remote_bootstrap import contract

T = TypeVar("T")

STORE_LOOK_S = 2.0
TRIES = 10  # in a row without a single byte; some three minutes

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """One remote folder, folders first. ``home`` is the user's home there."""

    folder: str
    home: str
    entries: tuple[RemoteEntry, ...]


class Files:
    """``server``: the account's server; ``held``: our own tunnel to a session, None while we hold none; ``attached``:
    whether any process of ours holds one; ``known``: the facts to use when the server fails with that problem."""

    def __init__(
        self,
        outside: Outside,
        server: Callable[[str, Cancel], Server],
        held: Callable[[SessionId], SessionTunnel | None],
        attached: Callable[[SessionId], bool],
        known: Callable[[SessionId, Problem], ServerFacts | None],
    ) -> None:
        self._outside = outside
        self._server = server
        self._held = held
        self._attached = attached
        self._known = known

    def upload(self, session: SessionId, paths: Sequence[Path], to: str, tell: Tell, cancel: Cancel) -> Summary:
        """Copy files and folders into the remote folder ``to`` ("" = ~/session-files). What is left out is named in the
        summary. Problems: files.*, ssh.*"""
        run = Run(Meter(tell), cancel)
        where = ""

        def work(files: RemoteFiles) -> None:
            nonlocal where
            where = remote_folder(files, to or f"~/{SESSION_FILES}", cancel)
            items = list(trees.local_items(list(paths), run.skip, cancel))
            Uploader(files, run, where).transfer(items)

        self._persist(session, work, run)
        return run.summary(where)

    def download(self, session: SessionId, remotes: Sequence[str], to: Path, tell: Tell, cancel: Cancel) -> Summary:
        """Copy files and folders of the session to this computer; relative paths start at the remote home."""
        run = Run(Meter(tell), cancel)

        def work(files: RemoteFiles) -> None:
            paths = [absolute(files, path, cancel) for path in remotes]
            items = list(trees.remote_items(files, paths, run.skip, cancel))
            Downloader(files, run, to).transfer(items)

        self._persist(session, work, run)
        return run.summary(str(to))

    def browse(self, session: SessionId, folder: str, cancel: Cancel) -> Listing:
        """List one remote folder ("" = ~/session-files, or home where there is none). Problems: files.*, ssh.*"""

        def work(files: RemoteFiles) -> Listing:
            where = absolute(files, folder or f"~/{SESSION_FILES}", cancel)
            if not folder and files.stat(where, cancel) is None:
                where = files.home(cancel)
            entries = sorted(files.list(where, cancel), key=lambda e: (e.kind is not FileKind.FOLDER, e.name.lower()))
            return Listing(where, files.home(cancel), tuple(entries))

        return self._once(session, work, cancel)

    def store_workspace(self, session: SessionId, tell: Callable[[str], None], cancel: Cancel) -> str:
        """Store the session's workspace now; what came of it. ``tell`` hears how far it is. Problems: files.*, ssh.*"""

        def work(files: RemoteFiles) -> str:
            while True:
                cancel.check()
                answer = files.request(contract.OP_SYNC_WORKSPACE, {"wait": STORE_LOOK_S}, cancel)
                if answer.get("done"):
                    return str(answer.get("text", ""))
                tell(str(answer.get("text", "")))

        return self._once(session, work, cancel)

    # -- the connection

    def _persist(self, session: SessionId, work: Callable[[RemoteFiles], None], run: Run) -> None:
        """Repeat ``work`` until it is through; a broken connection is made again as long as that leads anywhere."""
        tries, moved = 0, 0
        while True:
            try:
                self._once(session, work, run.cancel)
                return
            except AppError as error:
                tries = 1 if run.travelled > moved else tries + 1
                moved = run.travelled
                if error.problem.retry is not Retry.AUTO or tries > TRIES:
                    raise
                why = error.problem
            run.cancel.check()
            _log.info("transfer with %s: %s [%s]", session.text, why.title, why.cause or why.code)
            run.meter.change(soon=True, waiting=why.title)
            pace = self._outside.pace
            run.cancel.wait(backoff.delay(tries, self._outside.jitter(), pace.redial_first_s, pace.redial_last_s))
            run.cancel.check()

    def _once(self, session: SessionId, work: Callable[[RemoteFiles], T], cancel: Cancel) -> T:
        files = self._outside.new_files()
        try:
            files.connect(self._target(session, cancel), cancel)
            return work(files)
        finally:
            files.disconnect()

    def _target(self, session: SessionId, cancel: Cancel) -> Target:
        mine = self._held(session)
        if mine is not None and mine.target is not None:
            return mine.target
        server = self._server(session.account, cancel)
        facts = self._facts(session, server, cancel)
        if facts.remote is not Remote.READY:
            raise failure("files.ended", name=facts.name)
        if facts.clearml_session is not None:
            if not self._attached(session):  # nobody has been told yet what such a session is worth
                raise failure("ssh.not_attached", name=facts.name, task=session.task[:8])
            return ClearmlSessionAccess(session, self._outside).target(facts.clearml_session, server, cancel)
        record = RecordTrust(session, self._outside).believed(facts, server, cancel)
        key = key_of(self._outside, session, server, cancel)
        return Target(record, key, *route_of(self._outside, session.account))

    def _facts(self, session: SessionId, server: Server, cancel: Cancel) -> ServerFacts:
        """Return the server's facts, else those that are known: the session's machine may well be up."""
        try:
            return server.sessions.get(session.task, cancel).facts
        except AppError as error:
            known = self._known(session, error.problem)
            if known is None:
                raise
            return known


def remote_folder(files: RemoteFiles, folder: str, cancel: Cancel) -> str:
    """Return an absolute remote folder that exists."""
    where = absolute(files, folder, cancel)
    files.make_folder(where, cancel)
    return where


def absolute(files: RemoteFiles, path: str, cancel: Cancel) -> str:
    if path == "~" or path.startswith("~/"):
        path = path[2:]
    return path if path.startswith("/") else f"{files.home(cancel)}/{path}".rstrip("/") or "/"
