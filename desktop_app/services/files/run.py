"""What one transfer knows across its connections: what is done, what was left out, how far it is. One thread."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.transfer import Item, Progress, Skipped, Summary, readable

Tell = Callable[[Progress], None]

TELL_EVERY_S = 0.1


class Meter:
    """Counts, and tells at most ten times a second."""

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._told = float("-inf")
        self.now = Progress()

    def change(self, *, soon: bool = False, **changes: object) -> None:
        self.now = replace(self.now, **changes)  # type: ignore[arg-type]  # callers name fields of Progress
        if soon or self._clock() - self._told >= TELL_EVERY_S:
            self._told = self._clock()
            self._tell(self.now)


@dataclass
class Run:
    """One transfer."""

    meter: Meter
    cancel: Cancel
    done: dict[str, bool] = field(default_factory=dict)  # relative path -> its checksum was compared
    unchanged: set[str] = field(default_factory=set)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    travelled: int = 0  # bytes that really travelled or were found, over all tries

    def begin(self, files: int, size: int) -> None:
        """Begin with a new connection; what was done before is counted again."""
        self.meter.change(soon=True, waiting="", size=0, files=0, files_total=files, size_total=size)

    def moved(self, count: int) -> None:
        self.travelled += count
        self.meter.change(size=self.meter.now.size + count)

    def undone(self, count: int) -> None:
        """Note that so many bytes have to travel again."""
        self.meter.change(size=self.meter.now.size - count)

    def finished(self, item: Item, *, fresh: bool, checked: bool) -> None:
        """Count an item that is done. ``fresh``: it was not there already; ``checked``: its checksum was compared."""
        self.done[item.path] = checked
        if not fresh:
            self.unchanged.add(item.path)
        self.meter.change(files=self.meter.now.files + 1)

    def done_before(self, item: Item) -> bool:
        """True if it was done with an earlier connection; then it is counted."""
        if item.path not in self.done:
            return False
        now = self.meter.now
        self.meter.change(size=now.size + item.size, files=now.files + 1)
        return True

    def skip(self, what: Skipped) -> None:
        self.skipped.setdefault(what.path, replace(what, path=readable(what.path)))

    def leave_out(self, item: Item, why: str) -> None:
        self.skip(Skipped(item.source, why))
        self.meter.change(size_total=self.meter.now.size_total - item.size)

    def summary(self, to: str) -> Summary:
        checked = all(self.done.values())
        skipped = tuple(self.skipped.values())
        return Summary(to, len(self.done), len(self.unchanged), self.meter.now.size, checked, skipped)
