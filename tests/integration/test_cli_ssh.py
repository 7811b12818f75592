"""sessiondock ssh-config, ssh-proxy and open: consent, undo, JSON, exit codes and what is said."""

import pytest

from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.problems import problem
from remote_bootstrap import contract
from tests.fakes.outside import ACCOUNT, World
from tests.support.cli_rig import Run, add_ready
from tests.support.core_rig import CoreRig
from tests.support.waiting import wait_until

SESSION = f"{ACCOUNT.id}/{'a' * 32}"


@pytest.fixture
def named(world: World) -> World:
    world.memory.aliases.save(SESSION, "ada", 8022, "Protein folding", lambda _taken: "sd-protein-folding")
    return world


def test_install_and_remove_say_what_they_did(run: Run, named: World) -> None:
    config = named.ssh_config
    done = run("ssh-config", "install")
    assert done.code == 0 and config.line in done.err and "was added to /home/ada/.ssh/config" in done.err
    assert [alias.name for alias in config.published] == ["sd-protein-folding"]
    assert "is already in" in run("ssh-config", "install").err
    assert "was taken out of" in run("ssh-config", "remove").err
    done = run("ssh-config", "remove")
    assert done.code == 0 and "is not in" in done.err


@pytest.mark.parametrize(("place", "code"), [(Place.TOP, 0), (Place.ABSENT, 1), (Place.BURIED, 1)])
def test_status_lists_the_aliases_and_answers_by_its_exit_code(run: Run, named: World, place: Place, code: int) -> None:
    named.ssh_config.included = place
    done = run("ssh-config", "status")
    assert done.code == code and done.out == "sd-protein-folding  Protein folding\n"
    assert ("ssh-config install" in done.err) is (code == 1)
    found = run("ssh-config", "status", "--json").json
    assert (found["state"], found["changed"], found["line"]) == (place.value, False, named.ssh_config.line)
    row = {"alias": "sd-protein-folding", "session": "a" * 32, "name": "Protein folding"}
    assert found["aliases"] == [row]


def test_a_file_that_cannot_be_written_is_a_problem(run: Run, world: World) -> None:
    world.ssh_config.failing = problem(
        "ssh.config_unwritable", path="x", why="it is read-only", by_hand="Add", line="L"
    )
    assert run("ssh-config", "install").code == 1
    assert run("ssh-config", "install", "--json").json["error"]["code"] == "ssh.config_unwritable"


def test_an_unknown_alias_is_said_with_those_that_there_are(run: Run, named: World) -> None:
    done = run("ssh-proxy", "sd-other")
    assert done.code == 1 and "sd-other" in done.err and "sd-protein-folding" in done.err and done.out == ""


def test_a_session_that_nobody_holds_is_said_with_how_to_attach_it(run: Run, world: World) -> None:
    task = add_ready(world, "Protein folding")
    world.memory.aliases.save(f"{ACCOUNT.id}/{task}", "ada", 8022, "Protein folding", lambda _taken: "sd-x")
    done = run("ssh-proxy", "sd-x")
    assert done.code == 1 and f"sessiondock attach {task[:8]}" in done.err and "“Protein folding”" in done.err


# -- sessiondock open


def test_open_lists_what_a_session_can_be_opened_in(run: Run, world: World) -> None:
    done = run("open", "--list")
    assert done.code == 0 and "ssh-config install" in done.err
    rows = [line.split()[0] for line in done.out.splitlines()[1:]]
    assert rows == ["jupyterlab", "vscode", "vscode-desktop", "zed", "terminal"]
    world.ssh_config.included = Place.TOP
    found = run("open", "--list", "--json").json
    assert found["ssh_config"] is True and found["terminals"] == ["kgx", "xterm"]
    assert {"key": "zed", "label": "Zed", "program": "/usr/bin/zed"} in found["open_in"]


def test_open_starts_a_program_on_a_session_that_a_window_holds(run: Run, world: World, other: World) -> None:
    world.prepare_tunnel = lambda tunnel: tunnel.answers.update({contract.OP_FILES_HOME: {"folder": "/work"}})
    other.ssh_config.included = Place.TOP
    with CoreRig(world) as rig:
        rig.attached()
        wait_until(lambda: world.memory.aliases.all(), "the alias")
        done = run("open", "zed", over=other)
        assert (done.code, done.out, done.err) == (0, "", "Zed opens.\n")
        assert other.programs.started == [("/usr/bin/zed", "ssh://sd-a-session/work")]
        assert run("open", "a session", "cursor", over=other).code == 1
        assert run("open", "a session", "zed", "--json", over=other).json["in"] == "zed"


def test_open_terminal_takes_the_chosen_program_and_remembers_it(run: Run, world: World, other: World) -> None:
    with CoreRig(world) as rig:
        rig.attached()
        assert run("open", "terminal", "--terminal", "xterm", over=other).code == 0
        assert other.chosen_terminal == "xterm" and len(other.terminals) == 1
        assert run("open", "terminal", "--terminal", "nonsense", over=other).code == 1
        assert world.memory.preferences.get("terminal") == "xterm"
