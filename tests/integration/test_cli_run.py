"""Commands that launch, connect, open and end, over a core with fakes: events, exit codes, Ctrl-C, other processes."""

import io
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.cli import main as cli
from desktop_app.domain.launch.option import Kind
from desktop_app.domain.launch.options import LaunchSpec, from_profile, options, task_parameters, to_profile
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import End, Link, Remote, ServerFacts, SessionId
from tests.fakes.outside import ACCOUNT, World, report_of
from tests.support.cli_rig import ODD, Run, add_ready, agent
from tests.support.core_rig import CoreRig, is_link, last_launch, remember_launch
from tests.support.waiting import wait_until

# -- launching


def flags_of(spec: LaunchSpec, scripts: Path) -> list[str]:
    found: list[str] = []
    for name, option in options().items():
        value = getattr(spec, name)
        if isinstance(value, bool):
            found += [option.flag, str(value).lower()]
        elif option.kind is Kind.SCRIPT:
            script = scripts / name
            script.write_text(value, "utf-8")
            found += [option.flag, str(script)]
        else:
            found += [option.flag, *(value.split("\n") if option.kind in (Kind.LIST, Kind.PATHS) else [value])]
    return found


@pytest.mark.parity(
    "--queue", "--session-name", "--project", "--session-tags", "--jupyter-lab", "--vscode-server", "--docker",
    "--docker-args", "--packages", "--requirements", "--user-folder", "--password", "--username", "--init-script",
    "--git-credentials",
)  # fmt: skip
def test_every_option_is_a_flag_and_reaches_the_launch(
    run: Run, world: World, tmp_path: Path, in_background: Callable[[Callable[[], None]], None]
) -> None:
    in_background(agent(world))  # with files to upload, the command stays until they are there
    world.server().set_queue("gpu", ["a"])
    world.server().add_session(ServerFacts(Remote.ENDED, "the task to debug"), foreign=True, task="d1")
    world.server().add_session(ServerFacts(Remote.ENDED, "the session to continue"), task="c1" * 16)
    (tmp_path / "requirements.txt").write_text("numpy>=1\n", "utf-8")
    spec = LaunchSpec(
        queue="gpu", name="flags", project="Team/Lab", tags="one tag\nanother", queue_include_tag="gpu",
        queue_excluded_tag="slow", session_cleanup="no", jupyterlab=False, jupyterlab_version="4.6.6",
        vscode_version="4.105.1:2025.12.0", vscode_url="https://x/code-server.tar.gz#sha256=" + "0" * 64,
        vscode_extensions="ms-python.python\nms-python.pylint", base_task="b1",
        debug_task="d1", docker="python:3.12", packages="torch==2.5\ntqdm",
        requirements=str(tmp_path / "requirements.txt"), init_script="export A=1", user_folder="/data",
        docker_args="--shm-size=8g", docker_network="port", storage_packages=False, store_workspace="~/work",
        upload_files="/etc/hostname\n/etc/hosts", continue_session="c1" * 16, workspace_minutes="20",
        git_credentials=True,
        ssh_agent_forwarding=True, username="ada", password="correct horse",
        attach_passphrase="battery staple", randomize="always", public_ip=True,
        remote_gateway="gate:31022", ssh_port="2222:2300", router_enabled=True, force_dropbear=True,
        cli_compatible=True, clearml_credentials=True, init_script_minutes="45",
    )  # fmt: skip
    changed = {name for name in options() if getattr(spec, name) != getattr(LaunchSpec(), name)}
    assert set(options()) - changed == {"vscode", "store_defaults"}
    said = run("launch", "--no-attach", *flags_of(spec, tmp_path))
    assert said.code == 0 and "correct horse" not in said.out + said.err
    assert options()["cli_compatible"].help in said.err  # a plain warning
    task, session = next((task, found) for task, found in world.server().rows.items() if task not in ("d1", "c1" * 16))
    kept = world.memory.sessions
    assert to_profile(last_launch(world)) == to_profile(spec)  # --store-defaults asks for it
    assert from_profile(kept.launched_with[f"{ACCOUNT.id}/{task}"]) == replace(spec, password="", attach_passphrase="")
    assert world.secrets.entries[f"ssh-password/{ACCOUNT.id}/{task}"] == "correct horse"
    # the password is what --cli-compatible was warned to do, the port is for --router-enabled
    assert session.runtime == {"_ssh_password": "correct horse", "internal_tcp_port_request": "2222"}
    session.runtime.clear()
    written = repr((session, kept.__dict__, world.profiles.content))
    assert not any(text in written for text in ("correct horse", "battery staple"))
    assert session.parameters.items() >= task_parameters(spec).items()
    assert session.draft.tags == ("another", "one tag")  # as the server sorts them
    assert (session.draft.docker, session.draft.docker_args) == ("python:3.12", "--shm-size=8g -p 10022:2222")
    assert session.draft.requirements[1:] == ("numpy>=1", "torch==2.5", "tqdm")


@pytest.mark.parity("U3")
def test_launch_without_attach_returns_at_once(run: Run, world: World) -> None:
    said = run("launch", "--no-attach", "--json", "--session-name", ODD)
    assert said.code == 0
    assert said.json["event"] == "launched" and said.json["status"] == "Queued"
    assert world.tunnels == []


def test_the_queue_is_chosen_sensibly(run: Run, world: World) -> None:
    run("launch", "--no-attach", "--queue", "default", "--store-defaults")
    world.server().set_queue("gpu", ["b"])
    remember_launch(world, LaunchSpec(queue="gpu"))
    assert run("launch", "--no-attach", "--json").json["queue"] == "default"  # not what somebody clicked last
    world.server().set_queue("default")
    assert run("launch", "--no-attach", "--json").json["queue"] == "gpu"  # the only served one


@pytest.mark.parity("H7")
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
    assert world.server().rows == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("launch", "--no-such-flag"),
        ("nothing",),
        ("launch", "--jupyter-lab=perhaps"),
        ("launch", "--docker-network", "bridge"),
        ("sandbox",),
        ("attach", "a", "b"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.parse(arguments)
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
    assert world.server().rows[ready["id"]].facts.remote is Remote.READY  # it goes on without us


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


@pytest.mark.parity("H7")
def test_a_launch_that_fails_shows_why(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    def fail() -> None:
        server = world.server()
        task = wait_until(lambda: next(iter(server.rows), None), "a task")
        wait_until(lambda: server.rows[task].facts.remote is Remote.QUEUED, "the task to be queued")
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
    task = next(iter(world.server().rows))
    assert world.server().rows[task].facts.remote is Remote.READY
    assert world.tunnel().closed


# -- the connection


def test_attach_needs_a_person_when_the_host_key_is_wrong(run: Run, world: World) -> None:
    why = failure("ssh.host_key", address="10.0.0.7", port=10022, found="SHA256:a", expected="SHA256:b")
    world.prepare_tunnel = lambda tunnel: tunnel.connect_errors.append(why)
    task = add_ready(world)
    said = run("attach", task, "--json")
    assert said.code == 1 and said.events[-1]["error"]["code"] == "ssh.host_key"
    assert "SHA256:a" in said.err and "did not connect" in said.err


def test_a_passphrase_from_standard_input_is_kept_in_the_task_as_ciphertext(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = add_ready(world)
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert run("passphrase", task, "--json").json["done"] == "passphrase set"
    slots = world.server().rows[task].parameters["key_slots"]
    assert "passphrase" in slots and "horse" not in slots and "PRIVATE KEY" not in slots


def test_attach_tells_who_holds_the_session_already(run: Run, world: World, other: World) -> None:
    task = add_ready(world)
    with CoreRig(other) as window:
        session = SessionId(ACCOUNT.id, task)
        window.until(session, lambda s: s.remote is Remote.READY)
        window.core.connections.attach(session, window.soon())
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
    assert said.code == 1 and said.json["error"]["code"] == "session.not_attached"
    assert f"sessiondock attach {task[:8]}" in said.err
    assert run("open", "bogus", "--json").json["error"]["code"] == "open.neither"
    assert run("open", task, "bogus", "--json").json["error"]["code"] == "open.unknown"


def test_what_waits_until_all_is_ready_names_no_address_that_is_gone_then(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    in_background(agent(world))
    said = run("launch", "--wait")
    task = next(iter(world.server().rows))
    assert said.code == 0 and "127.0.0.1" not in said.err
    assert said.err.endswith(f"Connect: sessiondock attach {task[:8]}\n")


def test_opening_what_is_not_there(run: Run, world: World) -> None:
    task = world.server().create_running("young", report_of(jupyterlab="installing"))
    assert run("open", task, "--json").json["error"]["code"] == "open.not_ready"


@pytest.mark.parity("shutdown")
def test_shutdown_waits_for_the_end(
    run: Run, world: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    task = add_ready(world)

    def end() -> None:
        wait_until(lambda: world.server().rows[task].facts.remote is Remote.STOPPING, "the stop")
        world.server().end(task)

    in_background(end)
    assert run("shutdown", task, "--json").json["done"] == "ended"


def test_shutdown_without_waiting(run: Run, world: World) -> None:
    task = add_ready(world)
    assert run("shutdown", task, "--no-wait", "--json").json["done"] == "shutting down"
    assert world.server().rows[task].facts.remote is Remote.STOPPING


@pytest.mark.parity("U4", "shutdown")
def test_shutdown_cancels_what_waits(run: Run, world: World) -> None:
    run("launch", "--no-attach")
    assert run("shutdown").code == 0
    assert [f.facts.remote for f in world.server().rows.values()] == [Remote.ENDED]


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


def test_with_a_window_open_the_window_connects(
    run: Run, world: World, other: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    with CoreRig(other) as window:
        assert window.core.connections.peers.claim_window()
        in_background(agent(world))
        said = run("launch", "--json").events
        assert [event["event"] for event in said if event["event"] not in ("progress", "notice")] == [
            "launched",
            "held",
        ]
        assert (said[-1]["link"], said[-1]["status"], said[-1]["held_by"]) == ("up", "Connected", os.getpid())
        assert said[-1]["applications"]["jupyterlab"]["local_port"] == 8878
        assert window.get(SessionId(ACCOUNT.id, said[0]["id"])).link is Link.UP
    assert world.tunnels == []


def test_a_second_session_in_the_sandbox_is_told_that_it_waits(run: Run) -> None:
    first = run("launch", "--account", "sandbox", "--no-attach")
    assert first.code == 0 and "one session at a time" not in first.err
    second = run("launch", "--account", "sandbox", "--no-attach")
    assert second.code == 0 and "The sandbox runs one session at a time: this one begins when" in second.err
