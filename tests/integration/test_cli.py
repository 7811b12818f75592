"""The command line over a core with fakes: what it prints, its JSON, its exit codes, and names that try to break it."""

import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from desktop_app import cli
from desktop_app.domain.options import LaunchSpec, options
from desktop_app.domain.problems import failure
from desktop_app.domain.session import End, Link, Remote, SessionId
from desktop_app.services.core import Core
from remote_bootstrap.contract import fingerprint_line
from tests.fakes.outside import ACCOUNT, HOST_KEY, World, record_of, report_of
from tests.fakes.profiles import FakeProfiles
from tests.fakes.server import UNREACHABLE
from tests.support.core_rig import BOTH, CoreRig, is_link
from tests.support.waiting import wait_until

ODD = "Ünï \"quoted\" 'x'\nline two\tand 会话 🚀 \x1b[31m\u202eevil"


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out
        return json.loads(lines[0])

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Said]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("list", "--json")``: one command line in a process of its own, as far as the core can tell."""

    def one(*arguments: str, over: World | None = None) -> Said:
        capsys.readouterr()
        parsed = cli.parser().parse_args(arguments)
        code = cli.run_command(parsed, lambda: Core((over or world).outside(), "cli"))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return one


@pytest.fixture
def other(world: World) -> World:
    """A second process of the same user: same server, same keyring, same files."""
    return World(world.profiles, world.secrets, servers=world.servers, runtime_dir=world.runtime_dir)


def add_ready(world: World, name: str = "a session") -> str:
    server = world.server()
    task = server.create_running(name, BOTH)
    server.publish(task, record_of(task), BOTH)
    server.write_log(task, fingerprint_line(HOST_KEY) + "\n")
    world.secrets.entries[f"client-key/{ACCOUNT.id}/{task}"] = "PRIVATE KEY"
    return task


@pytest.fixture
def in_background() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Runs what agents and other processes do while a command runs; its failures fail the test."""
    threads: list[threading.Thread] = []
    failures: list[BaseException] = []

    def start(work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        threads.append(threading.Thread(target=guarded, name="background"))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(20)
    assert failures == []


def agent(world: World, then: Callable[[str], None] = lambda _task: None) -> Callable[[], None]:
    """Takes the first task out of the queue and brings it up."""

    def work() -> None:
        server = world.server()
        queued = lambda: [t for t, f in server.tasks.items() if f.facts.remote is Remote.QUEUED]  # noqa: E731
        task = wait_until(queued, "a queued task")[0]
        server.agent_takes(task)
        server.write_log(task, fingerprint_line(HOST_KEY) + "\n")
        server.publish(task, record_of(task), BOTH)
        then(task)

    return work


# -- looking


def test_list_of_nothing(run: Run) -> None:
    assert run("list").code == 0
    assert run("list", "--json").json == {"sessions": [], "problems": {}}


def test_list_is_one_query_per_account_and_needs_no_window(run: Run, world: World) -> None:
    add_ready(world, "first")
    add_ready(world, "second")
    said = run("list")
    assert [line.split()[1] for line in said.out.splitlines()[1:]] == ["second", "first"]
    assert world.server().calls == ["sessions"]
    rows = run("list", "--json").json["sessions"]
    assert [(row["name"], row["status"], row["link"]) for row in rows] == [
        ("second", "Ready", "off"),
        ("first", "Ready", "off"),
    ]


@pytest.mark.parametrize("name", [ODD, "x" * 300, "", "\n", "a  b", "--json", "'; DROP TABLE x; --"])
def test_no_name_breaks_the_output(run: Run, world: World, name: str) -> None:
    task = add_ready(world, name)
    table = run("list").out.splitlines()
    assert len(table) == 2 and table[1].startswith(task[:8])
    assert all(character.isprintable() for line in table for character in line)
    said = run("list", "--json")
    assert said.out.isascii() and said.json["sessions"][0]["name"] == (name or task[:8])
    info = run("info", task)
    assert info.code == 0 and all(line.isprintable() for line in info.out.splitlines())
    assert run("info", task, "--json").json["id"] == task


def test_a_session_is_found_by_id_prefix_and_name(run: Run, world: World) -> None:
    first, second = add_ready(world, "first"), add_ready(world, "second one")
    for text, task in ((first, first), (first[:6], first), ("second one", second), (f"{ACCOUNT.id}/{second}", second)):
        assert run("info", text, "--json").json["id"] == task


@pytest.mark.parametrize("text", ["", "twin", "nothing", "abc"])
def test_an_unclear_session_is_an_error_that_names_what_there_is(run: Run, world: World, text: str) -> None:
    add_ready(world, "twin")
    add_ready(world, "twin")
    said = run("info", *([text] if text else []), "--json")
    assert said.code == 1 and said.json["error"]["code"] == "session.unknown"
    assert "twin" in said.err


def test_the_only_session_needs_no_name(run: Run, world: World) -> None:
    task = add_ready(world)
    assert run("info", "--json").json["id"] == task


def test_an_ended_session_is_found_by_its_whole_id(run: Run, world: World) -> None:
    task = add_ready(world)
    world.server().end(task, End.COMPLETED)
    assert run("info", task, "--json").json["status"] == "Ended"
    foreign = world.server().add_session(world.server().tasks[task].facts, foreign=True)
    assert run("info", foreign, "--json").json["error"]["code"] == "task.foreign"


def test_a_server_that_is_away_is_told_and_the_others_are_listed(run: Run, world: World) -> None:
    far = replace(ACCOUNT, id="acc2", label="Far away")
    world.profiles.save_account(far)
    world.secrets.entries["api-secret/acc2"] = "another-secret"
    world.server("acc2").problem = UNREACHABLE
    add_ready(world, "near")
    said = run("list", "--json")
    assert said.code == 1
    assert [row["name"] for row in said.json["sessions"]] == ["near"]
    assert said.json["problems"]["Far away"]["code"] == "server.unreachable"


@pytest.mark.parametrize("code", ["keyring.locked", "keyring.absent"])
def test_a_keyring_problem_is_a_sentence_and_exit_code_1(run: Run, world: World, code: str) -> None:
    world.secrets.broken = failure(code)
    said = run("info", "--json")
    assert said.code == 1 and said.json["error"]["code"] == code
    assert "keyring" in said.err.lower()


def test_the_log_is_printed_as_it_is(run: Run, world: World) -> None:
    task = add_ready(world)
    world.server().write_log(task, "two\nlines\n", "no end of line")
    assert run("log", task).out == fingerprint_line(HOST_KEY) + "\ntwo\nlines\nno end of line\n"
    assert [line["text"] for line in run("log", task, "--json").events][-1] == "no end of line"


def test_following_a_log_ends_with_the_session(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    task = add_ready(world)

    def end() -> None:
        wait_until(lambda: world.server().calls.count("log") >= 2, "the first page to be read")
        world.server().write_log(task, "the last words\n")
        world.server().end(task)

    in_background(end)
    assert run("log", "-f", task).out.endswith("the last words\n")


# -- launching


def flags_of(spec: LaunchSpec) -> list[str]:
    found: list[str] = []
    for name, option in options().items():
        value = getattr(spec, name)
        if isinstance(value, bool):
            found.append(option.flag if value else option.flag.replace("--", "--no-", 1))
        else:
            found += [option.flag, *(str(value).split("\n") if option.multiline else [str(value)])]
    return found


def test_every_option_is_a_flag_and_reaches_the_task(run: Run, world: World) -> None:
    world.server().set_queue("gpu", ["a"])
    spec = LaunchSpec(
        queue="gpu", name="flags", project="Team/X", jupyterlab=False, vscode=True, jupyterlab_version="4.6.6",
        vscode_version="4.105.1", docker="python:3.12", packages="torch==2.5\ntqdm", user_folder="/data", ssh_port=2222,
    )  # fmt: skip
    assert run("launch", "--no-attach", *flags_of(spec)).code == 0
    assert world.profiles.launches[ACCOUNT.id] == {name: getattr(spec, name) for name in options()}


def test_launch_without_attach_returns_at_once(run: Run, world: World) -> None:
    said = run("launch", "--no-attach", "--json", "--session-name", ODD)
    assert said.code == 0
    assert said.json["event"] == "launched" and said.json["status"] == "Queued"
    assert world.tunnels == []


def test_the_queue_is_chosen_sensibly(run: Run, world: World) -> None:
    run("launch", "--no-attach", "--queue", "default")
    world.server().set_queue("gpu", ["b"])
    assert run("launch", "--no-attach", "--json").json["queue"] == "default"  # the last one
    world.profiles.launches.clear()
    world.server().set_queue("default")
    assert run("launch", "--no-attach", "--json").json["queue"] == "gpu"  # the only served one


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--queue", "no such"), "queue.unknown"),
        (("--session-name", "x"), "launch.invalid"),
        (("--docker", "a b"), "launch.invalid"),
        (("--account", "nobody"), "account.unknown"),
    ],
)
def test_a_launch_that_can_not_be(run: Run, world: World, arguments: tuple[str, ...], code: str) -> None:
    said = run("launch", "--json", *arguments)
    assert said.code == 1 and said.json["error"]["code"] == code
    assert said.err.startswith("sessiondock: ")
    assert world.server().tasks == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("launch", "--no-such-flag"),
        ("nothing",),
        ("launch", "--remote-ssh-port", "x"),
        ("sandbox",),
        ("attach", "a", "b"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.parser().parse_args(arguments)
    assert caught.value.code == 2


def test_launch_wait_returns_when_everything_is_ready(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    in_background(agent(world))
    said = run("launch", "--wait", "--json")
    assert said.code == 0
    assert [event["event"] for event in said.events if event["event"] != "progress"] == ["launched", "ready"]
    ready = said.events[-1]
    assert ready["link"] == "up" and ready["applications"]["jupyterlab"]["local_port"] == 8878
    assert world.server().tasks[ready["id"]].facts.remote is Remote.READY  # it goes on without us


def test_launch_holds_the_tunnel_until_the_session_ends(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    def end(task: str) -> None:
        world.tunnel().wait_for(lambda tunnel: tunnel.probes >= 5)  # it stays for a while
        world.server().end(task)

    in_background(agent(world, end))
    said = run("launch")
    assert said.code == 0
    assert "is ready" in said.err and "http://127.0.0.1:8878" in said.err and "has ended" in said.err
    assert world.tunnel().closed


def test_a_launch_that_fails_shows_why(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    def fail() -> None:
        server = world.server()
        task = wait_until(lambda: next(iter(server.tasks), None), "a task")
        wait_until(lambda: server.tasks[task].facts.remote is Remote.QUEUED, "the task to be queued")
        server.agent_takes(task)
        server.write_log(task, "ERROR: No matching distribution found for tоrch==99\n")
        server.end(task, End.FAILED, "worker execution exit code 1")

    in_background(fail)
    said = run("launch")
    assert said.code == 1 and "No matching distribution found" in said.err


def test_ctrl_c_leaves_the_session_running_and_says_so(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    def press(_task: str) -> None:
        world.tunnel().wait_for(lambda tunnel: tunnel.connected)
        os.kill(os.getpid(), signal.SIGINT)

    in_background(agent(world, press))
    said = run("launch")
    assert said.code == 130
    assert "goes on running" in said.err and "sessiondock attach" in said.err
    task = next(iter(world.server().tasks))
    assert world.server().tasks[task].facts.remote is Remote.READY
    assert world.tunnel().closed


# -- the connection


def test_attach_needs_a_person_when_the_host_key_is_wrong(run: Run, world: World) -> None:
    why = failure("ssh.host_key", address="10.0.0.7", port=10022, found="SHA256:a", expected="SHA256:b")
    world.prepare_tunnel = lambda tunnel: tunnel.connect_errors.append(why)
    task = add_ready(world)
    said = run("attach", task, "--json")
    assert said.code == 1 and said.events[-1]["error"]["code"] == "ssh.host_key"
    assert "SHA256:a" in said.err and "did not connect" in said.err


def test_attach_tells_who_holds_the_session_already(run: Run, world: World, other: World) -> None:
    task = add_ready(world)
    with CoreRig(other) as window:
        session = SessionId(ACCOUNT.id, task)
        window.until(session, lambda s: s.remote is Remote.READY)
        window.core.attach(session, window.soon())
        window.until(session, is_link(Link.UP))
        said = run("attach", task, "--json")
        assert said.code == 0 and said.json["event"] == "held" and said.json["pid"] == os.getpid()
        assert said.json["applications"]["jupyterlab"]["local_port"] == 8878
        row = run("list", "--json").json["sessions"][0]
        assert (row["status"], row["link"], row["held_by"]) == ("Connected", "up", os.getpid())
        assert run("open", task, "--print").out == "http://127.0.0.1:1/page-1\n"
        assert run("open", task, "vscode").code == 0 and other.opened == []
        assert world.opened == ["http://127.0.0.1:1/page-2"]
        assert run("detach", task).code == 0
        assert window.get(session).link is Link.OFF
    assert world.tunnels == []


def test_opening_what_is_not_attached(run: Run, world: World) -> None:
    task = add_ready(world)
    said = run("open", task, "--json")
    assert said.code == 1 and said.json["error"]["code"] == "open.not_ready"
    assert "ttach" in said.err


def test_opening_what_is_not_there(run: Run, world: World) -> None:
    task = world.server().create_running("young", report_of(jupyterlab="installing"))
    assert run("open", task, "--json").json["error"]["code"] == "open.not_ready"


def test_shutdown_waits_for_the_end(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    task = add_ready(world)

    def end() -> None:
        wait_until(lambda: world.server().tasks[task].facts.remote is Remote.STOPPING, "the stop")
        world.server().end(task)

    in_background(end)
    assert run("shutdown", task, "--json").json["done"] == "ended"


def test_shutdown_without_waiting(run: Run, world: World) -> None:
    task = add_ready(world)
    assert run("shutdown", task, "--no-wait", "--json").json["done"] == "shutting down"
    assert world.server().tasks[task].facts.remote is Remote.STOPPING


def test_shutdown_cancels_what_waits(run: Run, world: World) -> None:
    run("launch", "--no-attach")
    assert run("shutdown").code == 0
    assert [f.facts.remote for f in world.server().tasks.values()] == [Remote.ENDED]


# -- accounts and sandbox


def test_a_secret_comes_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("piped-secret\n"))
    said = run("accounts", "add", "https://api.new.test", "NEWKEY", "--json")
    assert said.code == 0 and "piped-secret" not in said.out + said.err
    assert world.secrets.entries[f"api-secret/{said.json['id']}"] == "piped-secret"
    rows = run("accounts", "list", "--json").json["accounts"]
    assert {row["server"] for row in rows} == {ACCOUNT.api_url, "https://api.new.test"}
    assert run("accounts", "remove", said.json["id"]).code == 0
    assert len(run("accounts", "list", "--json").json["accounts"]) == 1


def test_without_any_account_the_sandbox_is_used(run: Run) -> None:
    bare = World(profiles=FakeProfiles())
    said = run("launch", "--no-attach", "--json", over=bare)
    assert said.json["account"] == "sandbox" and bare.sandbox.started == 1


def test_several_accounts_must_be_told_apart(run: Run, world: World) -> None:
    world.profiles.save_account(replace(ACCOUNT, id="acc2", label="Other"))
    world.secrets.entries["api-secret/acc2"] = "another-secret"
    assert run("launch", "--no-attach", "--json").json["error"]["code"] == "account.unknown"
    assert run("launch", "--no-attach", "--json", "--account", "Other").json["account"] == "acc2"


def test_the_sandbox_can_be_started_asked_and_stopped(run: Run) -> None:
    bare = World(profiles=FakeProfiles())
    assert run("sandbox", "status", "--json", over=bare).json == {"running": False, "api_url": None}
    assert run("sandbox", "start", "--json", over=bare).json["running"] is True
    assert run("sandbox", "status", over=bare).err == "The sandbox runs at http://127.0.0.1:18008.\n"
    assert run("sandbox", "stop", over=bare).err == "The sandbox has ended.\n"
    assert run("sandbox", "stop", over=bare).err == "The sandbox does not run.\n"


# -- the program itself


def test_help_names_every_command_and_flag(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["launch", "--help"]):
        with pytest.raises(SystemExit):
            cli.parser().parse_args(arguments)
    text = " ".join(capsys.readouterr().out.split())
    for command in ("launch", "list", "info", "log", "attach", "detach", "shutdown", "sandbox", "open", "accounts"):
        assert command in text
    assert all(option.flag in text for option in options().values())


def test_without_a_display_the_window_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM")
    assert cli.main([]) == 1
    assert "no display" in capsys.readouterr().err


def test_progress_and_notices_are_said_once(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    world.prepare_tunnel = lambda tunnel: tunnel.taken.update({8878: "jupyter-lab (process 4711)"})

    def end(task: str) -> None:
        world.tunnel().wait_for(lambda tunnel: tunnel.probes >= 5)
        world.server().end(task)

    in_background(agent(world, end))
    said = run("launch").err.splitlines()
    assert sum("jupyter-lab (process 4711)" in line for line in said) == 1
    assert len(said) == len(set(said))
