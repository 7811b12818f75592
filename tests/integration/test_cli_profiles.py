"""``sessiondock profiles`` and ``launch --profile``."""

import json
import os
import resource
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.adapters.files.chosen_text import ChosenFiles
from desktop_app.domain.launch.options import defaults
from desktop_app.domain.problems import AppError
from desktop_app.services.launching import options_file
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from tests.fakes.outside import ACCOUNT, World
from tests.integration.test_cli_session import Background, end_when_up
from tests.support.cli_rig import Run, agent


@pytest.mark.parity("profiles")
def test_a_profile_is_saved_launched_and_changed_by_flags(run: Run, world: World) -> None:
    assert (
        run("profiles", "save", "night", "--queue", "default", "--docker", "python:3.12", "--packages", "a", "b").code
        == 0
    )
    said = run("profiles", "show", "night", "--json").json
    assert said == {"name": "night", "options": {"queue": "default", "docker": "python:3.12", "packages": "a\nb"}}
    task = run("launch", "--profile", "night", "--no-attach", "--session-name", "from it", "--json",
               "--store-defaults").json["id"]  # fmt: skip
    draft = world.server().rows[task].draft
    assert (draft.name, draft.docker) == ("from it", "python:3.12") and "a" in draft.requirements
    assert run("launch", "--profile", "day", "--no-attach", "--json").json["error"]["code"] == "profile.unknown"
    assert run("profiles", "save", "night", "--docker", "", "--password", "hush").code == 0
    assert run("profiles", "show", "night", "--json").json["options"] == {"queue": "default", "packages": "a\nb"}
    assert world.profiles.content["queues"][ACCOUNT.id]["default"]["profile"] == "night"


def test_list_rename_and_delete(run: Run) -> None:
    assert "No profiles" in run("profiles").err
    run("profiles", "save", "one", "--queue", "gpu")
    assert run("profiles", "list").out.splitlines()[1].split() == ["one", "gpu"]
    assert run("profiles", "rename", "one", "two", "--json").json["name"] == "two"
    with pytest.raises(SystemExit, match="2"):
        run("profiles", "rename", "two", "")
    assert run("profiles", "delete", "two").code == 0
    assert run("profiles", "list", "--json").json == {"profiles": []}


@pytest.mark.parity("profiles")
def test_export_and_import(run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("profiles", "save", "a/b", "--queue", "gpu")
    assert run("profiles", "export", "a/b", "--json").json["file"] == str(tmp_path / "a-b.json")
    other = World()
    assert run("profiles", "import", "a-b.json", "mine", "--json", over=other).json["name"] == "mine"
    assert run("profiles", "import", "missing.json", over=other).code == 1
    assert run("profiles", "show", "mine", "--json", over=other).json["options"] == {"queue": "gpu"}


@pytest.mark.parametrize("file", ["/", "."])
def test_a_folder_is_no_file_to_export_to(run: Run, file: str) -> None:
    run("profiles", "save", "one", "--queue", "gpu")
    assert run("profiles", "export", "one", file, "--json").json["error"]["code"] == "file.unwritable"


@pytest.mark.parity("profiles", "--config-file", "S5")
def test_clearml_sessions_state_is_imported_on_request(run: Run, world: World, private_home: Path) -> None:
    assert run("profiles", "import").code == 1
    state = {"queue": "gpu", "packages": ["tqdm"], "password": "cl34rml"}
    (private_home / ".clearml_session.json").write_text(json.dumps(state))
    said = run("profiles", "import")
    assert said.code == 0 and "Left out: --password." in said.err and "cl34rml" not in said.out + said.err
    assert "cl34rml" not in repr(world.profiles.content)
    expected = replace(defaults(), queue="gpu", packages="tqdm")
    assert LaunchProfiles(world.profiles, ChosenFiles()).get("clearml-session") == expected


@pytest.mark.parity("--config-file")
def test_a_config_file_that_clearml_session_left_is_where_the_first_launch_begins(tmp_path: Path) -> None:
    files, file = ChosenFiles(), tmp_path / "state.json"
    file.write_text(json.dumps({"queue": "gpu", "packages": ["tqdm"], "password": "cl34rml"}))
    assert options_file.load(file, files) == replace(defaults(), queue="gpu", packages="tqdm")
    options_file.save(file, replace(defaults(), queue="ours"), files)
    assert options_file.load(file, files).queue == "ours"
    assert options_file.load(tmp_path / "none.json", files) == defaults()


@pytest.mark.parity("--config-file")
def test_a_config_file_is_written_whole_and_past_planted_links(tmp_path: Path) -> None:
    """In a folder that others may write into, with the disk full half-way."""
    files, victim, file = ChosenFiles(), tmp_path / "victim", tmp_path / "shared" / "state.json"
    victim.write_text("precious")
    file.parent.mkdir()
    names = (file.name, f".{file.name}.part", f".{file.name}.{os.getpid()}", f"{file.name}.tmp")
    for name in names:
        (file.parent / name).symlink_to(victim)
    file.unlink()
    options_file.save(file, replace(defaults(), queue="ours"), files)
    assert victim.read_text() == "precious" and stat.S_IMODE(file.stat().st_mode) == 0o600
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(AppError, match="can't be written"):
            options_file.save(file, replace(defaults(), init_script="x" * 5000), files)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert options_file.load(file, files).queue == "ours"
    assert {one.name for one in file.parent.iterdir()} == set(names)


@pytest.mark.parity("profiles")
def test_the_run_without_a_command_takes_a_profile_too(run: Run, world: World, in_background: Background) -> None:
    run("profiles", "save", "night", "--queue", "default", "--docker", "python:3.12")
    in_background(agent(world, end_when_up(world)))
    assert run("--yes", "--profile", "night", "--session-name", "by a script").code == 0
    (task,) = world.server().rows.values()
    assert (task.draft.name, task.draft.docker) == ("by a script", "python:3.12")


@pytest.mark.parametrize(
    "words", [["show", "nobody"], ["delete", " nobody "], ["list", "--queue", "x"], ["export", "nobody"]]
)
def test_wrong_usage_is_said(run: Run, words: list[str]) -> None:
    said = run("profiles", *words)
    assert said.code == 1 and said.err.startswith("sessiondock: ")
