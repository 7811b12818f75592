"""Handovers: nothing of a person's own goes anywhere before they agreed, and then to that machine only."""

import dataclasses
from typing import Any

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.demo.server import FakeServer
from desktop_app.domain.accounts.git_logins import GitIdentity, dumps
from desktop_app.domain.accounts.handover import AGENT, CLEARML, GIT, KINDS, State
from desktop_app.domain.accounts.secrets import GIT_CREDENTIALS
from desktop_app.domain.launch.options import LaunchSpec, to_session
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Link, SessionId
from remote_bootstrap import contract
from remote_bootstrap.contract.git import GitLogin
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig

LOGIN = GitLogin("https", "git.example.com", "ada", "git-password")
GIVEN_GIT = (contract.OP_GIT_DELIVER, {"logins": [LOGIN.to_json()], "settings": {"user.name": "Ada"}})
GIVEN_KEY = (contract.OP_CLEARML_DELIVER, {"access_key": "ACCESS", "secret_key": "the-api-secret"})


@pytest.fixture
def world() -> World:
    world = World()
    world.git = GitIdentity((LOGIN,), {"user.name": "Ada"})
    return world


def wanting(rig: CoreRig, **wanted: Any) -> SessionId:
    """A running session that was launched with these options, attached."""
    session = rig.running()
    rig.world.memory.sessions.save_options(session.text, to_session(LaunchSpec(**wanted)))
    rig.core.connections.attach(session, rig.soon())
    rig.until(session, lambda s: s.link is Link.UP)
    return session


def states(rig: CoreRig, session: SessionId) -> dict[str, State]:
    return {item.key: item.state for item in rig.core.handovers.view(session, rig.soon()).items}


@pytest.mark.parity("--git-credentials", "S6")
def test_nothing_goes_before_the_person_agreed_and_the_machine_is_named(world: World) -> None:
    with CoreRig(world) as rig:
        session = wanting(rig, git_credentials=True, clearml_credentials=True)
        asked = rig.until(session, lambda s: s.notice is not None)
        assert asked.notice is not None
        assert asked.notice.code == "handover.asked"
        found = rig.core.handovers.view(session, rig.soon())
        assert found.place in asked.notice.detail
        assert "10.0.0.5" in found.place or world.tunnel().targets[0].record.address in found.place
        assert [item.state for item in found.items] == [State.ASKED, State.ASKED, State.NONE]
        assert world.tunnel().requests == []
        assert world.tunnel().lent == 0


@pytest.mark.parity("--git-credentials")
def test_what_was_agreed_to_goes_at_once_and_again_after_each_reconnect(world: World) -> None:
    with CoreRig(world) as rig:
        session = wanting(rig, git_credentials=True)
        rig.until(session, lambda s: s.notice is not None)
        assert rig.core.handovers.give(session, GIT, rig.soon()).asked == ()
        rig.core.handovers.give(session, CLEARML, rig.soon())
        rig.core.handovers.give(session, AGENT, rig.soon())
        tunnel = world.tunnel()
        assert tunnel.requests == [GIVEN_GIT, GIVEN_KEY]
        assert tunnel.lent == 1
        assert rig.get(session).notice is None
        tunnel.drop()
        tunnel.wait_for(lambda t: t.requests == [GIVEN_GIT, GIVEN_KEY] * 2 and t.lent == 2)
        assert set(states(rig, session).values()) == {State.GIVEN}


def test_another_machine_needs_another_consent(world: World) -> None:
    with CoreRig(world) as rig:
        session = wanting(rig)
        rig.core.handovers.give(session, GIT, rig.soon())
        for key, place in world.memory.handovers.sessions[session.text].items():
            world.memory.handovers.save(session.text, key, place + "elsewhere")
        world.tunnel().drop()
        asked = rig.until(session, lambda s: s.notice is not None)
        assert asked.notice is not None
        assert asked.notice.code == "handover.asked"
        assert world.tunnel().requests == [GIVEN_GIT]


def test_what_is_withheld_is_taken_away_and_not_asked_for_again(world: World) -> None:
    with CoreRig(world) as rig:
        session = wanting(rig, git_credentials=True)
        for kind in (GIT, CLEARML):
            rig.core.handovers.give(session, kind, rig.soon())
            rig.core.handovers.withhold(session, kind, rig.soon())
        assert world.tunnel().requests[1] == (contract.OP_GIT_DELIVER, {"logins": [], "settings": {}})
        assert world.tunnel().requests[3] == (contract.OP_CLEARML_DELIVER, {"access_key": "", "secret_key": ""})
        given = len(world.tunnel().requests)
        world.tunnel().drop()
        world.tunnel().wait_for(lambda t: len(t.targets) == 2)
        rig.until(session, lambda s: s.link is Link.UP)
        assert states(rig, session)[GIT.key] is State.WITHHELD
        assert rig.get(session).notice is None
        assert len(world.tunnel().requests) == given


def test_the_agent_can_be_taken_back(world: World) -> None:
    with CoreRig(world) as rig:
        session = wanting(rig)
        rig.core.handovers.give(session, AGENT, rig.soon())
        assert world.tunnel().has_agent
        rig.core.handovers.withhold(session, AGENT, rig.soon())
        assert not world.tunnel().has_agent


def test_a_session_that_refuses_is_told_and_stays_connected(world: World) -> None:
    with CoreRig(world) as rig:
        session = wanting(rig)
        rig.core.handovers.give(session, GIT, rig.soon())
        world.tunnel().answers[contract.OP_GIT_DELIVER] = failure("ssh.refused", why="unknown operation")
        world.tunnel().drop()
        told = rig.until(session, lambda s: s.notice is not None)
        assert told.notice is not None
        assert told.notice.code == "handover.failed"
        assert "your git logins and settings" in told.notice.detail
        rig.until(session, lambda s: s.link is Link.UP)


def test_without_logins_giving_says_so(world: World) -> None:
    world.git = GitIdentity()
    with CoreRig(world) as rig:
        session = wanting(rig)
        with pytest.raises(AppError) as caught:
            rig.core.handovers.give(session, GIT, rig.soon())
        assert caught.value.problem.code == "git.none"
        assert states(rig, session)[GIT.key] is State.NONE


@pytest.mark.parity("U7")
def test_the_keyrings_logins_come_before_those_of_gits_files(world: World) -> None:
    kept = dataclasses.replace(LOGIN, password="kept")
    world.secrets.set(GIT_CREDENTIALS, ACCOUNT.id, dumps([kept]))
    with CoreRig(world) as rig:
        session = wanting(rig)
        rig.core.handovers.give(session, GIT, rig.soon())
        assert world.tunnel().requests[0][1]["logins"] == [kept.to_json(), LOGIN.to_json()]


def test_a_session_that_is_not_connected_gets_nothing(world: World) -> None:
    with CoreRig(world) as rig:
        session = rig.running()
        for kind in KINDS:
            with pytest.raises(AppError) as caught:
                rig.core.handovers.give(session, kind, Cancel(1))
            assert caught.value.problem.code == "session.not_attached"
        assert world.memory.handovers.sessions == {}


@pytest.mark.parity("S6")
def test_a_launch_tells_the_server_neither_password_nor_logins(world: World) -> None:
    with CoreRig(world) as rig:
        spec = LaunchSpec(queue="default", name="a session", password="long enough", git_credentials=True)
        session = rig.launch(spec)
        server: FakeServer = rig.server
        draft = server.rows[session.task].draft
        assert draft.parameters[contract.PARAM_PASSWORD_HASH] == "hash of 11 letters"
        text = repr(draft)
        for secret in ("long enough", LOGIN.password, "the-api-secret"):
            assert secret not in text
