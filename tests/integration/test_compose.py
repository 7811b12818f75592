"""The program around the core: its folders, its log, its ways in. No server, no keyring, no window."""

import io
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app import __main__ as entry
from desktop_app import __version__, compose
from desktop_app.cli import main as cli
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.problems import AppError
from desktop_app.paths import default_paths


@pytest.fixture
def root_log() -> Iterator[None]:
    """Takes back what set_up_log does to the root logger."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in [h for h in root.handlers if h not in before]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_the_log_is_private_bounded_and_clean(private_home: Path, root_log: None) -> None:
    paths = default_paths()
    redactor, tail = compose.set_up_log(paths, "window")
    store = FakeSecretStore()
    core = compose.build_core(paths, "cli", secrets=store, redactor=redactor, tail=tail)
    core._outside.secrets.set(API_SECRET, "acc1", "a-secret-to-hide")
    logging.getLogger("desktop_app.test").info("used a-secret-to-hide at once")
    core.close()
    text = (paths.state / "window.log").read_text()
    assert "at once" in text and "a-secret-to-hide" not in text
    assert any("at once" in line for line in core.log_tail.lines())
    assert stat.S_IMODE((paths.state / "window.log").stat().st_mode) == 0o600


@pytest.mark.parity("--verbose")
def test_verbose_says_more_and_no_secret(private_home: Path, root_log: None) -> None:
    told = io.StringIO()
    redactor, _ = compose.set_up_log(default_paths(), "cli", told)
    redactor.register("a-secret-to-hide")
    logging.getLogger("desktop_app.test").info("used a-secret-to-hide at once")
    assert "at once" in told.getvalue() and "a-secret-to-hide" not in told.getvalue()
    assert hasattr(cli.parse(["--verbose", "list"]), "verbose")


def test_all_places_are_below_the_xdg_folders_and_private(private_home: Path) -> None:
    paths = default_paths()
    compose.build_core(paths, "cli", secrets=FakeSecretStore()).close()
    for folder in (paths.config, paths.state, paths.runtime):
        assert folder.is_relative_to(private_home)
        assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    assert paths.sandbox.is_relative_to(private_home / ".local/share")
    assert not paths.sandbox.exists()  # nothing of the sandbox before it is asked for


def block(home: Path) -> None:
    """Something else has the name of the settings folder."""
    (home / ".config").mkdir(exist_ok=True)
    (home / ".config" / "sessiondock").write_text("in the way")


def test_a_folder_that_can_not_be_made_is_a_problem_in_words(private_home: Path) -> None:
    block(private_home)
    with pytest.raises(AppError) as caught:
        compose.build_core(role="cli", secrets=FakeSecretStore())
    assert caught.value.problem.code == "file.unwritable"
    assert "sessiondock" in caught.value.problem.detail


def test_a_command_says_so_and_ends_with_1(
    private_home: Path, capsys: pytest.CaptureFixture[str], root_log: None
) -> None:
    block(private_home)
    assert cli.main(["list", "--json"]) == 1
    said = capsys.readouterr()
    assert "file.unwritable" in said.out and "can't be written" in said.err


def test_the_command_line_loads_nothing_that_it_may_not_need() -> None:
    heavy = (
        "PySide6", "clearml", "flask", "paramiko", "cryptography", "httpx", "keyring", "filelock", "psutil", "pyhocon",
        "desktop_app.compose", "desktop_app.adapters.clearml", "desktop_app.adapters.ssh", "desktop_app.sandbox",
        "desktop_app.ui", "desktop_app.services.core", "desktop_app.services.connection",
    )  # fmt: skip
    code = (
        "import sys; from desktop_app.cli.main import parse; parse(['list']);"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd(), check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parity("--version")
def test_the_version_and_wrong_usage_of_the_program() -> None:
    for arguments, code, text in ((["--version"], 0, __version__), (["no-such-command"], 2, "usage:")):
        done = subprocess.run([sys.executable, "-m", "desktop_app", *arguments], capture_output=True, text=True)
        assert done.returncode == code and text in done.stdout + done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what PyInstaller does on Linux")
@pytest.mark.parametrize("original", [None, "/home/ada/lib"])
def test_a_frozen_apps_children_get_the_persons_library_path(
    monkeypatch: pytest.MonkeyPatch, original: str | None
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/app/_internal")
    if original is not None:
        monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", original)
    entry.clean_environment()
    assert os.environ.get("LD_LIBRARY_PATH") == original
    assert "LD_LIBRARY_PATH_ORIG" not in os.environ


def test_from_source_the_environment_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/home/ada/lib")
    entry.clean_environment()
    assert os.environ["LD_LIBRARY_PATH"] == "/home/ada/lib"
