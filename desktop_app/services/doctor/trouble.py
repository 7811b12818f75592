"""Trouble (``core.trouble``): what of the app's own files is not as it should be. Any thread; blocking (files)."""

from desktop_app.boundary.outside import Outside
from desktop_app.domain.problems import Problem
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from desktop_app.services.secrets.redaction import LogTail


class Trouble:
    """Reads what the window or the command line tells the user at its start."""

    def __init__(self, outside: Outside, profiles: LaunchProfiles, tail: LogTail) -> None:
        self._outside = outside
        self._profiles = profiles
        self._tail = tail

    def files(self) -> tuple[Problem, ...]:
        """Return what is remembered and could not be read: settings, state and profiles."""
        return (*self._outside.memory.problems(), *self._profiles.problems())

    def log(self) -> str:
        """Return why the log is not on the disk, as a sentence; "" while it is."""
        return self._tail.trouble
