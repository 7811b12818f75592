"""Launching: what the task gets, what the keyring gets, and that a launch that fails leaves nothing behind."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.demo.server import FakeServer
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.domain.accounts.secrets import SecretKind
from desktop_app.domain.launch.options import defaults
from desktop_app.domain.problems import AppError, Cancelled, failure, problem
from desktop_app.domain.sessions.snapshot import Link, Remote
from desktop_app.services.state.notices import Notice
from remote_bootstrap import contract
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import BOTH, SPEC, CoreRig, is_link
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until

ODD = "Ünï \"quoted\" 'name'\nwith\ta newline 会话 🚀 $(rm -rf /) <b>"


@pytest.mark.parity("S6", "--packages")
def test_the_task_gets_payload_key_packages_and_parameters() -> None:
    with CoreRig(start=False) as rig:
        spec = replace(SPEC, packages="torch==2.5\ntqdm", docker="python:3.12", vscode=False, user_folder="/data/ü x")
        task = rig.server.rows[rig.launch(spec).task]
        assert task.draft.script == "print('the bootstrap')\n"
        assert task.draft.requirements == (contract.CLEARML_REQUIREMENT, "torch==2.5", "tqdm")
        assert task.draft.docker == "python:3.12"
        assert task.parameters["authorized_key"] == "ssh-ed25519 AAAAclient"
        assert task.parameters["contract"] == str(contract.CONTRACT_VERSION)
        assert task.parameters["vscode"] == "False" and task.parameters["user_folder"] == "/data/ü x"


@pytest.mark.parity("S6")
def test_the_private_key_is_in_the_keyring_before_the_task_is_in_the_queue() -> None:
    with CoreRig(start=False) as rig:
        stored_when_enqueued: list[bool] = []
        enqueue = rig.server.tasks.enqueue

        def watching(task: str, queue: str, cancel: Cancel) -> bool:
            stored_when_enqueued.append(f"client-key/{ACCOUNT.id}/{task}" in rig.world.secrets.entries)
            return enqueue(task, queue, cancel)

        rig.server.tasks.enqueue = watching  # type: ignore[method-assign]  # the fake's own, watched
        session = rig.launch()
        assert stored_when_enqueued == [True]
        private = rig.world.secrets.entries[f"client-key/{session.text}"]
        assert "PRIVATE KEY" in private
        assert private not in repr(rig.server.rows)


@pytest.mark.parity("--session-name")
@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        (ODD, "Ünï \"quoted\" 'name' with a newline 会话 🚀 $(rm -rf /) <b>"),
        ("  spaces  ", "spaces"),
        ("a" * 200, "a" * 200),
    ],
)
def test_odd_names_are_one_line_and_otherwise_kept(name: str, becomes: str) -> None:
    with CoreRig(start=False) as rig:
        session = rig.launch(replace(SPEC, name=name))
        assert rig.server.rows[session.task].draft.name == becomes
        assert rig.get(session).name == becomes


@pytest.mark.parity("--session-name")
def test_names_that_nobody_chose_can_be_told_apart_and_chosen_ones_stay() -> None:
    with CoreRig(start=False) as rig:
        rig.server.create_running("Interactive session", BOTH)  # by another computer: not in our store
        default = replace(SPEC, name=defaults().name)
        names = [rig.get(rig.launch(spec)).name for spec in (default, default, SPEC, SPEC)]
        assert names == ["Interactive session 2", "Interactive session 3", SPEC.name, SPEC.name]
        assert rig.core.launches.last_spec(ACCOUNT.id).name == SPEC.name
        rig.launch(default)
        assert rig.core.launches.last_spec(ACCOUNT.id).name == defaults().name


def test_project_and_tags_are_sent_as_the_server_keeps_them() -> None:
    """So that what is compared with the task later, and looked for, is what was launched."""
    with CoreRig(start=False) as rig:
        session = rig.launch(replace(SPEC, project=" Team // Lab/", tags="beta\n alpha \nbeta"))
        sent = rig.server.rows[session.task].draft
        assert (sent.project, sent.tags) == ("Team/Lab", ("alpha", "beta"))
        assert rig.get(session).facts.project == "Team/Lab"


@pytest.mark.parametrize(
    "bad",
    [{"name": "\n"}, {"name": "x" * 201}, {"queue": " "}, {"project": "Team/ab"}, {"packages": "torch ; ; \n{}"},
     {"docker": "an image"}, {"ssh_port": "70000"}, {"user_folder": "a\nb"}, {"jupyterlab_version": "4 6"}],
)  # fmt: skip
def test_what_can_not_be_launched_is_told_before_anything_is_made(bad: dict[str, Any]) -> None:
    with CoreRig(start=False) as rig:
        with pytest.raises(AppError) as caught:
            rig.launch(replace(SPEC, **bad))
        assert caught.value.problem.code == "launch.invalid"
        assert rig.server.rows == {} and not rig.server.calls


@pytest.mark.parity("--requirements")
def test_a_requirements_file_is_read_at_launch(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("# ours\nnumpy>=1\n--extra-index-url https://x/simple\n", "utf-8")
    with CoreRig(start=False) as rig:
        spec = replace(SPEC, requirements=str(file), packages="tqdm")
        draft = rig.server.rows[rig.launch(spec).task].draft
        assert draft.requirements[1:] == ("numpy>=1", "--extra-index-url https://x/simple", "tqdm")
        assert rig.core.launches.last_spec(ACCOUNT.id).requirements == str(file)


@pytest.mark.parity("--disable-storage-packages")
def test_a_bucket_as_file_server_brings_its_library_unless_it_is_not_wanted() -> None:
    world = World()
    world.memory.accounts.save(replace(ACCOUNT, files_url="s3://bucket"))
    with CoreRig(world, start=False) as rig:
        wanted = rig.server.rows[rig.launch(SPEC).task].draft.requirements
        unwanted = rig.server.rows[rig.launch(replace(SPEC, storage_packages=False)).task].draft.requirements
    assert wanted[-1] == "boto3>=1.9" and "boto3>=1.9" not in unwanted


@pytest.mark.parity("--requirements")
@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"-r other.txt", b"===="])
def test_a_requirements_file_that_can_not_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "requirements.txt"
    if content is not None:
        file.write_bytes(content)
    with CoreRig(start=False) as rig:
        with pytest.raises(AppError) as caught:
            rig.launch(replace(SPEC, requirements=str(file)))
        assert caught.value.problem.code == "launch.invalid" and "Requirements file" in caught.value.problem.detail
        assert rig.server.rows == {}


@pytest.mark.parity("S5", "--password", "--randomize")
def test_a_password_is_this_session_s_own_and_in_the_keyring_only() -> None:
    with CoreRig(start=False) as rig:
        sessions = [rig.launch(replace(SPEC, randomize="always")) for _ in range(2)]
        kept = [rig.world.secrets.entries[f"ssh-password/{session.text}"] for session in sessions]
        assert len(set(kept)) == 2 and all(len(password) >= 20 for password in kept)
        assert not any(password in repr((rig.server.rows, vars(rig.world.memory))) for password in kept)
        unasked = rig.launch()
        assert f"ssh-password/{unasked.text}" not in rig.world.secrets.entries
        rig.core.sessions.forget(sessions[0])
        wait_until(lambda: f"ssh-password/{sessions[0].text}" not in rig.world.secrets.entries, "it to be forgotten")


@pytest.mark.parity("--disable-store-defaults")
def test_a_launch_that_is_not_to_be_remembered_is_not() -> None:
    with CoreRig(start=False) as rig:
        rig.launch(replace(SPEC, packages="tqdm"))
        rig.launch(replace(SPEC, packages="numpy", store_defaults=False))
        assert rig.core.launches.last_spec(ACCOUNT.id).packages == "tqdm"


@pytest.mark.parametrize("failing", ["create", "enqueue"])
def test_a_failed_launch_leaves_nothing_behind(failing: str) -> None:
    with CoreRig(start=False) as rig:
        rig.server.problems[failing] = problem("server.unreachable", server="x")
        with pytest.raises(AppError):
            rig.launch()
        assert rig.server.rows == {}
        assert not any(name.startswith("client-key") for name in rig.world.secrets.entries)
        assert rig.core.store.all() == ()


def test_an_unknown_queue_leaves_nothing_behind() -> None:
    with CoreRig(start=False) as rig:
        with pytest.raises(AppError) as caught:
            rig.launch(replace(SPEC, queue="no such queue"))
        assert caught.value.problem.code == "queue.unknown"
        assert rig.server.rows == {}


@pytest.mark.parametrize("code", ["keyring.locked", "keyring.absent", "keyring.silent"])
def test_without_a_keyring_nothing_is_launched(code: str, expected_log: ExpectLog) -> None:
    with CoreRig(start=False) as rig:
        rig.core.launches.queues(ACCOUNT.id, rig.soon())  # signed in while the keyring was open
        rig.world.secrets.broken = failure(code, **({"seconds": "5"} if code == "keyring.silent" else {}))
        expected_log("the key of the failed launch .* is left behind")
        with pytest.raises(AppError) as caught:
            rig.launch()
        assert caught.value.problem.code == code
        assert rig.server.rows == {}


def test_a_launch_that_is_cancelled_half_way_leaves_nothing_behind() -> None:
    cancel = Cancel(5.0)
    with CoreRig(start=False) as rig:
        store = rig.world.secrets.set

        def set_and_cancel(kind: SecretKind, owner: str, value: str) -> None:
            store(kind, owner, value)
            cancel.cancel()

        rig.world.secrets.set = set_and_cancel  # type: ignore[method-assign]  # the fake's own, watched
        with pytest.raises(Cancelled):
            rig.core.launches.launch(ACCOUNT.id, SPEC, cancel)
        assert rig.server.rows == {}
        assert not any(name.startswith("client-key") for name in rig.world.secrets.entries)


def test_what_can_not_be_cleaned_up_is_in_the_log(expected_log: ExpectLog) -> None:
    with CoreRig(start=False) as rig:
        rig.server.problems["enqueue"] = rig.server.problems["stop"] = problem("server.unreachable", server="x")
        expected_log("the task of the failed launch .* is left behind")
        with pytest.raises(AppError):
            rig.launch()
        assert len(rig.server.rows) == 1


def test_the_last_launch_is_remembered() -> None:
    with CoreRig(start=False) as rig:
        spec = replace(SPEC, packages="tqdm", vscode=False)
        rig.launch(spec)
        assert rig.core.launches.last_spec(ACCOUNT.id) == spec


def test_a_launched_session_is_attached_by_itself() -> None:
    with CoreRig() as rig:
        session = rig.launch()
        assert rig.get(session).remote is Remote.QUEUED
        rig.comes_up(session)
        rig.until(session, is_link(Link.UP))


@pytest.mark.parity("H3")
def test_a_queue_that_nobody_serves_is_told_and_can_be_left() -> None:
    world = World()
    server = FakeServer(())
    world.servers[ACCOUNT.id] = server
    server.set_queue("default")
    server.set_queue("served", ["agent-1"])
    with CoreRig(world) as rig:
        session = rig.launch()
        waiting = rig.until(session, lambda s: s.problem is not None)
        assert waiting.problem is not None and waiting.problem.code == "queue.no_agent"
        rig.core.sessions.move_to_queue(session, "served", rig.soon())
        moved = rig.until(session, lambda s: s.problem is None)
        assert moved.facts.queue == "served"
        rig.comes_up(session)
        rig.until(session, is_link(Link.UP))


def test_a_queue_without_agent_heals_when_one_comes() -> None:
    with CoreRig() as rig:
        rig.server.set_queue("default")
        session = rig.launch()
        rig.until(session, lambda s: s.problem is not None)
        rig.server.set_queue("default", ["late-agent"])
        rig.until(session, lambda s: s.problem is None)


def test_moving_to_an_unknown_queue_stays_where_it_was() -> None:
    with CoreRig(start=False) as rig:
        session = rig.launch()
        with pytest.raises(AppError) as caught:
            rig.core.sessions.move_to_queue(session, "no such queue", rig.soon())
        assert caught.value.problem.code == "queue.unknown"
        facts = rig.server.rows[session.task].facts
        assert (facts.remote, facts.queue) == (Remote.QUEUED, "default")


@pytest.mark.parity("U4")
def test_cancelling_a_waiting_launch() -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.core.sessions.stop(session, rig.soon())
        rig.until(session, lambda s: s.remote is Remote.ENDED)
        assert not rig.world.tunnels


@pytest.mark.parity("S6")
def test_the_fake_tunnel_never_sees_the_api_secret() -> None:
    tunnels: list[FakeTunnel] = []
    world = World(prepare_tunnel=tunnels.append)
    with CoreRig(world) as rig:
        rig.attached()
    assert "the-api-secret" not in repr([vars(tunnel) for tunnel in tunnels])


@pytest.mark.parity("--router-enabled")
def test_a_route_is_prepared_before_the_task_is_queued() -> None:
    with CoreRig() as rig:
        session = rig.launch(replace(SPEC, router_enabled=True, ssh_port="2222:2300"))
        assert rig.server.rows[session.task].runtime == {"internal_tcp_port_request": "2222"}
        assert rig.server.calls.index("write_runtime") < rig.server.calls.index("enqueue")


def test_a_requirements_file_of_powershell_and_its_includes_reach_the_task(tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_bytes(b"\xef\xbb\xbfrequests==2.32.3\r\n")
    file = tmp_path / "requirements.txt"
    file.write_bytes(
        "-r base.txt\r\ntqdm==4.66.4 \\\r\n    --hash=sha256:00\r\n-e git+https://h/t.git#egg=t\r\n".encode("utf-16")
    )
    with CoreRig(start=False) as rig:
        draft = rig.server.rows[rig.launch(replace(SPEC, requirements=str(file), packages="")).task].draft
    expected = ("requests==2.32.3", "tqdm==4.66.4", "-e git+https://h/t.git#egg=t")
    assert draft.requirements[1:] == expected


def test_hashes_that_an_agent_can_not_keep_are_left_out_with_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("--require-hashes\ntqdm==4.66.4 --hash=sha256:00\n--extra-index-url=https://h/simple\n")
    told: list[Notice] = []
    with CoreRig(start=False) as rig:
        rig.core.on_notice(told.append)
        draft = rig.server.rows[rig.launch(replace(SPEC, requirements=str(file), packages="")).task].draft
    assert draft.requirements[1:] == ("tqdm==4.66.4", "--extra-index-url https://h/simple")
    assert any("without a look at their hashes" in notice.body for notice in told)
