"""Sessions that clearml-session made: attached with their password, with the truth told about them."""

from dataclasses import replace

import pytest

from desktop_app.domain.accounts.handover import GIT
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.clearml_session import PUBLISHED_KEYS, ClearmlSession, ClearmlSessionLogin
from desktop_app.domain.sessions.snapshot import (
    Action,
    Link,
    Remote,
    ServerFacts,
    SessionId,
    SessionSnapshot,
    allowed_actions,
)
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig, is_link
from tests.support.waiting import wait_until

PLACE = ClearmlSession("10.0.0.9", 31022, 10022, "root", 8889, 9001)
LOGIN = ClearmlSessionLogin("correct horse", "jupyter-token")
STRANGE = "SHA256:" + "A" * 43


def theirs(rig: CoreRig, place: ClearmlSession = PLACE, login: ClearmlSessionLogin = LOGIN) -> SessionId:
    facts = ServerFacts(Remote.READY, "Interactive Session", clearml_session=place, report=place.report())
    task = rig.server.add_session(facts)
    rig.server.rows[task].login = login
    session = SessionId(ACCOUNT.id, task)
    rig.until(session, lambda s: s.remote is Remote.READY)
    return session


def attached(rig: CoreRig, place: ClearmlSession = PLACE, login: ClearmlSessionLogin = LOGIN) -> SessionSnapshot:
    session = theirs(rig, place, login)
    rig.core.connections.attach(session, rig.soon())
    rig.until(session, is_link(Link.UP))
    return rig.until(session, lambda s: s.notice is not None)


@pytest.mark.parity("attach to clearml-session")
def test_it_is_entered_with_its_password_at_the_published_address() -> None:
    with CoreRig() as rig:
        now = attached(rig)
        target = rig.world.tunnel().targets[0]
        assert (target.record.address, target.record.port, target.record.user) == ("10.0.0.9", 31022, "root")
        assert (target.is_clearml_session, target.password, target.private_key) == (True, "correct horse", "")
        assert target.fingerprints == frozenset(PUBLISHED_KEYS)
        assert rig.world.tunnel().routes == {"ssh": 40_023, "jupyterlab": 8889, "vscode": 9001}
        assert "correct horse" not in repr(now) + repr(target)


@pytest.mark.parity("S1", "S2")
def test_published_host_keys_are_told_in_plain_words() -> None:
    with CoreRig() as rig:
        notice = attached(rig).notice
        assert notice is not None and notice.code == "session.exposed"
        assert "anyone can download" in notice.detail and "read along" in notice.detail


@pytest.mark.parity("S6")
def test_an_exposed_api_secret_is_told() -> None:
    with CoreRig() as rig:
        notice = attached(rig, login=replace(LOGIN, exposed=("your ClearML API secret",))).notice
        assert notice is not None and "your ClearML API secret" in notice.detail and "revoke" in notice.detail


def test_the_notebook_opens_with_its_token() -> None:
    with CoreRig() as rig:
        session = attached(rig).id
        rig.core.open_in.open_app(session, "jupyterlab", rig.soon())
        assert rig.world.pages[0][2] == "jupyter-token"


@pytest.mark.parity("attach to clearml-session")
def test_ssh_gets_in_by_a_key_and_a_host_key_that_nobody_else_knows() -> None:
    with CoreRig() as rig:
        now = attached(rig)
        assert {Action.TERMINAL, Action.COPY_SSH, Action.OPEN_IN, Action.OPEN, Action.DETACH, Action.SHUT_DOWN} <= (
            allowed_actions(now)
        )
        rig.core.open_in.ssh_command(now.id, rig.soon())
        (keys,) = rig.world.tunnel().logins
        target = rig.world.ssh_access.lent[now.id.text]
        assert target.private_key and target.record.host_key
        assert keys.client_public and keys.host_private != target.private_key
        assert f"client-key/{now.id.text}" not in rig.world.secrets.entries  # in memory only


def test_it_has_an_alias_while_it_is_attached() -> None:
    with CoreRig() as rig:
        session = attached(rig).id
        wait_until(lambda: rig.core.aliases.of(session), "the alias", 5)
        assert session.text in rig.world.ssh_access.open
        rig.core.connections.detach(session)
        wait_until(lambda: session.text not in rig.world.ssh_access.open, "the key to be taken back", 5)


def test_a_new_connection_has_a_new_door_and_the_same_keys() -> None:
    with CoreRig() as rig:
        session = attached(rig).id
        rig.world.tunnel().drop()
        rig.until(session, lambda s: s.link is Link.UP and len(rig.world.tunnel().logins) == 2)
        wait_until(lambda: rig.world.tunnel().routes["ssh"] == 40_024, "the route", 5)
        first, second = rig.world.tunnel().logins
        assert first == second


@pytest.mark.parity("attach to clearml-session", "H1")
def test_a_notebook_that_comes_later_gets_its_address_and_its_token() -> None:
    """The command publishes the port first and the token some time afterwards."""
    late = replace(PLACE, jupyter_port=0, awaited=("jupyterlab", "vscode"))
    with CoreRig() as rig:
        now = attached(rig, place=late, login=replace(LOGIN, token=""))
        notebook = now.endpoint("jupyterlab")
        assert notebook is not None and notebook.state == "starting" and notebook.local_port
        there = replace(late, jupyter_port=8889)
        rig.server.change(now.id.task, clearml_session=there, report=there.report())
        rig.until(now.id, lambda s: any(e.app == "jupyterlab" and e.ready for e in s.endpoints))
        wait_until(lambda: rig.world.tunnel().routes.get("jupyterlab") == 8889, "the route", 5)
        assert rig.world.tunnel().routes["ssh"] == 40_023  # still our door
        rig.server.rows[now.id.task].login = LOGIN

        def opened() -> bool:
            rig.core.open_in.open_app(now.id, "jupyterlab", rig.soon())
            return rig.world.pages[-1][2] == "jupyter-token"

        wait_until(opened, "the token", 5)


def test_a_machine_without_sshd_is_told_and_the_rest_works() -> None:
    with CoreRig() as rig:
        none = failure("session.no_login", why="There is no sshd program on its machine.")
        rig.world.prepare_tunnel = lambda tunnel: setattr(tunnel, "login_error", none)
        now = attached(rig)
        assert now.notice is not None and "no sshd program" in now.notice.detail
        assert rig.world.tunnel().routes["ssh"] == 10022  # by the password, as before
        with pytest.raises(AppError) as caught:
            rig.core.open_in.ssh_command(now.id, rig.soon())
        assert caught.value.problem.code == "session.no_login"
        rig.core.open_in.open_app(now.id, "jupyterlab", rig.soon())


def test_its_password_can_be_looked_up_for_other_programs() -> None:
    with CoreRig() as rig:
        assert rig.core.passwords.of(theirs(rig)) == "correct horse"
        ours = rig.running()
        with pytest.raises(AppError) as caught:
            rig.core.passwords.of(ours)
        assert caught.value.problem.code == "ssh.no_password"


def test_what_needs_our_own_program_is_refused_in_words() -> None:
    with CoreRig() as rig:
        session = attached(rig).id
        with pytest.raises(AppError) as caught:
            rig.core.handovers.give(session, GIT, rig.soon())
        assert caught.value.problem.code == "session.foreign"


def test_its_files_wait_until_it_is_attached() -> None:
    with CoreRig() as rig:
        session = theirs(rig)
        with pytest.raises(AppError) as caught:
            rig.core.files.browse(session, "", rig.soon())
        assert caught.value.problem.code == "ssh.not_attached"
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))
        rig.core.files.browse(session, "", rig.soon())


def test_its_files_are_reached_while_another_process_holds_it() -> None:
    with CoreRig() as rig:
        session = attached(rig).id
        world = rig.world
        second = World(world.memory, world.secrets, servers=world.servers, runtime_dir=world.runtime_dir)
        with CoreRig(second, "cli") as other:
            other.core.files.browse(session, "", other.soon())


def test_a_strange_host_key_waits_for_a_person_and_is_the_only_one_afterwards() -> None:
    with CoreRig() as rig:
        unknown = failure("ssh.unknown_host", address="10.0.0.9", port=31022, found=STRANGE, cause=STRANGE)
        rig.world.prepare_tunnel = lambda tunnel: tunnel.connect_errors.append(unknown)
        session = theirs(rig)
        rig.core.connections.attach(session, rig.soon())
        blocked = rig.until(session, is_link(Link.BLOCKED))
        assert blocked.problem is not None and STRANGE in blocked.problem.detail
        rig.core.keys.trust_host(session, blocked.problem.cause)
        rig.core.connections.reconnect(session)
        rig.until(session, is_link(Link.UP))
        assert rig.world.tunnel().targets[-1].fingerprints == frozenset({STRANGE})


@pytest.mark.parity("late-binding")
def test_a_router_that_moves_is_followed() -> None:
    with CoreRig() as rig:
        session = attached(rig).id
        task = rig.server.rows[session.task]
        task.facts = replace(task.facts, clearml_session=replace(PLACE, address="10.0.0.10", port=31999))
        rig.world.tunnel().drop()
        rig.until(session, lambda s: s.link is Link.UP and len(rig.world.tunnel().targets) == 2)
        record = rig.world.tunnel().targets[-1].record
        assert (record.address, record.port) == ("10.0.0.10", 31999)


def test_it_can_be_shut_down() -> None:
    with CoreRig() as rig:
        session = theirs(rig)
        rig.core.sessions.stop(session, rig.soon())
        assert "stop" in rig.server.calls


def test_a_session_of_ours_is_never_taken_for_theirs() -> None:
    """A member of the workspace changes the tags of somebody's task to lead them to another machine."""
    with CoreRig() as rig:
        session = rig.running()
        task = rig.server.rows[session.task]
        task.facts = replace(task.facts, record=None, clearml_session=PLACE, report=PLACE.report())
        task.login = LOGIN
        rig.core.connections.attach(session, rig.soon())
        problem = rig.until(session, is_link(Link.BLOCKED)).problem
        assert problem is not None and problem.code == "ssh.record" and "SessionDock launched" in problem.detail
        assert rig.world.tunnel().targets == []
