"""A real core over the fakes, and waiting for what its threads do. Test thread only."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from desktop_app.boundary.cancel import Cancel
from desktop_app.demo.computer import FakeTextFiles
from desktop_app.demo.server import FakeServer
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId, SessionSnapshot
from desktop_app.services.core import Core
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from desktop_app.services.state.notices import Notice
from remote_bootstrap.contract import Report, fingerprint_line
from tests.fakes.outside import ACCOUNT, HOST_KEY, World, record_of, report_of

SPEC = LaunchSpec(queue="default", name="a session")
BOTH = report_of(jupyterlab="ready", vscode="ready")


class CoreRig:
    """``with CoreRig(world) as rig``: a started core; closed, and its notices kept, at the end."""

    def __init__(self, world: World | None = None, role: str = "window", *, start: bool = True) -> None:
        self.world = world or World()
        self.core = Core(self.world.outside(), role)
        self.notices: list[Notice] = []
        self._start = start
        self._changed = threading.Condition()
        self.core.store.subscribe(self._on_change)
        self.core.on_notice(self.notices.append)

    def _on_change(self, _old: SessionSnapshot | None, _new: SessionSnapshot | None) -> None:
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> "CoreRig":
        if self._start:
            self.core.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.core.close()

    @property
    def server(self) -> FakeServer:
        return self.world.server()

    def soon(self) -> Cancel:
        return Cancel(5.0)

    def launch(self, spec: LaunchSpec = SPEC) -> SessionId:
        return self.core.launches.launch(ACCOUNT.id, spec, self.soon())

    def running(self, *, log: bool = True, report: Report = BOTH) -> SessionId:
        """A session that somebody launched before: published, attachable, with its key in the keyring."""
        task = self.server.create_running("a session", report)
        self.server.publish(task, record_of(task), report)
        if log:
            self.server.write_log(task, "starting\n", fingerprint_line(HOST_KEY) + "\n")
        session = SessionId(ACCOUNT.id, task)
        self.world.secrets.entries[f"client-key/{session.text}"] = "PRIVATE KEY"
        self.core.store.see(session, self.server.sessions.get(task, self.soon()).facts)
        return session

    def attached(self, **more: Any) -> SessionId:
        session = self.running(**more)
        self.core.connections.attach(session, self.soon())
        self.until(session, lambda s: s.link is Link.UP)
        return session

    def comes_up(self, session: SessionId, report: Report = BOTH) -> None:
        """What agent and bootstrap do after a launch."""
        self.server.agent_takes(session.task)
        self.server.write_log(session.task, fingerprint_line(HOST_KEY) + "\n")
        self.server.publish(session.task, record_of(session.task), report)

    def get(self, session: SessionId) -> SessionSnapshot:
        found = self.core.store.get(session)
        assert found is not None, "the session is not in the store"
        return found

    def until(
        self, session: SessionId, condition: Callable[[SessionSnapshot], bool], seconds: float = 5.0
    ) -> SessionSnapshot:
        """The snapshot once the condition holds."""

        def holds() -> SessionSnapshot | None:
            found = self.core.store.get(session)
            return found if found is not None and condition(found) else None

        with self._changed:
            found = self._changed.wait_for(holds, seconds)
        assert found is not None, f"not within {seconds:g} s; it is {self.core.store.get(session)}"
        return found

    def until_gone(self, session: SessionId, seconds: float = 5.0) -> None:
        with self._changed:
            gone = self._changed.wait_for(lambda: self.core.store.get(session) is None, seconds)
        assert gone, "the session is still in the store"


def is_remote(remote: Remote) -> Callable[[SessionSnapshot], bool]:
    return lambda snapshot: snapshot.remote is remote


def is_link(link: Link) -> Callable[[SessionSnapshot], bool]:
    return lambda snapshot: snapshot.link is link


def last_launch(world: World, account: str = ACCOUNT.id) -> LaunchSpec:
    """Return what the next launch of the account begins with."""
    return LaunchProfiles(world.profiles, FakeTextFiles()).last_launch(account)


def remember_launch(world: World, spec: LaunchSpec, account: str = ACCOUNT.id) -> None:
    """Have this be the last launch of the account, as an earlier process of ours remembered it."""
    LaunchProfiles(world.profiles, FakeTextFiles()).note_launch(account, spec)
