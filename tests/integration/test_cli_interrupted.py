"""Interrupted is interrupted: exit code 130 and what is kept, wherever the signal strikes and whoever swallows it."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop_app.cli.terminal import interrupt
from desktop_app.cli.terminal.interrupt import Interruptible
from desktop_app.demo.files import lost
from desktop_app.domain.problems import Cancelled, failure
from remote_bootstrap.contract import OP_SYNC_WORKSPACE
from tests.fakes.outside import World
from tests.support.cli_rig import Run, add_ready

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def watched() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interrupt.watch()
    yield
    interrupt.watch()  # forgets the interruption
    for number, handler in before.items():
        signal.signal(number, handler)


def strikes(number: int, then: Callable[[], object]) -> Callable[[object], None]:
    """The signal arrives, and what it raises is swallowed on the way."""

    def work(_told: object) -> None:
        try:
            os.kill(os.getpid(), number)
            signal.sigtimedwait([], 0)  # the handler runs between two steps of this thread
        except KeyboardInterrupt:
            then()

    return work


def breaks() -> None:
    raise lost()


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
@pytest.mark.parametrize("then", [breaks, lambda: None], ids=["looks like a lost connection", "swallowed"])
def test_an_upload_is_not_tried_again(
    run: Run, world: World, tmp_path: Path, number: int, then: Callable[[], object]
) -> None:
    task = add_ready(world)
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    world.machine.on_written = strikes(number, then)
    said = run("upload", task, str(tmp_path / "file"))
    assert said.code == 130, said.err
    assert "Interrupted. What was copied stays" in said.err and "trying again" not in said.err
    assert world.machine.connects == 1


def test_the_next_upload_goes_on(run: Run, world: World, tmp_path: Path) -> None:
    task = add_ready(world)
    data = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(data)
    world.machine.on_written = strikes(signal.SIGTERM, breaks)
    said = run("upload", task, str(tmp_path / "file"), "--json")
    assert said.code == 130 and said.events[-1]["event"] == "interrupted"
    interrupt.watch()
    world.machine.on_written = lambda _total: None
    assert run("upload", task, str(tmp_path / "file")).code == 0
    assert (world.machine.home / "session-files" / "file").read_bytes() == data


def test_other_commands_that_reach_the_session_end_too(run: Run, world: World, tmp_path: Path) -> None:
    task = add_ready(world)
    work = strikes(signal.SIGTERM, breaks)
    for command in (("files", task), ("download", task, "x", "--to", str(tmp_path)), ("sync", task)):
        interrupt.watch()
        world.machine.answers[OP_SYNC_WORKSPACE] = [failure("ssh.lost", address="x")]
        world.server().on_call = lambda name: work(name) if name == "session" else None
        assert run(*command).code == 130, command
        world.server().on_call = lambda _name: None


def test_every_wait_of_the_command_line_ends_with_a_signal() -> None:
    cancel = Interruptible()
    cancel.check()
    assert not cancel.wait(0.0)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait([], 1)
    assert cancel.cancelled and cancel.wait(60.0) and interrupt.interrupted()
    with pytest.raises(Cancelled):
        Interruptible().check()


def test_signals_that_are_ignored_stay_so() -> None:
    """A shell starts what it runs in the background so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt.watch()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_no_command_makes_a_cancel_that_a_signal_does_not_cancel() -> None:
    folder = Path(interrupt.__file__).parent
    wrong = [
        path.name for path in folder.glob("*.py") if "= Cancel(" in (text := path.read_text()) or "(Cancel(" in text
    ]
    assert wrong == []
