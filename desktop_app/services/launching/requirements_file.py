"""A requirements file of this computer as lines for an agent elsewhere: what it includes stands in its place.

Runs on the launching thread; blocks.
"""

import os
import re
from pathlib import Path

from desktop_app.boundary.computer import TextFiles
from desktop_app.domain.launch import requirements
from desktop_app.domain.launch.chosen_text import UnreadableText

DEPTH = 20  # files that include each other
MOST_LINES = 20_000
MOST_FILES = 200  # read for one: two that each name the next one twice are a million at the twentieth
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # as pip expands them


class WrongRequirements(Exception):
    """A requirements file can't be used; the text is a sentence for users."""


def requirement_lines(path: str, files: TextFiles) -> tuple[str, ...]:
    """Return every line, ``-r`` replaced by what it names. Blocks. Raises WrongRequirements."""
    file = Path(os.path.expanduser(path))  # noqa: PTH111  pathlib raises for unknown users
    return tuple(_Reader(files).read(file, path, ()))


class _Reader:
    """Reads one file and what it includes."""

    def __init__(self, files: TextFiles) -> None:
        self._files = files
        self._count = 0  # of files that were read

    def read(self, file: Path, shown: str, above: tuple[Path, ...]) -> list[str]:
        """Return the file's lines. ``shown``: its name in messages; ``above``: the files that include it."""
        if file in above or len(above) > DEPTH:
            raise WrongRequirements(f"{shown} includes itself, by way of {above[-1].name}.")
        self._count += 1
        if self._count > MOST_FILES:
            raise WrongRequirements(f"{shown} is one of more than {MOST_FILES} files that include each other.")
        try:
            text = self._files.read(file)
        except UnreadableText as error:
            raise WrongRequirements(f"{shown} can't be read: {error.why}.") from None
        lines: list[str] = []
        for line in requirements.lines_of(text):
            more = requirements.file_to_read(line)
            if more:
                name = _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), more)
                lines += self.read(Path(os.path.normpath(file.parent / name)), name, (*above, file))
            else:
                self._check(line, shown if above else "")
                lines.append(line)
            if len(lines) > MOST_LINES:
                raise WrongRequirements(f"{shown} has more than {MOST_LINES} lines.")
        return lines

    def _check(self, line: str, inside: str) -> None:
        wrong = requirements.wrong_with(line)
        place = requirements.place_of(line)
        if not wrong and place and self._files.exists(place):
            wrong = f"“{line[:120]}” {requirements.HERE}. Name a version instead."
        if wrong:
            raise WrongRequirements(f"{inside}: {wrong}" if inside else wrong)
