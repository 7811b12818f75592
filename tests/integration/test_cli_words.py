"""Small words of the command line: any order, near misses, who holds what, what waits, and what can't be seen here."""

import itertools
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.cli import main as cli
from desktop_app.cli.arguments import parse, parser
from desktop_app.demo.server import UNREACHABLE
from desktop_app.domain.diagnosis import Stage
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import End, Link, Remote, ServerFacts, SessionId
from desktop_app.services.core import Core
from desktop_app.services.ssh.elsewhere import no_browser
from tests.fakes.outside import ACCOUNT, World
from tests.support.cli_rig import Run, add_ready
from tests.support.core_rig import CoreRig, is_link
from tests.support.waiting import wait_until

# -- any order


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("open", "S", "jupyterlab"), ("--print",)),
        (("open", "S", "jupyterlab"), ("--account", "A")),
        (("forward", "S", "8080"), ("--local", "9000")),
        (("forward", "S", "8080"), ("--account", "A")),
        (("reverse", "S", "80:81"), ("--stop",)),
        (("upload", "S", "one", "two"), ("--json",)),
        (("download", "S", "one"), ("--account", "A")),
        (("profiles", "save", "x"), ("--queue", "q")),
        (("profiles", "rename", "x", "y"), ("--json",)),
        (("accounts", "add", "http://h", "KEY"), ("--json",)),
        (("files", "S", "folder"), ("--account", "A")),
        (("trust", "S", "SHA256:" + "A" * 43), ("--account", "A")),
        (("give", "S", "git"), ("--yes",)),
        (("enqueue", "S"), ("--queue", "q")),
        (("log", "S"), ("-f",)),
    ],
)
def test_words_and_options_come_in_any_order(words: tuple[str, ...], option: tuple[str, ...]) -> None:
    command, *rest = words
    wanted = vars(parse([command, *rest, *option]))
    for at in range(len(rest)):
        assert vars(parse([command, *rest[:at], *option, *rest[at:]])) == wanted, at


def test_what_names_the_account_may_come_before_any_command() -> None:
    """A command's own default must not undo it."""
    for name, command in parser().commands.items():
        if "--account" in command.flags and name not in ("launch", "trust", "enqueue"):
            words = {"forward": ["S", "80"], "reverse": ["S", "80"], "upload": ["S", "x"], "download": ["S", "x"]}
            more = words.get(name, ["S"] if any(w.startswith("S") for w in command.words.values()) else [])
            more += {"give": ["git"], "withhold": ["git"], "git": ["list"], "accounts": ["list"]}.get(name, [])
            try:
                found = parse(["--account", "A", name, *more])
            except SystemExit:
                continue  # its words are another matter
            assert found.account == "A", name
    assert parse(["--account", "A", "doctor"]).account == parse(["--account", "A", "ports"]).account == "A"
    assert parse(["--yes", "cleanup"]).yes


def test_a_word_too_many_is_still_one() -> None:
    for words in itertools.permutations(("a", "jupyterlab", "c", "--print")):
        with pytest.raises(SystemExit):
            parse(["open", *words])
    assert parse(["open", "--", "-odd name"]).session == "-odd name"


# -- near misses


def test_a_name_that_is_nearly_right_is_asked_about(run: Run, world: World) -> None:
    add_ready(world, "Protein folding")
    assert "Did you mean Protein folding?" in run("info", "protien folding").err
    assert "Did you mean" not in run("info", "zzzz").err
    run("profiles", "save", "nightly", "--queue", "default")
    assert "Did you mean nightly?" in run("launch", "--profile", "nihgtly").err
    assert "Did you mean nightly?" in run("profiles", "show", "Nightli").err
    assert "Did you mean jupyterlab?" in run("open", "Protein folding", "jupyterlap").err
    assert f"Did you mean {ACCOUNT.label}?" in run("list", "--account", "Ada on spi.clearml.test").err


# -- one holds


def test_of_four_attaches_at_once_one_holds_and_three_say_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    task = add_ready(world)
    codes: list[int] = []
    start = threading.Barrier(4)

    def attach() -> None:
        mine = World(world.memory, world.secrets, servers=world.servers, runtime_dir=world.runtime_dir)
        parsed = parse(["attach", task, "--json"])
        core = Core(mine.outside(), "cli")
        start.wait(10)
        codes.append(cli.run_command(parsed, lambda: core))

    threads = [threading.Thread(target=attach, name=f"attach-{n}") for n in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(codes) == 3, "three that say who holds it")
    world.server().delete(task)
    for thread in threads:
        thread.join(10)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    held = [event for event in events if event.get("event") == "held"]
    assert codes[:3] == [0, 0, 0] and len(held) == 3 and all(event["pid"] for event in held)
    assert [event for event in events if "error" in event] == [
        event for event in events if event.get("error", {}).get("code") == "task.gone"
    ]


# -- the doctor


def test_a_session_that_waits_is_not_broken(run: Run, world: World) -> None:
    facts = ServerFacts(Remote.QUEUED, "waits", queue="default")
    task = world.server().add_session(facts)
    for remote in (Remote.QUEUED, Remote.STARTING):
        world.server().change(task, remote=remote)
        said = run("doctor", "waits")
        assert said.code == 0 and "BROKEN" not in said.out and "doubtful  The session is not up yet" in said.out
        found = run("doctor", "waits", "--json").json
        assert not found["works"] and found["headline"] == "The session is not up yet"
    world.server().set_queue("default")
    world.server().change(task, remote=Remote.QUEUED)
    assert "doubtful  No agent serves this queue" in run("doctor", "waits").out
    world.server().take_out(task, "reset")
    said = run("doctor", "waits")
    assert said.code == 1 and "BROKEN    The session is in no queue" in said.out


def test_what_is_broken_is_not_called_by_what_it_should_be(run: Run, world: World) -> None:
    add_ready(world)
    world.patient.breaks = Stage.REACH
    world.patient.error = failure("ssh.unreachable", address="10.0.0.7", port=10022)
    for said in (run("doctor"), run("doctor", "--report")):
        assert "can't be reached" in said.out and "can be reached" not in said.out
    assert run("doctor", "--json").json["findings"][8]["what"] == "The machine can be reached", "what was checked"


# -- where no browser is


def test_a_server_without_a_browser_says_how_a_laptop_gets_there(run: Run, world: World) -> None:
    task = add_ready(world)
    world.can_open = False
    with CoreHolding(world, task):
        said = run("open", task, "jupyterlab")
    assert said.code == 1
    assert "ssh -N -L 8878:127.0.0.1:8878 -L 1:127.0.0.1:1 " in said.err
    assert "From another computer" in said.err and "sessiondock open SESSION --print" in said.err


def test_the_address_is_the_one_that_the_shell_came_by() -> None:
    came = {"SSH_CONNECTION": "192.0.2.7 50000 192.0.2.9 22"}
    text = str(no_browser("http://127.0.0.1:45678/x", 8878, came))
    assert "-L 8878:127.0.0.1:8878 -L 45678:127.0.0.1:45678 " in text and "@192.0.2.9" in text
    plain = str(no_browser("http://127.0.0.1:6006/", 0, {}))
    assert "-L 6006:127.0.0.1:6006" in plain and "30 seconds" not in plain


class CoreHolding:
    """Another process of ours that holds the session."""

    def __init__(self, world: World, task: str) -> None:
        self._world, self._task = world, task

    def __enter__(self) -> None:

        mine = World(
            self._world.memory, self._world.secrets, servers=self._world.servers, runtime_dir=self._world.runtime_dir
        )
        self._rig = CoreRig(mine, "cli").__enter__()
        session = SessionId(ACCOUNT.id, self._task)
        self._rig.until(session, lambda s: s.remote is Remote.READY)
        self._rig.core.connections.attach(session, self._rig.soon())
        self._rig.until(session, is_link(Link.UP))

    def __exit__(self, *_: object) -> None:
        self._rig.core.close()


# -- clean-up, profiles, continuing


def test_where_nobody_can_be_asked_nothing_is_deleted_and_that_is_said(run: Run, world: World) -> None:
    task = add_ready(world)
    world.server().end(task)
    said = run("cleanup")
    assert said.code == 0 and "Nothing was deleted" in said.err and "cleanup --yes" in said.err
    said = run("cleanup", "--json")
    assert said.json["deleted"] == 0 and "Nothing was deleted" in said.err
    assert task in world.server().rows
    assert "Nothing was deleted" not in run("cleanup", "--yes").err


def test_a_profile_with_a_queue_that_is_not_there_is_warned_of(run: Run, world: World, tmp_path: Path) -> None:
    said = run("profiles", "save", "x", "--queue", "defualt")
    assert said.code == 0 and "has a queue “defualt” now" in said.err and "Did you mean default?" in said.err
    assert "has a queue" not in run("profiles", "save", "x", "--queue", "default").err
    run("profiles", "save", "x", "--queue", "elsewhere")
    run("profiles", "export", "x", str(tmp_path / "x.json"))
    assert "“elsewhere”" in run("profiles", "import", str(tmp_path / "x.json"), "y").err
    world.server().problem = UNREACHABLE
    assert "has a queue" not in run("profiles", "save", "x", "--queue", "nope").err, "who does not answer may have it"


@pytest.mark.parametrize("given", ["f" * 32, "foreign"])
def test_what_is_to_be_continued_must_be_there(run: Run, world: World, given: str) -> None:
    task = (
        world.server().add_session(ServerFacts(Remote.ENDED, "training"), foreign=True) if given == "foreign" else given
    )
    before = len(world.server().rows)
    said = run("launch", "--queue", "default", "--continue-session", task, "--no-attach")
    assert said.code == 1 and task in said.err
    assert ("is no session" if given == "foreign" else "does not exist on this server") in said.err
    assert len(world.server().rows) == before and "create" not in world.server().calls
    ended = world.server().add_session(ServerFacts(Remote.ENDED, "earlier", End.COMPLETED))
    assert run("launch", "--queue", "default", "--continue-session", ended, "--no-attach").code == 0


def test_a_port_that_is_dead_or_our_own_is_called_so(run: Run, world: World, prepare: Callable[[World], None]) -> None:
    task = add_ready(world)
    prepare(world)
    with CoreHolding(world, task):
        dead = run("forward", task, "6006")
        assert dead.code == 0 and "Nothing listens on port 6006" in dead.err
        ours = run("forward", task, "9000")
        assert ours.code == 1 and "JupyterLab" in ours.err and "http://127.0.0.1:8878" in ours.err


@pytest.fixture
def prepare() -> Callable[[World], None]:
    def answers(world: World) -> None:
        world.prepare_tunnel = lambda tunnel: tunnel.answers.update({"listening": {"listening": []}})

    return answers


def test_a_failed_session_is_explained_to_whoever_comes_later(run: Run, world: World) -> None:
    task = world.server().create_running("fails")
    world.server().end(task, End.FAILED, "worker execution exit code 1")
    world.server().write_log(task, "ERROR: No matching distribution found for nosuch\n")
    assert "No matching distribution" in run("info", task).out
