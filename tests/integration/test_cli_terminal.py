"""The command line at a terminal (a pseudo-terminal): what it asks, and what a person may type while connected."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from desktop_app.cli import main as cli
from desktop_app.compose import new_keyboard
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import Remote
from desktop_app.services.core import Core
from tests.fakes.outside import QUICK, World
from tests.support.cli_rig import add_ready, agent
from tests.support.core_rig import last_launch, remember_launch
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

Background = Callable[[Callable[[], None]], None]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def command(world: World, terminal: Terminal, *arguments: str) -> int:
    with terminal:
        return cli.run_command(cli.parse(arguments), lambda: Core(world.outside(), "cli"))


def launched(world: World) -> str:
    return wait_until(lambda: next(iter(world.server().rows), ""), "a task")


def test_the_wizard_asks_for_what_no_flag_said(world: World, terminal: Terminal, in_background: Background) -> None:
    world.server().set_queue("gpu", ["b"])

    def person() -> None:
        terminal.answer("Which queue?", "9")
        terminal.answer("from 0 to 1", "1")
        terminal.answer("JupyterLab? [Y/n]", "perhaps")
        terminal.answer("answer y or n", "n")
        terminal.answer("VS Code? [Y/n]", "")
        terminal.answer("Python packages [none]", "=wrong")
        terminal.answer("not a package requirement", "torch==2.5, tqdm")
        terminal.answer("in queue “gpu”? [Y/n]", "")
        agent(world)()
        terminal.expect("is ready")
        terminal.expect("Type r to reconnect")
        terminal.type("q\n")

    in_background(person)
    assert command(world, terminal, "--docker", "python:3.12") == 0
    draft = world.server().rows[launched(world)].draft
    assert draft.docker == "python:3.12" and draft.parameters["jupyterlab"] == "False"
    assert draft.requirements[1:] == ("torch==2.5", "tqdm")
    terminal.expect("goes on running")
    assert last_launch(world).queue == "gpu"


def test_yes_asks_nothing_and_listens_once_connected(
    world: World, terminal: Terminal, in_background: Background
) -> None:
    def person() -> None:
        agent(world)()
        terminal.expect("Type r to reconnect")
        terminal.type("q\n")

    in_background(person)
    assert command(world, terminal, "--yes", "--queue", "default") == 0
    terminal.expect("goes on running")


def test_remembered_answers_are_the_defaults(world: World, terminal: Terminal, in_background: Background) -> None:
    world.server().set_queue("gpu", ["b"])
    remember_launch(world, LaunchSpec(queue="gpu", docker="python:3.11", vscode=False))

    def person() -> None:
        terminal.answer("1* gpu", "")
        terminal.answer("JupyterLab? [Y/n]", "")
        terminal.answer("VS Code? [y/N]", "")
        terminal.answer("Docker image [python:3.11]", "-")
        terminal.answer("Python packages [none]", "")
        terminal.answer("Launch", "n")

    in_background(person)
    assert command(world, terminal, "--ask") == 130
    assert world.server().rows == {}


def test_a_session_that_lives_is_offered_first(world: World, terminal: Terminal, in_background: Background) -> None:
    task = add_ready(world, "the one")

    def person() -> None:
        terminal.answer("Connect to the one", "")
        terminal.answer("Type r to", "q")

    in_background(person)
    assert command(world, terminal, "--ask") == 0
    assert list(world.server().rows) == [task]


def test_one_of_several_is_chosen_by_number(world: World, terminal: Terminal, in_background: Background) -> None:
    add_ready(world, "older")
    add_ready(world, "newer")

    def person() -> None:
        terminal.answer("Number [0], q to leave", "1")
        terminal.answer("“older” is ready", "quit")

    in_background(person)
    assert command(world, terminal, "--attach") == 0


def test_the_default_is_a_session_that_is_up_and_q_leaves(
    world: World, terminal: Terminal, in_background: Background
) -> None:
    add_ready(world, "older")
    world.server().create_running("newer")  # an agent still prepares it

    def person() -> None:
        terminal.answer("1* older", "q")
        terminal.expect("Left; nothing was done.")

    in_background(person)
    assert command(world, terminal, "--ask") == 130


def test_q_leaves_a_question_of_yes_or_no(world: World, terminal: Terminal, in_background: Background) -> None:
    add_ready(world, "the one")
    in_background(lambda: terminal.answer("Connect to the one", "q"))
    assert command(world, terminal, "--ask") == 130
    assert world.tunnels == []


def test_ctrl_d_while_asked_launches_nothing(world: World, terminal: Terminal, in_background: Background) -> None:
    def person() -> None:
        terminal.expect("Which queue?")
        terminal.type("\x04")

    in_background(person)
    assert command(world, terminal, "--ask") == 130
    assert world.server().rows == {}


def attached(world: World, terminal: Terminal, in_background: Background, person: Callable[[str], None]) -> int:
    task = add_ready(world, "a session")

    def work() -> None:
        terminal.expect("Type r to")
        person(task)

    in_background(work)
    return command(world, terminal, "--attach", task)


@pytest.mark.parity("connected-commands")
def test_r_checks_the_connection_and_dials_again(terminal: Terminal, in_background: Background) -> None:
    world = World(pace=replace(QUICK, probe_every_s=1000.0))

    def person(_task: str) -> None:
        world.tunnel().probe_error = failure("ssh.lost", address="x")
        terminal.type("r\n")
        wait_until(lambda: len(world.tunnel().targets) > 1, "another dial")
        world.tunnel().probe_error = None
        terminal.type("reconnect\nq\n")

    assert attached(world, terminal, in_background, person) == 0


@pytest.mark.parity("connected-commands")
def test_shutdown_ends_the_session(world: World, terminal: Terminal, in_background: Background) -> None:
    def person(task: str) -> None:
        terminal.type("shutdown\n")
        wait_until(lambda: world.server().rows[task].facts.remote is Remote.STOPPING, "the request")
        world.server().end(task)

    assert attached(world, terminal, in_background, person) == 0
    terminal.expect("has ended")


@pytest.mark.parity("N6", "--shell", "connected-commands")
def test_leaving_the_shell_leaves_the_forwards(world: World, terminal: Terminal, in_background: Background) -> None:
    world.ssh_access.argv = ("sh", "-c", 'read line; echo "the shell read $line" >&2; exit 3')

    def person(_task: str) -> None:
        terminal.type("s\n")
        terminal.type("for the shell\n")
        terminal.expect("the shell read for the shell")
        terminal.expect("Type r to")
        assert world.tunnel().connected
        terminal.type("nonsense\n")
        terminal.expect("Type r to")
        terminal.type("q\n")

    assert attached(world, terminal, in_background, person) == 0


@pytest.mark.parity("--shell")
def test_shell_opens_one_at_once_and_its_end_is_the_command_s(world: World, terminal: Terminal) -> None:
    task = add_ready(world, "a session")
    world.ssh_access.argv = ("sh", "-c", "exit 3")
    assert command(world, terminal, "--attach", task, "--shell") == 3
    assert world.server().rows[task].facts.remote is Remote.READY


@pytest.mark.parity("H4", "W1")
def test_waiting_takes_no_processor_time(terminal: Terminal) -> None:
    """Also once the input has ended, which is where clearml-session begins to spin."""
    typed: list[str | None] = []
    with terminal:
        keyboard = new_keyboard(typed.append)
    before = time.process_time()
    terminal.type("\x04")
    for _ in range(4):
        keyboard.wait(0.25)
    assert typed == [None] and time.process_time() - before < 0.5
    poker = threading.Timer(0.05, keyboard.poke)
    poker.start()
    began = time.monotonic()
    keyboard.wait(30)
    assert time.monotonic() - began < 20
    poker.join()
    keyboard.close()
    keyboard.poke()
