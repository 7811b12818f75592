"""Taking and leaving tunnels at the worst moment: while the program ends, and when nothing can be written down."""

import threading

import pytest

from desktop_app.domain.problems import AppError, problem
from desktop_app.domain.sessions.snapshot import Link
from tests.fakes.outside import report_of
from tests.support.core_rig import CoreRig, is_link
from tests.support.guards import ExpectLog


def test_closing_while_an_attach_is_about_to_start_leaves_nothing_behind() -> None:
    with CoreRig() as rig:
        session = rig.running()
        reached, go = threading.Event(), threading.Event()

        def hold(_old: object, _new: object) -> None:
            if threading.current_thread() is attaching and not reached.is_set():
                reached.set()
                assert go.wait(5)

        rig.core.store.subscribe(hold)
        attaching = threading.Thread(target=rig.core.connections.attach, args=(session, rig.soon()), name="attaching")
        attaching.start()
        assert reached.wait(5)
        closing = threading.Thread(target=rig.core.close, name="closing")
        closing.start()
        go.set()
        attaching.join(5)
        closing.join(5)
        assert not attaching.is_alive() and not closing.is_alive()


def test_a_session_that_can_not_be_noted_as_attached_is_not_held(expected_log: ExpectLog) -> None:
    expected_log("A settings file can't be written")
    with CoreRig() as rig:
        session = rig.running()
        rig.world.memory.sessions.unwritable = problem("file.unwritable", path="/state", why="read-only file system")
        with pytest.raises(AppError):
            rig.core.connections.attach(session, rig.soon())
        rig.world.memory.sessions.unwritable = None
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))


def test_ports_that_only_the_task_names_get_no_connection() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        tunnel = rig.world.tunnel()
        assert tunnel.routes == {"ssh": 10022}, "everybody in the workspace can write the task"
        tunnel.push(report_of(5, jupyterlab="ready"))
        tunnel.drop()
        rig.until(session, lambda s: s.link is Link.UP and len(tunnel.targets) == 2)
        assert tunnel.routes == {"ssh": 9001, "jupyterlab": 9000}
