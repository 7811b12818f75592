"""Another user of the machine takes names in the temporary folder before a session starts: it starts all the same."""

import os
import runpy
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.adapters.clearml import payload
from desktop_app.adapters.ssh.agent.server import SshAgent, agent_address, temporary_folder
from remote_bootstrap import contract
from remote_bootstrap.machine import folders
from tests.support.namespaces import give_away, take_back

TASK = "5e" * 16


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(folders.HOME_VARIABLE, str(tmp_path / "home"))
    yield folders.session_folder(TASK)
    folders.clean_folder(folders.session_folder(TASK))


def test_the_folder_for_sockets_has_a_name_that_nobody_can_guess(session: Path) -> None:
    made = folders.socket_folder(TASK)
    assert made is not None and made.stat().st_mode & 0o777 == 0o700
    assert not any(part in made.name for part in (TASK[:6], str(os.getuid()) + "-"))
    assert folders.socket_folder(TASK) == made, "all processes of the session find the same"
    assert (session / folders.SOCKETS).stat().st_mode & 0o777 == 0o600
    folders.clean_folder(session)
    assert not made.exists() and not (session / folders.SOCKETS).exists()
    other = folders.socket_folder(TASK)
    assert other is not None and other != made


def test_what_tidied_up_the_temporary_folder_is_made_good(session: Path) -> None:
    made = folders.socket_folder(TASK)
    assert made is not None
    shutil.rmtree(made)
    assert folders.socket_folder(TASK) == made and made.is_dir()
    shutil.rmtree(made)
    made.symlink_to(session)  # whoever saw the name put something else there
    fresh = folders.socket_folder(TASK)
    assert fresh is not None and fresh != made and fresh.is_dir()
    made.unlink()


def test_a_note_that_leads_elsewhere_removes_nothing(session: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    folders.write_private(folders.private(session) / folders.SOCKETS, str(kept))
    folders.clean_folder(session)
    assert kept.is_dir()


def test_a_session_starts_beside_a_folder_of_somebody_else(session: Path) -> None:
    """The name that it had before."""
    taken = Path(tempfile.gettempdir()) / f"sd-{os.getuid()}-{TASK[:12]}"
    taken.mkdir()
    give_away(taken)
    try:
        made = folders.socket_folder(TASK)
        assert made is not None and folders.private(made) == made
    finally:
        take_back(taken)
        taken.rmdir()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / contract.ENTRY_POINT
    path.write_text(payload.build_payload(), encoding="utf-8")
    return path


def spoil(folder: Path, how: str, elsewhere: Path) -> None:
    if how == "folder":
        folder.mkdir()
        give_away(folder)
    elif how == "file":
        folder.touch()
    else:
        elsewhere.mkdir()
        folder.symlink_to(elsewhere)


@pytest.mark.parametrize("how", ["folder", "file", "link"])
def test_without_a_home_the_script_finds_a_folder_of_its_own(script: Path, tmp_path: Path, how: str) -> None:
    find = runpy.run_path(str(script))["temporary_folder"]
    top = tmp_path / "tmp [1]"
    top.mkdir()
    usual = top / f"sessiondock-{os.getuid()}"
    spoil(usual, how, tmp_path / "elsewhere")
    found = Path(find(str(top)))
    assert found != usual and found.stat().st_uid == os.getuid() and found.stat().st_mode & 0o777 == 0o700
    assert Path(find(str(top))) == found, "sessions share their installed applications"


def test_an_own_folder_is_used(script: Path, tmp_path: Path) -> None:
    find = runpy.run_path(str(script))["temporary_folder"]
    assert Path(find(str(tmp_path))) == tmp_path / f"sessiondock-{os.getuid()}"


@pytest.mark.parametrize("how", ["folder", "file", "link"])
def test_the_agent_for_terminals_finds_a_folder_of_its_own(tmp_path: Path, how: str) -> None:
    top = tmp_path / "t"
    top.mkdir()
    spoil(top / f"sessiondock-{os.getuid()}", how, tmp_path / "elsewhere")
    found = temporary_folder(top)
    assert found == temporary_folder(top) and found.stat().st_uid == os.getuid()
    agent = SshAgent(str(found / "agent"))
    agent.start()
    agent.close()


def test_the_agents_address_stays_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 40)
    assert agent_address(deep, "a") == agent_address(deep, "a")
