"""Opening a session in a program of this computer: what it is told, and what is said when it can't be."""

import pytest

from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.problems import AppError
from remote_bootstrap import contract
from tests.fakes.outside import World
from tests.support.core_rig import CoreRig
from tests.support.waiting import wait_until


@pytest.fixture
def rig():
    world = World(prepare_tunnel=lambda tunnel: tunnel.answers.update({contract.OP_FILES_HOME: FOLDER}))
    world.ssh_config.included = Place.TOP
    with CoreRig(world) as made:
        yield made


FOLDER: dict[str, object] = {"home": "/root", "folder": "/work/a b"}


def opened(rig: CoreRig):
    session = rig.attached()
    wait_until(lambda: rig.core.aliases.of(session), "the alias")
    return session


def code(rig: CoreRig, session, key: str) -> str:
    with pytest.raises(AppError) as caught:
        rig.core.open_in.open(session, key, rig.soon())
    return caught.value.problem.code


def test_an_editor_gets_the_alias_and_the_sessions_folder(rig: CoreRig) -> None:
    rig.core.open_in.open(opened(rig), "zed", rig.soon())
    assert rig.world.programs.started == [("/usr/bin/zed", "ssh://sd-a-session/work/a%20b")]


def test_another_process_that_holds_the_tunnel_is_asked_for_the_folder(rig: CoreRig) -> None:
    session = opened(rig)
    world = rig.world
    other = World(world.memory, world.secrets, servers=world.servers, runtime_dir=world.runtime_dir)
    other.ssh_config.included = Place.TOP
    with CoreRig(other, "cli", start=False) as second:
        second.core.open_in.open(session, "vscode-desktop", second.soon())
    assert other.programs.started[0][-1] == "vscode-remote://ssh-remote+sd-a-session/work/a%20b"


def test_a_session_of_an_older_version_opens_at_home(rig: CoreRig) -> None:
    session = opened(rig)
    rig.world.tunnel().answers[contract.OP_FILES_HOME] = {"home": "/root"}
    rig.core.open_in.open(session, "zed", rig.soon())
    assert rig.world.programs.started[0][-1] == "ssh://sd-a-session/root"


def test_what_stands_in_the_way_is_said(rig: CoreRig) -> None:
    session = opened(rig)
    assert code(rig, session, "emacs") == "open.unknown"
    assert code(rig, session, "cursor") == "open.not_installed"
    rig.world.programs.works = False
    assert code(rig, session, "zed") == "open.not_started"
    rig.world.programs.started.clear()
    rig.world.ssh_config.included = Place.BURIED
    assert code(rig, session, "zed") == "ssh.not_included"
    rig.core.connections.detach(session)
    assert code(rig, session, "zed") == "session.not_attached"
    assert rig.world.programs.started == []


def test_look_tells_what_there_is(rig: CoreRig) -> None:
    found = rig.core.open_in.look(rig.soon())
    assert found.programs == {"vscode-desktop": "/usr/bin/code", "zed": "/usr/bin/zed"}
    assert (found.terminals, found.terminal, found.ssh_ready) == (("kgx", "xterm"), "", True)


def test_the_chosen_terminal_is_remembered_and_used(rig: CoreRig) -> None:
    session = opened(rig)
    rig.core.open_in.choose_terminal("xterm")
    rig.core.open_in.open_terminal(session, rig.soon())
    assert rig.world.chosen_terminal == "xterm"
    assert rig.core.open_in.look(rig.soon()).terminal == "xterm"
    with pytest.raises(AppError):
        rig.core.open_in.choose_terminal("rm")
    rig.core.open_in.choose_terminal("")
    assert rig.core.open_in.look(rig.soon()).terminal == ""
