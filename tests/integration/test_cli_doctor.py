"""The command doctor over a core with fakes."""

from desktop_app.domain.accounts.account import SANDBOX_ID
from desktop_app.domain.diagnosis import Stage
from desktop_app.domain.problems import failure, problem
from tests.fakes.outside import World, report_of
from tests.support.cli_rig import Run, add_ready


def test_all_is_well(run: Run, world: World) -> None:
    add_ready(world)
    world.patient.report = report_of(jupyterlab="ready")
    said = run("doctor", "a session")
    assert said.code == 0
    lines = said.out.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert len(lines) == len(Stage)
    assert "Everything works." in said.err


def test_the_first_broken_stage_is_named_with_what_to_do(run: Run, world: World) -> None:
    add_ready(world)
    world.patient.breaks = Stage.REACH
    said = run("doctor")
    assert said.code == 1
    assert said.out.splitlines()[-1] == "BROKEN    The session's machine can't be reached"
    assert "VPN" in said.err


def test_as_json_and_as_a_report(run: Run, world: World) -> None:
    add_ready(world)
    world.patient.breaks = Stage.SIGN_IN
    world.patient.error = failure("ssh.auth", address="10.0.0.7", cause="the-api-secret")
    found = run("doctor", "--json")
    assert found.code == 1
    assert not found.json["works"]
    broken = [one for one in found.json["findings"] if one["verdict"] == "broken"]
    assert [one["stage"] for one in broken] == ["sign_in"]
    assert broken[0]["problem"]["code"] == "ssh.auth"
    report = run("doctor", "--report")
    assert report.code == 1
    assert "[BROKEN] The session's machine refused the key" in report.out
    assert "the-api-secret" not in report.out


def test_an_unknown_session_is_a_problem(run: Run, world: World) -> None:
    assert run("doctor", "nobody").code == 1


def test_a_server_that_is_away_is_named_though_no_session_can_be_found(run: Run, world: World) -> None:
    add_ready(world)
    world.server().problem = problem("server.unreachable", server="https://api.clearml.test")
    found = run("doctor", "a session", "--json")
    assert found.code == 1
    assert found.json["session"] is None
    assert [one["stage"] for one in found.json["findings"] if one["verdict"] == "broken"] == ["server"]
    assert "BROKEN" in run("doctor").out


def test_a_wrong_key_is_named_too(run: Run, world: World) -> None:
    world.server().problem = problem("server.unauthorised", server="https://api.clearml.test")
    said = run("doctor")
    assert said.code == 1
    assert said.out.splitlines()[-1].startswith("BROKEN    The ClearML server refuses the API key")


def test_a_sandbox_that_does_not_run_is_not_started(run: Run, world: World) -> None:
    """It says so, and how to start it; with other accounts its rest is nobody's fault."""
    run("sandbox", "start")
    task = add_ready(world, account=SANDBOX_ID)
    run("sandbox", "stop")
    for words in ((), (task,), ("--account", SANDBOX_ID)):
        said = run("doctor", *words)
        assert said.code == 1 and world.sandbox.started == 0, words
        assert "The sandbox does not run." in said.err and "sessiondock sandbox start" in said.err
    assert "BROKEN    The sandbox does not answer" in run("doctor", "--account", SANDBOX_ID).out
    assert "BROKEN" not in run("doctor").out
