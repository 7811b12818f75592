"""The session's report as it changes: one holder, written by the application threads, read by all.

Thread-safe; listeners wait for a newer sequence number instead of being called.
"""

import threading
import time
from dataclasses import replace
from typing import Dict, Iterable

from remote_bootstrap import contract
from remote_bootstrap.contract import AppReport, Report


class Progress:
    """Holds the current Report; every change has a new sequence number."""

    def __init__(self, keys: Iterable[str] = (), begun: float = 0.0) -> None:
        self._begun = begun or time.monotonic()
        self._changed = threading.Condition()
        self._report = Report(contract.PREPARING, apps={key: AppReport(contract.APP_WAITING) for key in keys})
        self._milestone(contract.PREPARING)

    def expect(self, keys: Iterable[str]) -> None:
        """Say which applications there will be."""
        with self._changed:
            self._replace(apps={key: AppReport(contract.APP_WAITING) for key in keys})

    def phase(self, phase: str, detail: str = "") -> None:
        with self._changed:
            self._milestone(phase)
            self._replace(phase=phase, detail=detail)
            self._settle()

    def notice(self, text: str) -> None:
        """Tell the user what did not work, while the session goes on. All of the workspace can read it: no secrets."""
        with self._changed:
            self._replace(notices=[*self._report.notices, text][-contract.MAX_NOTICES :])

    def placed(self, container: str, own_network: bool) -> None:
        """Say where the session runs: the container's image, and whether its address is the container's alone."""
        with self._changed:
            self._replace(container=container, own_network=own_network)

    def sealed(self, name: str, total: str) -> None:
        """Tell the desktop, over the control channel, what lies in the agent's cache folder now."""
        with self._changed:
            self._replace(kept={**self._report.kept, name: total})

    def app(self, key: str, report: AppReport) -> None:
        """Set one application; the session becomes READY with the last one that settles."""
        with self._changed:
            if self._report.apps.get(key) == report:
                return
            if report.state == contract.APP_READY:
                self._milestone("app:" + key)
            self._replace(apps={**self._report.apps, key: report})
            self._settle()

    def current(self) -> Report:
        with self._changed:
            return self._report

    def newer_than(self, sequence: int, timeout: float) -> Report:
        """Return the current report, after waiting up to ``timeout`` seconds for one above ``sequence``."""
        with self._changed:
            self._changed.wait_for(lambda: self._report.sequence > sequence, timeout)
            return self._report

    def _settle(self) -> None:
        settled = all(app.state in contract.APP_SETTLED for app in self._report.apps.values())
        if settled and self._report.phase == contract.STARTING_APPS:
            self._milestone(contract.READY)
            self._replace(phase=contract.READY, detail="")

    def _milestone(self, name: str) -> None:
        seconds: Dict[str, float] = dict(self._report.seconds)
        seconds.setdefault(name, round(time.monotonic() - self._begun, 3))
        self._report = replace(self._report, seconds=seconds)

    def _replace(self, **changes: object) -> None:
        self._report = replace(self._report, sequence=self._report.sequence + 1, **changes)  # type: ignore[arg-type]  # callers name fields of Report
        self._changed.notify_all()
