"""The command line over a core with fakes: what it prints, its JSON, its exit codes, and names that try to break it."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from desktop_app.cli import main as cli
from desktop_app.demo.memory import FakeMemory
from desktop_app.demo.server import UNREACHABLE
from desktop_app.domain.accounts.account import SANDBOX_ID
from desktop_app.domain.launch.options import options
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts
from remote_bootstrap.contract import fingerprint_line
from tests.fakes.outside import ACCOUNT, HOST_KEY, World
from tests.support.cli_rig import ODD, Run, add_ready
from tests.support.waiting import wait_until

# -- looking


def test_list_of_nothing(run: Run) -> None:
    assert run("list").code == 0
    assert run("list", "--json").json == {"sessions": [], "problems": {}}


@pytest.mark.parity("U6", "list")
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


@pytest.mark.parity("S8")
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


@pytest.mark.parity("info")
def test_a_session_is_found_by_id_prefix_and_name(run: Run, world: World) -> None:
    first, second = add_ready(world, "first"), add_ready(world, "second one")
    for text, task in ((first, first), (first[:6], first), ("second one", second), (f"{ACCOUNT.id}/{second}", second)):
        assert run("info", text, "--json").json["id"] == task


@pytest.mark.parametrize(
    ("text", "code"), [("", "ambiguous"), ("twin", "ambiguous"), ("no", "unknown"), ("abc", "unknown")]
)
def test_an_unclear_session_is_an_error_that_names_what_there_is(run: Run, world: World, text: str, code: str) -> None:
    add_ready(world, "twin")
    add_ready(world, "twin")
    said = run("info", *([text] if text else []), "--json")
    assert said.code == 1 and said.json["error"]["code"] == f"session.{code}"
    assert "twin" in said.err


def test_the_only_session_needs_no_name(run: Run, world: World) -> None:
    task = add_ready(world)
    assert run("info", "--json").json["id"] == task


@pytest.mark.parity("info")
def test_an_ended_session_is_found_by_its_whole_id(run: Run, world: World) -> None:
    task = add_ready(world)
    world.server().end(task, End.COMPLETED)
    assert run("info", task, "--json").json["status"] == "Ended"
    foreign = world.server().add_session(world.server().rows[task].facts, foreign=True)
    assert run("info", foreign, "--json").json["error"]["code"] == "task.foreign"


def test_a_server_that_is_away_is_told_and_the_others_are_listed(run: Run, world: World) -> None:
    far = replace(ACCOUNT, id="acc2", label="Far away")
    world.memory.accounts.save(far)
    world.secrets.entries["api-secret/acc2"] = "another-secret"
    world.server("acc2").problem = UNREACHABLE
    add_ready(world, "near")
    said = run("list", "--json")
    assert said.code == 1
    assert [row["name"] for row in said.json["sessions"]] == ["near"]
    assert said.json["problems"]["Far away"]["code"] == "server.unreachable"


@pytest.mark.parity("H7")
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
    bare = World(memory=FakeMemory())
    said = run("launch", "--no-attach", "--json", over=bare)
    assert said.json["account"] == "sandbox" and bare.sandbox.started == 1


def test_a_sandbox_that_has_ended_is_started_before_a_launch_and_only_then(run: Run) -> None:
    bare = World(memory=FakeMemory())
    run("launch", "--no-attach", over=bare)
    bare.sandbox.stop()
    assert run("list", over=bare).err.startswith("No sessions.") and not bare.sandbox.started
    said = run("launch", "--no-attach", over=bare)
    assert said.code == 0 and "Starting the sandbox" in said.err and bare.sandbox.started


def test_several_accounts_must_be_told_apart(run: Run, world: World) -> None:
    world.memory.accounts.save(replace(ACCOUNT, id="acc2", label="Other"))
    world.secrets.entries["api-secret/acc2"] = "another-secret"
    assert run("launch", "--no-attach", "--json").json["error"]["code"] == "account.several"
    assert run("launch", "--no-attach", "--json", "--account", "Other").json["account"] == "acc2"


def test_the_sandbox_can_be_started_asked_and_stopped(run: Run) -> None:
    bare = World(memory=FakeMemory())
    assert run("sandbox", "status", "--json", over=bare).json == {"running": False, "api_url": None}
    assert run("sandbox", "start", "--json", over=bare).json["running"] is True
    assert run("sandbox", "status", over=bare).out == "The sandbox runs at http://127.0.0.1:18008.\n"
    assert run("sandbox", "stop", over=bare).err == "The sandbox has ended.\n"
    assert run("sandbox", "stop", over=bare).err == "The sandbox does not run.\n"


def test_stopping_the_sandbox_names_the_sessions_that_ended_with_it(run: Run, world: World) -> None:
    for form in ("text", "json"):
        run("sandbox", "start")
        task = add_ready(world, account=SANDBOX_ID)
        said = run("sandbox", "stop", *(["--json"] if form == "json" else []))
        if form == "json":
            assert said.json == {"running": False, "api_url": None, "ended": [task]}
        else:
            assert said.err == f"The sandbox has ended, and with it “a session” ({task[:8]}).\n"
        world.servers.pop(SANDBOX_ID)
    assert run("sandbox", "stop", "--json").json == {"running": False, "api_url": None, "ended": []}


def test_a_sandbox_that_rests_is_named_where_its_sessions_are_looked_for(run: Run) -> None:
    bare = World(memory=FakeMemory())
    run("sandbox", "start", over=bare)
    assert run("list", "--ended", over=bare).err == "No session has ended.\n"
    run("sandbox", "stop", over=bare)
    for command in (("list", "--ended"), ("info", "mine"), ("log", "mine"), ("info", "ab" * 16)):
        said = run(*command, over=bare)
        assert "The sandbox does not run." in said.err and "sessiondock sandbox start" in said.err
        assert "No session has ended" not in said.err
    assert not bare.sandbox.started


# -- the program itself


def test_help_names_every_command_and_flag(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["launch", "--help"]):
        with pytest.raises(SystemExit):
            cli.parse(arguments)
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


def test_a_session_that_two_accounts_know_is_named_by_the_account(run: Run, world: World) -> None:
    """Two keys of one person on one server: the same session twice, with the same id."""
    world.memory.accounts.save(replace(ACCOUNT, id="acc2", label="Other key"))
    world.secrets.entries["api-secret/acc2"] = "another-secret"
    world.servers["acc2"] = world.server()
    task = add_ready(world)
    refused = run("info", task[:8])
    assert refused.code == 1
    assert f"--account {ACCOUNT.id}" in refused.err and "--account acc2" in refused.err
    assert run("info", task[:8], "--account", "acc2").code == 0


# -- in no queue


def test_a_session_in_no_queue_is_told_and_put_into_one(run: Run, world: World) -> None:
    task = world.server().add_session(ServerFacts(Remote.QUEUED, "lost one", queue="default"))
    world.server().take_out(task, "Queue “gpu” was deleted", by="Bob")
    row = run("list", "--json").json["sessions"][0]
    assert (row["status"], row["remote"], row["in_queue"]) == ("In no queue", "created", False)
    assert row["problem"]["code"] == "queue.none"
    assert row["problem"]["remedies"] == ["Put into a queue…", "Remove the session"]
    said = run("info", "lost one").out
    assert "In no queue" in said and "Queue “gpu” was deleted" in said and "sessiondock enqueue" in said
    with pytest.raises(SystemExit):
        run("enqueue", "lost one")
    unknown = run("enqueue", "lost one", "--queue", "defualt")
    assert unknown.code == 1 and "Did you mean default?" in unknown.err
    again = run("enqueue", "lost one", "--queue", "default")
    assert again.code == 0 and "waits in the queue “default”" in again.err
    assert run("list", "--json").json["sessions"][0]["in_queue"] is True


def test_attaching_to_a_session_in_no_queue_says_why_nothing_happens(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    task = world.server().add_session(ServerFacts(Remote.QUEUED, "lost one", queue="default"))
    world.server().take_out(task, "reset", by="Bob")
    world.secrets.entries[f"client-key/{ACCOUNT.id}/{task}"] = "PRIVATE KEY"

    def delete() -> None:
        wait_until(lambda: world.server().calls.count("sessions") > 20, "polls")
        world.server().delete(task)

    in_background(delete)
    said = run("attach", "lost one")
    assert "was reset on the ClearML server by Bob" in said.err and "sessiondock enqueue" in said.err
