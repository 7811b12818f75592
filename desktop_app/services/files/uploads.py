"""Uploads that a launch asked for: begun by this process once the session is up, then they are ordinary transfers.

All methods are quick; any thread. A session that ends before it is up takes its uploads with it.
"""

import threading
from pathlib import Path

from desktop_app.domain.option_checks import items
from desktop_app.domain.options import LaunchSpec
from desktop_app.domain.problems import failure
from desktop_app.domain.session import Remote, SessionId, SessionSnapshot
from desktop_app.services.files.transfers import Transfers
from desktop_app.services.store import SessionStore


def paths_of(spec: LaunchSpec) -> tuple[Path, ...]:
    return tuple(Path(line).expanduser() for line in items(spec.upload_files))


class LaunchUploads:
    """One per core."""

    def __init__(self, store: SessionStore, transfers: Transfers) -> None:
        self._store = store
        self._transfers = transfers
        self._lock = threading.Lock()
        self._wanted: dict[SessionId, tuple[Path, ...]] = {}
        self.close = store.subscribe(lambda _old, new: self._begin_if_up(new))

    def check(self, spec: LaunchSpec) -> None:
        """Before the task is made. Problems: launch.invalid"""
        missing = [str(path) for path in paths_of(spec) if not path.exists()]
        if missing:
            raise failure("launch.invalid", why=f"Files to upload: there is no {', no '.join(missing)}.")

    def want(self, session: SessionId, spec: LaunchSpec) -> None:
        paths = paths_of(spec)
        if not paths:
            return
        with self._lock:
            self._wanted[session] = paths
        self._begin_if_up(self._store.get(session))

    def waiting(self, session: SessionId) -> bool:
        """Whether something is still to be uploaded."""
        with self._lock:
            return session in self._wanted or any(one.active for one in self._transfers.of(session))

    def _begin_if_up(self, snapshot: SessionSnapshot | None) -> None:
        if snapshot is None or snapshot.remote not in (Remote.READY, Remote.ENDED):
            return
        with self._lock:
            paths = self._wanted.pop(snapshot.id, ())
            if paths and snapshot.remote is Remote.READY:
                self._transfers.upload(snapshot.id, paths)
