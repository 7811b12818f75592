"""Files (``core.files``): uploads, downloads and a look at a session's folders. Blocking; any thread.

Each call makes a connection of its own to the session's machine, whoever holds the tunnel, and makes it again when it
breaks: files that are done stay done, the one under way goes on where it was.
"""

import errno
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from desktop_app.domain import backoff
from desktop_app.domain.problems import AppError, Retry, failure
from desktop_app.domain.session import Remote, SessionId
from desktop_app.domain.transfer import SESSION_FILES, Item, ItemKind, Progress, Skipped, Summary, readable
from desktop_app.ports import Cancel, FileKind, RemoteEntry, RemoteFiles, Server, Target
from desktop_app.services.files import copy, trees
from desktop_app.services.files.copy import Blocked
from desktop_app.services.outside import Outside
from desktop_app.services.routes import route_of
from desktop_app.services.secrets.key_access import key_of
from desktop_app.services.session_tunnel import SessionTunnel
from desktop_app.services.trust import RecordTrust
from remote_bootstrap import contract

Tell = Callable[[Progress], None]
T = TypeVar("T")

TELL_EVERY_S = 0.1
STORE_LOOK_S = 2.0
TRIES = 10  # in a row without a single byte; some three minutes

HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOTDIR)  # the next file would fare no better
NOT_IN_WINDOWS = frozenset('\\:*?"<>|')

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """One remote folder, folders first. ``home`` is the user's home there."""

    folder: str
    home: str
    entries: tuple[RemoteEntry, ...]


class Meter:
    """Counts, and tells at most ten times a second."""

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._told = float("-inf")
        self.now = Progress()

    def change(self, *, soon: bool = False, **changes: object) -> None:
        self.now = replace(self.now, **changes)  # type: ignore[arg-type]  # callers name fields of Progress
        if soon or self._clock() - self._told >= TELL_EVERY_S:
            self._told = self._clock()
            self._tell(self.now)


@dataclass
class _Run:
    """What one transfer knows across its connections."""

    meter: Meter
    cancel: Cancel
    done: dict[str, bool] = field(default_factory=dict)  # relative path -> its checksum was compared
    unchanged: set[str] = field(default_factory=set)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    moved: int = 0  # bytes that really travelled or were found, over all tries

    def skip(self, what: Skipped) -> None:
        self.skipped.setdefault(what.path, replace(what, path=readable(what.path)))

    def summary(self, to: str) -> Summary:
        files = len(self.done)
        checked = all(self.done.values())
        return Summary(to, files, len(self.unchanged), self.meter.now.size, checked, tuple(self.skipped.values()))


class Files:
    """``server``: the account's server; ``held``: our own tunnel to a session, None while we hold none."""

    def __init__(
        self,
        outside: Outside,
        server: Callable[[str, Cancel], Server],
        held: Callable[[SessionId], SessionTunnel | None],
    ) -> None:
        self._outside = outside
        self._server = server
        self._held = held

    def upload(self, session: SessionId, paths: Sequence[Path], to: str, tell: Tell, cancel: Cancel) -> Summary:
        """Files and folders into the remote folder ``to`` ("" = ~/session-files). What is left out is named in the
        summary. Problems: files.*, ssh.*"""
        run = _Run(Meter(tell), cancel)
        where = ""

        def work(files: RemoteFiles) -> None:
            nonlocal where
            where = remote_folder(files, to or f"~/{SESSION_FILES}", cancel)
            items = list(trees.local_items(list(paths), run.skip, cancel))
            self._transfer(run, items, _Uploader(files, where, run))

        self._persist(session, work, run)
        return run.summary(where)

    def download(self, session: SessionId, remotes: Sequence[str], to: Path, tell: Tell, cancel: Cancel) -> Summary:
        """The same the other way; relative paths start at the remote home."""
        run = _Run(Meter(tell), cancel)

        def work(files: RemoteFiles) -> None:
            paths = [absolute(files, path, cancel) for path in remotes]
            items = list(trees.remote_items(files, paths, run.skip, cancel))
            self._transfer(run, items, _Downloader(files, to, run))

        self._persist(session, work, run)
        return run.summary(str(to))

    def browse(self, session: SessionId, folder: str, cancel: Cancel) -> Listing:
        """One remote folder ("" = ~/session-files, or home where there is none). Problems: files.*, ssh.*"""

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

    def _persist(self, session: SessionId, work: Callable[[RemoteFiles], None], run: _Run) -> None:
        """Until ``work`` is through; a broken connection is made again as long as that leads anywhere."""
        tries, moved = 0, 0
        while True:
            try:
                self._once(session, work, run.cancel)
                return
            except AppError as error:
                tries = 1 if run.moved > moved else tries + 1
                moved = run.moved
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
        facts = server.session(session.task, cancel).facts
        if facts.remote is not Remote.READY:
            raise failure("files.ended", name=facts.name)
        if facts.foreign is not None:  # its machine is known and trusted once it was attached
            raise failure("ssh.not_attached", name=facts.name, task=session.task[:8])
        record = RecordTrust(session, self._outside).believed(facts, server, cancel)
        key = key_of(self._outside, session, server, cancel)
        return Target(record, key, *route_of(self._outside, session.account))

    # -- the items

    def _transfer(self, run: _Run, items: Sequence[Item], copier: "_Uploader | _Downloader") -> None:
        files = [item for item in items if item.kind is ItemKind.FILE]
        run.meter.change(
            soon=True, waiting="", size=0, files=0, files_total=len(files), size_total=sum(item.size for item in files)
        )
        folders = [item for item in items if item.kind is ItemKind.FOLDER]
        links = [item for item in items if item.kind is ItemKind.LINK]
        blocked: set[str] = set()
        for item in (*folders, *files, *links):  # links last: nothing is ever written by way of one
            run.cancel.check()
            if any(item.path.startswith(path + "/") for path in blocked):
                run.skip(Skipped(item.source, "its folder was left out"))
            elif not self._one(run, item, copier) and item.kind is ItemKind.FOLDER:
                blocked.add(item.path)
        run.meter.change(soon=True, current="")

    def _one(self, run: _Run, item: Item, copier: "_Uploader | _Downloader") -> bool:
        """False when it had to be left out."""
        before = run.meter.now
        run.meter.change(current=readable(item.path))
        try:
            copier.copy(item)
            return True
        except (OSError, Blocked) as error:
            why = trees.reason(error) if isinstance(error, OSError) else str(error)
        except AppError as error:
            if error.problem.code not in (*trees.PER_FILE, "files.damaged"):
                raise
            why = error.problem.title[:1].lower() + error.problem.title[1:]
        run.skip(Skipped(item.source, why))
        run.meter.change(size=before.size, size_total=before.size_total - item.size)
        return False


class _Copier:
    """Notes what became of each file."""

    def __init__(self, files: RemoteFiles, run: _Run) -> None:
        self.files, self.run, self.cancel = files, run, run.cancel

    def moved(self, count: int) -> None:
        self.run.moved += count
        self.run.meter.change(size=self.run.meter.now.size + count)

    def file(self, item: Item, transfer: Callable[[], tuple[bool, bool]]) -> None:
        meter, run = self.run.meter, self.run
        if item.path in run.done:
            meter.change(size=meter.now.size + item.size)
        else:
            fresh, checked = transfer()
            run.done[item.path] = checked
            if not fresh:
                run.unchanged.add(item.path)
        meter.change(files=meter.now.files + 1)


class _Uploader(_Copier):
    def __init__(self, files: RemoteFiles, folder: str, run: _Run) -> None:
        super().__init__(files, run)
        self._folder = folder

    def copy(self, item: Item) -> None:
        target = f"{self._folder.rstrip('/')}/{item.path}"
        if item.kind is ItemKind.FILE:
            self.file(item, lambda: copy.upload(self.files, item, target, self.moved, self.cancel))
        elif item.kind is ItemKind.FOLDER:
            there = self.files.stat(target, self.cancel)
            if there is not None and there.kind is not FileKind.FOLDER:
                raise Blocked("something that is no folder is in the way")
            if there is None:
                self.files.make_folder(target, self.cancel)
        else:
            self._link(item, target)

    def _link(self, item: Item, target: str) -> None:
        there = self.files.stat(target, self.cancel)
        if there is not None and there.kind is not FileKind.LINK:
            raise Blocked("something that is no link is in the way")
        if there is not None:
            if self.files.link_target(target, self.cancel) == item.link:
                return
            self.files.remove(target, self.cancel)
        self.files.make_link(item.link, target, self.cancel)


class _Downloader(_Copier):
    def __init__(self, files: RemoteFiles, folder: Path, run: _Run) -> None:
        super().__init__(files, run)
        self._folder = folder

    def copy(self, item: Item) -> None:
        target = self._place(item)
        try:
            self._copy(item, target)
        except OSError as error:
            if error.errno in HOPELESS:
                raise failure("files.here", path=str(target), why=error.strerror, cause=str(error.errno)) from None
            raise

    def _place(self, item: Item) -> Path:
        names = item.path.split("/")
        if os.name == "nt" and any(set(name) & NOT_IN_WINDOWS for name in names):
            raise Blocked("Windows has no files of that name")
        if any(name in ("", ".", "..") or "\0" in name for name in names):  # whoever sends it means harm
            raise Blocked("no file can have that name")
        return self._folder.joinpath(*names)

    def _copy(self, item: Item, target: Path) -> None:
        if item.kind is ItemKind.FILE:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.file(item, lambda: copy.download(self.files, item, target, self.moved, self.cancel))
        elif item.kind is ItemKind.FOLDER:
            if target.is_symlink() or (target.exists() and not target.is_dir()):
                raise Blocked("something that is no folder is in the way")
            target.mkdir(parents=True, exist_ok=True)
        else:
            if target.is_symlink():
                target.unlink()
            elif target.exists():
                raise Blocked("something that is no link is in the way")
            target.symlink_to(item.link)


def remote_folder(files: RemoteFiles, folder: str, cancel: Cancel) -> str:
    """An absolute remote folder that exists."""
    where = absolute(files, folder, cancel)
    files.make_folder(where, cancel)
    return where


def absolute(files: RemoteFiles, path: str, cancel: Cancel) -> str:
    if path == "~" or path.startswith("~/"):
        path = path[2:]
    return path if path.startswith("/") else f"{files.home(cancel)}/{path}".rstrip("/") or "/"
