"""Debugging a task in a session: its code, and the ready-made ways to run it."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from remote_bootstrap import contract
from remote_bootstrap.steps import debugging, programs
from remote_bootstrap.task.settings import Settings, SettingsError

RUN = {"program": "pkg/train.py", "folder": "src", "arguments": ["--lr=0.1", "--name=it's ü"]}


def settings_of(run: object, folder: Path, **raw: str) -> Settings:
    text = run if isinstance(run, str) else json.dumps(run)
    return Settings("ssh-ed25519 AAAA", folder, raw={contract.PARAM_DEBUG_RUN: text, **raw})


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "clone"
    (folder / "src" / "pkg").mkdir(parents=True)
    (folder / "src" / "pkg" / "train.py").write_text("import sys; print(sys.argv[1:])\n")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return folder


def test_a_session_that_debugs_nothing_is_left_alone(tmp_path: Path) -> None:
    plain = Settings("ssh-ed25519 AAAA", tmp_path)
    assert debugging.prepare(plain, tmp_path / "home", "") is plain
    assert not (tmp_path / "home").exists()


@pytest.mark.parity("--debugging-session")
def test_a_clone_gets_its_ways_to_run_and_stays_clean(clone: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    ready = debugging.prepare(settings_of(RUN, tmp_path), home, "")
    assert ready.user_folder == clone and (home / "task_repository").resolve() == clone
    assert (home / "environment" / "bin").is_dir()
    entry = json.loads((clone / ".vscode" / "launch.json").read_text())["configurations"][0]
    assert entry["program"] == "${workspaceFolder}/src/pkg/train.py" and entry["cwd"] == "${workspaceFolder}/src"
    assert entry["args"] == RUN["arguments"]
    untracked = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert "launch.json" not in untracked.stdout and debugging.NOTEBOOK not in untracked.stdout


def test_the_ready_made_cell_runs_the_program_with_its_arguments(clone: Path, tmp_path: Path) -> None:
    debugging.prepare(settings_of(RUN, tmp_path), tmp_path / "home", "")
    cell = json.loads((clone / debugging.NOTEBOOK).read_text())["cells"][0]["source"]
    assert cell[:2] == ["import os\n", f"os.chdir({str(clone / 'src')!r})\n"]
    assert cell[2] == "%run pkg/train.py --lr=0.1 '--name=it'\"'\"'s ü'"


def test_what_the_repository_brings_is_kept(clone: Path, tmp_path: Path) -> None:
    (clone / ".vscode").mkdir()
    (clone / ".vscode" / "launch.json").write_text("mine")
    debugging.prepare(settings_of(RUN, tmp_path), tmp_path / "home", "")
    assert (clone / ".vscode" / "launch.json").read_text() == "mine"


@pytest.mark.parametrize("kind", ["file", "link"])
def test_an_odd_vscode_folder_of_the_repository_is_left_alone(clone: Path, tmp_path: Path, kind: str) -> None:
    if kind == "file":
        (clone / ".vscode").write_text("mine")
    else:
        (tmp_path / "elsewhere").mkdir()
        (clone / ".vscode").symlink_to(tmp_path / "elsewhere")
    debugging.prepare(settings_of(RUN, tmp_path), tmp_path / "home", "")
    assert not (tmp_path / "elsewhere" / "launch.json").exists()


def test_a_named_folder_is_kept(clone: Path, tmp_path: Path) -> None:
    named = settings_of(RUN, tmp_path, user_folder=str(tmp_path))
    context: Any = SimpleNamespace(
        home=tmp_path / "home", task="t", settings=debugging.prepare(named, tmp_path / "home", "")
    )
    assert context.settings.user_folder == tmp_path
    programs.write_banner(context, "debug")  # which then says where the code is
    assert f"The task's code: {clone}\n" in (context.home / "banner").read_text("utf-8")


@pytest.mark.parity("--debugging-session")
def test_a_script_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    run = {"program": "nb/train.py", "folder": ".", "arguments": []}
    code = json.dumps({"name": "nb/train.py", "code": "print('ü')\n"})
    ready = debugging.prepare(settings_of(run, tmp_path), tmp_path / "home", code)
    assert (ready.user_folder / "nb" / "train.py").read_text("utf-8") == "print('ü')\n"
    assert ready.user_folder == tmp_path / "home" / "task_repository"


@pytest.mark.parametrize(
    "run",
    [
        "no JSON", "{}", '{"program": "x.py"}',
        {**RUN, "program": "/etc/passwd"}, {**RUN, "folder": "../.."}, {**RUN, "program": "a/../../b.py"},
    ],
)  # fmt: skip
def test_what_somebody_wrote_into_the_task_is_refused(run: object, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        debugging.prepare(settings_of(run, tmp_path), tmp_path / "home", "")
