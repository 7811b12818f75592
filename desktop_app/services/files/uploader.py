"""Copies items of this computer into a remote folder, over one connection. Blocking; one thread."""

import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desktop_app.boundary.files import RemoteFiles
from desktop_app.domain.files.remote_files import FileKind, Finish, MakeFolder, MakeLink, Put, RemoteEntry, Stat
from desktop_app.domain.files.transfer import Item, ItemKind, readable
from desktop_app.domain.problems import AppError, Cancelled, Retry
from desktop_app.services.files import copy, room, trees
from desktop_app.services.files.copier import Copier, windows
from desktop_app.services.files.copy import RESUMED, Blocked
from desktop_app.services.files.run import Run

NO_FOLDER_IN_THE_WAY = "something that is not a folder is in the way"
NO_LINK_IN_THE_WAY = "something that is not a link is in the way"


@dataclass(slots=True)
class _Sent:
    """A small file that is there under the name of its part."""

    item: Item
    finish: Finish
    size: int
    digest: str
    data: bytes  # until it has gone


@dataclass(frozen=True, slots=True)
class _Window:
    """Small files that went together, and where their checksums will come from."""

    sent: list[_Sent]
    again: list[Item]  # these did not go
    sums: Callable[[], tuple[str, ...] | None]


class Uploader(Copier):
    """Copies to ``folder`` of the session's machine."""

    def __init__(self, files: RemoteFiles, run: Run, folder: str) -> None:
        super().__init__(files, run)
        self._folder = folder.rstrip("/")
        self._empty: set[str] = set()  # folders that were made a moment ago: nothing can be in the way there
        self._parts: set[str] = set()  # what a cancel would leave behind

    def transfer(self, items: Sequence[Item]) -> None:
        """Copy the items; nothing is begun that the session's disk can't take. Problems: files.*, ssh.lost"""
        room.require(self.files, self._folder, [item for item in items if item.kind is ItemKind.FILE], self.cancel)
        super().transfer(items)

    def copy(self, item: Item) -> None:
        target = self._target(item)
        if item.kind is ItemKind.FILE:
            fresh, checked = copy.upload(self.files, item, target, self.run.moved, self.cancel)
            self.run.finished(item, fresh=fresh, checked=checked)
        elif item.kind is ItemKind.LINK:
            self._link(item, target)

    def _target(self, item: Item) -> str:
        return f"{self._folder}/{item.path}"

    def _is_empty(self, item: Item) -> bool:
        return item.path.rpartition("/")[0] in self._empty

    def _there(self, items: Sequence[Item]) -> list[tuple[Item, RemoteEntry | AppError | None]]:
        """Return what is in the place of each; nothing is asked about folders that are new."""
        asked = [item for item in items if not self._is_empty(item)]
        found = self.files.together([Stat(self._target(item)) for item in asked], self.cancel)
        known = dict(zip((item.path for item in asked), found, strict=True))
        return [(item, known.get(item.path)) for item in items]

    # -- folders and links

    def copy_folders(self, items: Sequence[Item]) -> None:
        made = self.files.together([MakeFolder(self._target(item)) for item in items], self.cancel)
        for item, answer in zip(items, made, strict=True):
            if answer is True:
                self._empty.add(item.path)
            elif answer is not False:
                self.block(item)
                self._refused(item, answer)

    def _refused(self, item: Item, answer: AppError | None) -> None:
        if answer is not None and answer.problem.code not in trees.PER_FILE:
            raise answer
        self.run.leave_out(item, trees.told(answer.problem) if answer is not None else NO_FOLDER_IN_THE_WAY)

    def copy_links(self, items: Sequence[Item]) -> None:
        for window in windows(items):
            free = [item for item, there in self._there(window) if there is None]
            made = self.files.together([MakeLink(self._target(item), item.link) for item in free], self.cancel)
            done = {item.path for item, answer in zip(free, made, strict=True) if answer is None}
            for item in window:
                if item.path not in done:
                    self.one(item)

    def _link(self, item: Item, target: str) -> None:
        there = self.files.stat(target, self.cancel)
        if there is not None and there.kind is not FileKind.LINK:
            raise Blocked(NO_LINK_IN_THE_WAY)
        if there is not None:
            if self.files.link_target(target, self.cancel) == item.link:
                return
            self.files.remove(target, self.cancel)
        self.files.make_link(item.link, target, self.cancel)

    # -- small files

    def copy_small(self, items: Sequence[Item]) -> None:
        """Copy small files: while the machine makes one window's checksums, the next window travels."""
        try:
            before: _Window | None = None
            for window in windows(items):
                self.cancel.check()
                self.run.meter.change(current=readable(window[0].path))
                now = self._send(window)
                if before is not None:
                    self._settle(before)
                before = now
            if before is not None:
                self._settle(before)
        except (AppError, Cancelled) as error:
            if isinstance(error, Cancelled) or error.problem.retry is not Retry.AUTO:  # else there is no connection
                copy.discard(self.files, sorted(self._parts))  # small files begin anew anyway
            raise

    def _send(self, items: Sequence[Item]) -> _Window:
        wanted, again = self._changed(items)
        sent = [one for item in wanted if (one := self._load(item)) is not None]
        self._parts |= {one.finish.part for one in sent}
        puts = [Put(one.finish.part, one.data) for one in sent]
        answers = self.files.together(puts, self.cancel, lambda index: self.run.moved(sent[index].size))
        arrived = [one for one, answer in zip(sent, answers, strict=True) if answer is None]
        again += [one.item for one, answer in zip(sent, answers, strict=True) if answer is not None]
        for one in arrived:
            one.data = b""
        sums = self.files.ask_digests([(one.finish.part, one.size) for one in arrived], self.cancel)
        return _Window(arrived, again, sums)

    def _changed(self, items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
        """Return what has to be sent, and what needs a closer look."""
        wanted, closer = [], []
        for item, there in self._there(items):
            if there is None or (isinstance(there, RemoteEntry) and there.kind is FileKind.LINK):
                wanted.append(item)
            elif isinstance(there, AppError) or there.kind is not FileKind.FILE:
                closer.append(item)
            elif (there.size, there.modified) == (item.size, item.modified):
                self.run.moved(item.size)
                self.run.finished(item, fresh=False, checked=True)
            else:
                wanted.append(item)
        return wanted, closer

    def _load(self, item: Item) -> _Sent | None:
        """Read a file; None for what can't be read, which is then named."""
        try:
            with copy.open_file(item.source) as stream:
                about = os.fstat(stream.fileno())
                data = stream.read(RESUMED)
        except OSError as error:
            self.run.leave_out(item, trees.reason(error))
            return None
        target = self._target(item)
        finish = Finish(target, room.part_path(target), stat.S_IMODE(item.mode) or 0o644, int(about.st_mtime))
        # A file that has grown beyond what is small gets no checksum, and so goes the careful way.
        digest = hashlib.sha256(data).hexdigest() if len(data) < RESUMED else "-"
        return _Sent(item, finish, len(data), digest, data)

    def _settle(self, window: _Window) -> None:
        """Put in place what has the right checksum."""
        sums, again = window.sums(), list(window.again)
        right = [one for index, one in enumerate(window.sent) if sums is None or sums[index] == one.digest]
        answers = self.files.together([one.finish for one in right], self.cancel)
        placed = set()
        for one, answer in zip(right, answers, strict=True):
            if answer is None:
                placed.add(one.item.path)
                self.run.finished(one.item, fresh=True, checked=sums is not None)
        for one in window.sent:
            if one.item.path not in placed:
                self.run.undone(one.size)
                again.append(one.item)
        for item in again:
            self.one(item)
        self._parts.difference_update(one.finish.part for one in window.sent)
