"""What the session adds to the environment of its applications, kernels and logins. One holder per session; any thread.

First what the session itself gives (``give``), then what the init script exported: the user's own word counts most.
"""

import threading
from typing import Dict, Iterable, Mapping


class EnvironmentChanges:
    """Variables to set and to unset. Applications see a change at their next start, logins at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: Dict[str, str] = {}
        self._exported: Dict[str, str] = {}
        self._unset: Dict[str, None] = {}

    def give(self, variables: Mapping[str, str]) -> None:
        """Add variables of the session."""
        with self._lock:
            self._given.update(variables)

    def take_over(self, exported: Mapping[str, str], unset: Iterable[str]) -> None:
        """Take over what the init script left behind."""
        with self._lock:
            self._exported.update(exported)
            self._unset.update(dict.fromkeys(unset))

    def apply(self, environment: Dict[str, str]) -> None:
        """Change ``environment`` in place."""
        with self._lock:
            environment.update(self._given)
            environment.update(self._exported)
            for name in self._unset:
                environment.pop(name, None)
