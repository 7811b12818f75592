"""A requirements file of this computer as lines for an agent elsewhere: what it includes stands in its place.

Runs on the launching thread; reads small local files.
"""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from desktop_app.domain.launch import requirements
from desktop_app.domain.launch.chosen_text import UnreadableText, read_chosen

DEPTH = 20  # files that include each other
MOST_LINES = 20_000
MOST_FILES = 200  # read for one: two that each name the next one twice are a million at the twentieth
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # as pip expands them


class WrongRequirements(Exception):
    """The text is a sentence for people."""


def requirement_lines(path: str) -> tuple[str, ...]:
    """Every line, ``-r`` replaced by what it names. Raises WrongRequirements."""
    file = Path(os.path.expanduser(path))  # noqa: PTH111  pathlib raises for unknown users
    return tuple(_read(file, path, (), itertools.count(1)))


def _read(file: Path, shown: str, above: tuple[Path, ...], count: Iterator[int]) -> list[str]:
    if file in above or len(above) > DEPTH:
        raise WrongRequirements(f"{shown} includes itself, by way of {above[-1].name}.")
    if next(count) > MOST_FILES:
        raise WrongRequirements(f"{shown} is one of more than {MOST_FILES} files that include each other.")
    try:
        lines = requirements.lines_of(read_chosen(file))
    except UnreadableText as error:
        raise WrongRequirements(f"{shown} can't be read: {error.why}.") from None
    found: list[str] = []
    for line in lines:
        more = requirements.file_to_read(line)
        if more:
            name = _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), more)
            found += _read(Path(os.path.normpath(file.parent / name)), name, (*above, file), count)
        else:
            _check(line, shown if above else "")
            found.append(line)
        if len(found) > MOST_LINES:
            raise WrongRequirements(f"{shown} has more than {MOST_LINES} lines.")
    return found


def _check(line: str, inside: str) -> None:
    wrong = requirements.wrong_with(line)
    place = requirements.place_of(line)
    if not wrong and place and Path(place).exists():
        wrong = f"“{line[:120]}” {requirements.HERE}. Name a version instead."
    if wrong:
        raise WrongRequirements(f"{inside}: {wrong}" if inside else wrong)
