"""What is on a virtual screen, read from outside: the server's frame buffer is a file that it shares. Any thread.

Xvfb writes it in the format of xwd: a header of big-endian words, a table of colours, then the lines of pixels.
"""

import mmap
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

HEADER = struct.Struct(">25I")
COLOUR_BYTES = 12
POLL_S = 0.002
BLACK = 0  # the screen without a window


class FrameBuffer:
    """One screen of 32 bits per pixel; a context manager."""

    def __init__(self, folder: Path) -> None:
        """``folder``: what Xvfb was given as -fbdir."""
        self._file = (folder / "Xvfb_screen0").open("rb")
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        header = HEADER.unpack_from(self._map)
        self._width, self._line, colours = header[4], header[12], header[19]
        self._start = header[0] + colours * COLOUR_BYTES

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._map.close()
        self._file.close()

    def pixel(self, x: int, y: int) -> int:
        """Return the colour at that place, without what is beyond red, green and blue."""
        return int.from_bytes(self.line(x, y, 1), "little") & 0xFFFFFF

    def line(self, x: int, y: int, count: int) -> bytes:
        """Return ``count`` pixels from there to the right."""
        at = self._start + y * self._line + 4 * x
        return self._map[at : at + 4 * count]

    def is_painted(self, points: tuple[tuple[int, int], ...]) -> bool:
        """True if none of these places shows the empty screen."""
        return all(self.pixel(x, y) != BLACK for x, y in points)

    def colours(self, x: int, y: int, width: int, height: int) -> int:
        """Return how many colours there are in that box: text has many, a ground has one."""
        lines = (self.line(x, row, width) for row in range(y, y + height, 2))
        return len({line[at : at + 3] for line in lines for at in range(0, len(line), 4)})


def seconds_until(condition: Callable[[], bool], began: float, most_s: float) -> float:
    """Return the seconds from ``began`` (time.monotonic) until the condition holds. Raises TimeoutError."""
    while not condition():
        if time.monotonic() - began > most_s:
            raise TimeoutError(f"nothing was painted within {most_s:g} s")
        time.sleep(POLL_S)
    return time.monotonic() - began
