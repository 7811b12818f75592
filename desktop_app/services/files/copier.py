"""The order in which a transfer's items are copied, the same for both directions: folders, files, links. One thread.

Small files go many at once: a plain one needs no round trip of its own. Whatever is not plain about one of them (it
changed meanwhile, its checksum is wrong, the server refuses something) is left to ``one``, which takes each file for
itself, carefully, and names what can't be copied.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from desktop_app.boundary.files import RemoteFiles
from desktop_app.domain.files.transfer import Item, ItemKind, readable
from desktop_app.domain.problems import AppError
from desktop_app.services.files import trees
from desktop_app.services.files.copy import RESUMED, Blocked
from desktop_app.services.files.run import Run

WINDOW_FILES = 256  # small files under way at once
WINDOW_BYTES = 8_000_000


class Copier:
    """One connection's share of a transfer."""

    def __init__(self, files: RemoteFiles, run: Run) -> None:
        self.files = files
        self.run = run
        self.cancel = run.cancel
        self._blocked: set[str] = set()  # folders that could not be made

    # what a direction does

    def copy(self, item: Item) -> None:
        """Copy one item, carefully. Raises OSError, Blocked or AppError."""
        raise NotImplementedError

    def copy_small(self, items: Sequence[Item]) -> None:
        """Copy plain files of less than RESUMED bytes."""
        raise NotImplementedError

    def copy_folders(self, items: Sequence[Item]) -> None:
        """Copy all folders of one level; their parents were copied."""
        for item in items:
            if not self.one(item):
                self.block(item)

    def copy_links(self, items: Sequence[Item]) -> None:
        for item in items:
            self.one(item)

    # the order

    def transfer(self, items: Sequence[Item]) -> None:
        files = [item for item in items if item.kind is ItemKind.FILE]
        self.run.begin(len(files), sum(item.size for item in files))
        for level in _levels(item for item in items if item.kind is ItemKind.FOLDER):
            self.copy_folders(self._reachable(level))
        left = [item for item in self._reachable(files) if not self.run.done_before(item)]
        left = self._last_of_each(left)
        alike = Counter(item.path.casefold() for item in left)  # one file where a disk does not tell case apart
        small = {item.path for item in left if item.size < RESUMED and alike[item.path.casefold()] == 1}
        self.copy_small([item for item in left if item.path in small])
        for item in left:
            if item.path not in small:
                self.one(item)
        links = [item for item in items if item.kind is ItemKind.LINK]
        self.copy_links(self._reachable(links))  # last: nothing is ever written by way of one
        self.run.meter.change(soon=True, current="")

    def _last_of_each(self, items: Sequence[Item]) -> list[Item]:
        """Return of several files for one place the last: written together they would become a mixture."""
        last = {item.path: item for item in items}
        for item in items:
            if last[item.path] is not item:
                self.run.leave_out(item, "another file of the same name comes after it")
        return [item for item in items if last[item.path] is item]

    def one(self, item: Item) -> bool:
        """Copy one item; False when it had to be left out."""
        self.cancel.check()
        before = self.run.meter.now.size
        self.run.meter.change(current=readable(item.path))
        try:
            self.copy(item)
            return True
        except (OSError, Blocked) as error:
            why = trees.reason(error) if isinstance(error, OSError) else str(error)
        except AppError as error:
            if error.problem.code not in (*trees.PER_FILE, "files.damaged"):
                raise
            why = trees.told(error.problem)
        self.run.meter.change(size=before)
        self.run.leave_out(item, why)
        return False

    def block(self, item: Item) -> None:
        """Note that nothing below this folder can be copied."""
        self._blocked.add(item.path)

    def _reachable(self, items: Sequence[Item]) -> list[Item]:
        found = [item for item in items if not self._blocked or self._blocked.isdisjoint(_above(item.path))]
        if len(found) < len(items):
            kept = {item.path for item in found}
            for item in items:
                if item.path not in kept:
                    self.run.leave_out(item, "its folder was left out")
        return found


def windows(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Cut the items into windows of as many as may be under way at once."""
    window: list[Item] = []
    size = 0
    for item in items:
        if window and (len(window) == WINDOW_FILES or size + item.size > WINDOW_BYTES):
            yield window
            window, size = [], 0
        window.append(item)
        size += item.size
    if window:
        yield window


def _above(path: str) -> Iterator[str]:
    """Return every folder above that path."""
    while cut := path.rpartition("/")[0]:
        yield cut
        path = cut


def _levels(folders: Iterable[Item]) -> list[list[Item]]:
    """Return folders of the same depth together, the upper ones first."""
    found: dict[int, list[Item]] = {}
    for folder in folders:
        found.setdefault(folder.path.count("/"), []).append(folder)
    return [found[depth] for depth in sorted(found)]
