"""The main job, as the README promises it, with everything real; and what it must not leave behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.sandbox import launch
from tests.e2e import evidence
from tests.e2e.evidence import CommandLines
from tests.e2e.main_job import MainJob
from tests.support.desktop_rig import Rig, RigOptions
from tests.support.paths import REPOSITORY

PICTURES = REPOSITORY / "build" / "e2e"
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def job() -> Iterator[MainJob]:
    with Rig(RigOptions(window_manager=True)) as rig:
        job = MainJob(rig, "Größe “7” & more")
        yield job
        job.take_pictures(PICTURES)  # of the end, which after a failure is what the person was looking at


@pytest.mark.parity("S4", "S6")
def test_a_working_day(job: MainJob) -> None:
    """Wizard, JupyterLab, VS Code, terminal, quit, start again, attach, shut down: and nothing is left."""
    with CommandLines() as command_lines:
        job.start_app()
        job.choose_sandbox()
        job.launch()
        job.measure_start()
        assert job.run_cell("print(6 * 7)") == "42"
        job.open_vscode()
        assert job.ssh("'echo $((40 + 2))'") == "42\n"
        ports = job.local_ports()
        secrets = job.secrets()
        assert len(secrets) >= 4, "an API secret, a client key and two logins at least"

        job.quit()
        assert evidence.session_processes(job.task), "quitting must not stop the session"
        job.start_app()
        job.attach()
        assert job.local_ports() == ports
        # the page that stayed open all the while still works, kernel and all
        assert job.run_cell("print(6 * 7)") == "42"
        log = job.log()
        assert "SessionDock: SSH answers" in log
        job.shut_down()
        job.quit()
    assert launch.stop(job.sandbox_home)
    _nothing_is_left(job, secrets, log, command_lines)


def _nothing_is_left(job: MainJob, secrets: list[str], log: str, command_lines: CommandLines) -> None:
    assert evidence.session_processes(job.task) == []
    assert command_lines.containing(secrets) == []
    assert not any(secret in log for secret in secrets)
    # the keyring's own file is encrypted; everything else below the user's home is searched, the server's database too
    assert evidence.files_containing(job.rig.home, secrets) == []
    assert evidence.files_containing(Path(job.rig.env["XDG_RUNTIME_DIR"]), secrets) == []


@pytest.mark.parity("S4")
def test_the_search_for_secrets_finds_one(tmp_path: Path) -> None:
    """The searches above can fail."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\0some bytes and a s3cr3t-s3cr3t among them")
    assert evidence.files_containing(tmp_path, ["s3cr3t-s3cr3t"]) == [str(tmp_path / "deep" / "file")]
    assert evidence.files_containing(tmp_path, ["absent-absent"]) == []
