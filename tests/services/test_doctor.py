"""core.doctor over the fakes: which stage it names for each thing that can be broken, and what it says."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.secrets import API_SECRET, CLIENT_KEY
from desktop_app.domain.diagnosis import Diagnosis, Finding, Stage, Verdict
from desktop_app.domain.problems import failure, problem
from desktop_app.domain.sessions.clearml_session import ClearmlSession
from desktop_app.domain.sessions.snapshot import End, Remote, SessionId
from tests.fakes.outside import ACCOUNT, report_of
from tests.support.core_rig import CoreRig


@pytest.fixture
def rig() -> Iterator[CoreRig]:
    with CoreRig(start=False) as made:
        made.world.patient.report = report_of(jupyterlab="ready", vscode="ready")
        yield made


@pytest.fixture
def session(rig: CoreRig) -> SessionId:
    return rig.running()


def examine(rig: CoreRig, session: SessionId) -> Diagnosis:
    told: list[Finding] = []
    found = rig.core.doctor.examine(session, Cancel(10), told.append)
    assert [one for one in found.findings if one.verdict is not Verdict.UNKNOWN] == sorted(
        told, key=lambda one: list(Stage).index(one.stage)
    )
    assert rig.world.patient.opened == 0
    return found


def change(rig: CoreRig, session: SessionId, **changes: Any) -> None:
    task = rig.server.rows[session.task]
    task.facts = replace(task.facts, **changes)


def test_when_all_is_well_every_stage_says_so(rig: CoreRig, session: SessionId) -> None:
    found = examine(rig, session)
    assert found.broken is None and found.doubtful is None
    assert {one.verdict for one in found.findings} == {Verdict.GOOD}
    assert {one.stage for one in found.findings} == set(Stage)
    assert [one.what for one in found.findings[-2:]] == ["JupyterLab answers", "VS Code answers"]
    assert found.headline == "Everything works."


def test_it_works_while_another_process_holds_the_tunnel(rig: CoreRig) -> None:
    session = rig.attached()
    assert examine(rig, session).broken is None


@pytest.mark.parametrize(
    ("code", "stage", "unknown"),
    [
        ("server.unreachable", Stage.SERVER, Stage.CREDENTIALS),
        ("server.tls", Stage.SERVER, Stage.CREDENTIALS),
        ("server.unauthorised", Stage.CREDENTIALS, Stage.TASK),
        ("server.expired", Stage.CREDENTIALS, Stage.TASK),
    ],
)
def test_a_broken_server_is_told_and_the_machine_is_looked_at_all_the_same(
    rig: CoreRig, session: SessionId, code: str, stage: Stage, unknown: Stage
) -> None:
    examine(rig, session)  # this computer has seen the host key
    rig.server.problem = problem(code, server="https://api.clearml.test")
    found = examine(rig, session)
    assert found.broken is not None and found.broken.stage is stage
    verdicts = {one.stage: one.verdict for one in found.findings}
    assert verdicts[unknown] is Verdict.UNKNOWN
    assert verdicts[Stage.SIGN_IN] is Verdict.GOOD
    assert found.headline == rig.server.problem.title


def test_a_keyring_that_does_not_open(rig: CoreRig, session: SessionId) -> None:
    rig.world.secrets.broken = failure("keyring.locked")
    found = examine(rig, session)
    assert found.broken is not None and found.broken.stage is Stage.KEYRING
    assert "Unlock" in found.advice


def test_a_secret_that_is_not_there(rig: CoreRig, session: SessionId) -> None:
    rig.world.secrets.delete(API_SECRET, ACCOUNT.id)
    found = examine(rig, session)
    assert found.broken is not None and found.broken.stage is Stage.CREDENTIALS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"remote": Remote.QUEUED, "queue": "a100", "queue_watched": False}, "No running ClearML agent"),
        ({"remote": Remote.QUEUED, "queue": "a100"}, "until an agent is free"),
        ({"remote": Remote.STARTING}, "prepares the environment"),
        ({"remote": Remote.ENDED, "end": End.FAILED, "message": "out of memory"}, "out of memory"),
        ({"remote": Remote.ENDED}, "Launch a new one"),
    ],
)
def test_a_session_that_does_not_run(rig: CoreRig, session: SessionId, changes: dict[str, object], words: str) -> None:
    change(rig, session, **changes)
    found = examine(rig, session)
    worst = found.broken if changes["remote"] is Remote.ENDED else found.doubtful  # what waits is not broken
    assert worst is not None and worst.stage is Stage.TASK and not found.works
    assert found.broken is None or changes["remote"] is Remote.ENDED
    assert words in found.advice
    assert rig.world.patient.targets == []


def test_a_deleted_task(rig: CoreRig, session: SessionId) -> None:
    del rig.server.rows[session.task]
    found = examine(rig, session)
    assert found.broken is not None and found.broken.stage is Stage.TASK


def test_an_agent_that_is_lost_is_worth_saying(rig: CoreRig, session: SessionId) -> None:
    change(rig, session, worker="gpu:0", worker_lost_s=600.0)
    found = examine(rig, session)
    assert found.broken is None
    assert found.doubtful is not None and found.doubtful.stage is Stage.AGENT
    assert "10 minutes" in found.advice


def test_a_record_that_is_forged(rig: CoreRig, session: SessionId) -> None:
    rig.world.bad_record = problem("ssh.record", why="The signature is wrong.")
    found = examine(rig, session)
    assert found.broken is not None and found.broken.stage is Stage.RECORD
    assert rig.world.patient.targets == []


def test_a_session_of_another_computer(rig: CoreRig, session: SessionId) -> None:
    rig.world.secrets.delete(CLIENT_KEY, session.text)
    found = examine(rig, session)
    assert found.broken is not None and found.broken.stage is Stage.KEY


@pytest.mark.parametrize("stage", [Stage.NAME, Stage.REACH, Stage.SSH, Stage.HOST_KEY, Stage.SIGN_IN, Stage.CONTROL])
def test_the_stage_of_the_connection_that_breaks(rig: CoreRig, session: SessionId, stage: Stage) -> None:
    rig.world.patient.breaks = stage
    found = examine(rig, session)
    assert found.broken is not None and found.broken.stage is stage
    after = list(Stage)[list(Stage).index(stage) + 1 :]
    assert all(one.verdict is Verdict.UNKNOWN for one in found.findings if one.stage in after)


def test_a_session_of_clearml_session_is_examined_with_its_password(rig: CoreRig, session: SessionId) -> None:
    rig.world.secrets.entries.pop(f"client-key/{session.text}")  # not one of ours
    change(rig, session, record=None, clearml_session=ClearmlSession("10.0.0.9", 10022, 10022, "root"))
    found = examine(rig, session)
    assert found.broken is None
    assert found.doubtful is not None and found.doubtful.stage is Stage.RECORD
    (target,) = rig.world.patient.targets
    assert target.is_clearml_session and target.record.address == "10.0.0.9"


@pytest.mark.parity("H1")
def test_an_application_that_is_dead_one_that_failed_and_one_that_starts(rig: CoreRig, session: SessionId) -> None:
    rig.world.patient.report = report_of(jupyterlab="ready", vscode="failed")
    port = rig.world.patient.report.apps["jupyterlab"].port
    rig.world.patient.dead.add(port)
    found = examine(rig, session)
    assert [one.problem.code for one in found.findings if one.problem] == ["app.refused", "app.failed"]
    assert found.broken is not None and found.broken.subject == "JupyterLab"
    rig.world.patient.report = report_of(jupyterlab="installing")
    found = examine(rig, session)
    assert found.broken is None and found.doubtful is not None


@pytest.mark.parametrize("status", [0, 500, 503])
def test_an_application_that_answers_nonsense_is_worth_saying(rig: CoreRig, session: SessionId, status: int) -> None:
    lab = rig.world.patient.report.apps["jupyterlab"].port
    rig.world.patient.answers[lab] = status
    found = examine(rig, session)
    assert found.broken is None
    assert found.doubtful is not None and found.doubtful.subject == "JupyterLab"


def test_the_report_is_in_words_and_without_secrets(rig: CoreRig, session: SessionId) -> None:
    rig.world.patient.breaks = Stage.REACH
    rig.world.patient.error = failure("ssh.unreachable", address="10.0.0.7", port=1, cause="the-api-secret")
    text = rig.core.doctor.report(examine(rig, session))
    assert text.startswith("SessionDock ")
    assert "[ok] The ClearML server answers: https://api.clearml.test" in text
    assert "[BROKEN] The session's machine can't be reached" in text and "can be reached" not in text
    assert "[not checked] An SSH server answers" in text
    assert "cause: •••" in text and "the-api-secret" not in text
