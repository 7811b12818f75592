"""Finds programs of ``domain.access.open_in`` on this computer and starts them. Any thread;
blocks for seconds at most."""

import glob
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from desktop_app.adapters.os.start import start_detached
from desktop_app.domain.access.open_in import Opener

# A program started from a desktop doesn't always have its user's PATH.
MORE_PATH = {
    "linux": ("~/.local/bin", "/usr/local/bin", "/snap/bin"),
    "darwin": ("~/.local/bin", "/usr/local/bin", "/opt/homebrew/bin"),
}


def find(opener: Opener, env: Mapping[str, str] = os.environ, system: str = sys.platform) -> str:
    """Return where the program is, "" when it isn't installed."""
    return next(_found(opener, env, system), "")


def _found(opener: Opener, env: Mapping[str, str], system: str) -> Iterator[str]:
    path = os.pathsep.join((env.get("PATH", ""), *(_expanded(place, env) for place in MORE_PATH.get(system, ()))))
    for name in _preferred(opener, env):
        found = shutil.which(name, path=path)
        if found and Path(found).parent.name != "sbin":  # a daemon of the same name
            yield found
    for place in opener.places.get(system, ()):
        yield from sorted(one for one in glob.glob(_expanded(place, env)) if _can_start(one))  # noqa: PTH207 (absolute)


def _preferred(opener: Opener, env: Mapping[str, str]) -> list[str]:
    """Return the names to look for, the desktop's own program first."""
    words = env.get("XDG_CURRENT_DESKTOP", "").split(":")
    own = [opener.desktops[word] for word in words if word in opener.desktops]
    return [*own, *(name for name in opener.programs if name not in own)]


def _expanded(place: str, env: Mapping[str, str]) -> str:
    home = env.get("HOME") or env.get("USERPROFILE") or str(Path.home())
    text = home + place[1:] if place.startswith("~") else place
    for name, value in env.items():
        text = text.replace(f"%{name}%", value)
    return text


def _can_start(path: str) -> bool:
    return path.endswith(".app") or os.access(path, os.X_OK)


def start(program: str, arguments: Sequence[str]) -> bool:
    """Start the program; True if that worked. A program that hands over to one that runs already may be done at
    once."""
    return start_detached(command(program, arguments))


def command(program: str, arguments: Sequence[str]) -> list[str]:
    """Return the argv: a macOS application takes addresses from ``open``; everything else is a program."""
    return ["open", "-a", program, *arguments] if program.endswith(".app") else [program, *arguments]
