"""Named launches and what each queue saw last, over files as people choose them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.adapters.files.chosen_text import ChosenFiles
from desktop_app.adapters.files.json_file import JsonFile
from desktop_app.demo.memory import FakeDocument
from desktop_app.domain.launch.options import defaults
from desktop_app.domain.problems import AppError
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from tests.fakes.outside import ACCOUNT
from tests.support.core_rig import CoreRig

SPEC = replace(defaults(), queue="a100", docker="python:3.12")


@pytest.fixture
def profiles() -> LaunchProfiles:
    return LaunchProfiles(FakeDocument(), ChosenFiles())


def code_of(caught: pytest.ExceptionInfo[AppError]) -> str:
    return caught.value.problem.code


@pytest.mark.parity("profiles")
def test_save_apply_rename_and_delete(profiles: LaunchProfiles) -> None:
    assert profiles.save("  night\nly ", SPEC) == "night ly"
    profiles.save("Backup", defaults())
    assert profiles.names() == ("Backup", "night ly")
    assert profiles.get("night ly") == SPEC
    profiles.save("night ly", replace(SPEC, docker=""))
    assert profiles.get("night ly").docker == ""
    assert profiles.rename("night ly", "daily") == "daily"
    assert profiles.rename("daily", "daily") == "daily"
    profiles.delete("daily")
    assert profiles.names() == ("Backup",)


def test_names_that_can_not_be(profiles: LaunchProfiles) -> None:
    profiles.save("one", SPEC)
    profiles.save("two", SPEC)
    for bad in ("", " \n", "x" * 61):
        with pytest.raises(AppError) as caught:
            profiles.save(bad, SPEC)
        assert code_of(caught) == "profile.name"
    with pytest.raises(AppError) as caught:
        profiles.rename("one", "two")
    assert code_of(caught) == "profile.taken"
    for work in (profiles.get, profiles.delete, lambda name: profiles.rename(name, "x")):
        with pytest.raises(AppError, match="Known: one, two") as caught:
            work("three")
        assert code_of(caught) == "profile.unknown"


@pytest.mark.parity("profiles")
def test_a_profile_goes_through_a_file_to_another_computer(profiles: LaunchProfiles, tmp_path: Path) -> None:
    profiles.save("nightly", replace(SPEC, password="hush"))
    path = profiles.export("nightly", tmp_path / "nightly.json")
    assert "hush" not in path.read_text() and [one.name for one in tmp_path.iterdir()] == ["nightly.json"]
    other = LaunchProfiles(FakeDocument(), ChosenFiles())
    assert other.import_file(path).name == "nightly"
    assert other.import_file(path).name == "nightly 2", "one that is there is never overwritten"
    assert other.import_file(path, "mine").name == "mine"
    assert {other.get(name) for name in other.names()} == {SPEC}


@pytest.mark.parity("profiles", "--config-file")
def test_the_state_of_clearml_session_is_read_and_left_as_it_is(profiles: LaunchProfiles, tmp_path: Path) -> None:
    path = tmp_path / ".clearml_session.json"
    path.write_text(json.dumps({"queue": "gpu", "password": "cl34rml", "packages": ["tqdm"]}))
    before = path.read_bytes()
    found = profiles.import_file(path)
    assert found.left_out == ("--password",) and profiles.get("clearml-session").packages == "tqdm"
    assert path.read_bytes() == before


def test_files_that_can_not_be_read_or_written(profiles: LaunchProfiles, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\0")
    (tmp_path / "big").write_text(" " * 1_000_001)
    for name in ("binary", "big", "missing", "."):
        with pytest.raises(AppError) as caught:
            profiles.import_file(tmp_path / name)
        assert code_of(caught) == "profile.unreadable"
    profiles.save("one", SPEC)
    with pytest.raises(AppError) as caught:
        profiles.export("one", tmp_path / "no" / "where.json")
    assert code_of(caught) == "file.unwritable"
    assert profiles.names() == ("one",)


@pytest.mark.parity("profiles")
def test_each_queue_remembers_its_last_launch_and_profile(profiles: LaunchProfiles) -> None:
    profiles.save("big", SPEC)
    profiles.note_launch("acc", SPEC, "big")
    profiles.note_launch("acc", replace(defaults(), queue="cpu", packages="tqdm"))
    assert profiles.last_in("acc", "a100") == ("big", SPEC)
    assert profiles.last_in("acc", "cpu") == ("", replace(defaults(), queue="cpu", packages="tqdm"))
    assert profiles.last_in("acc", "other") is None and profiles.last_in("another", "a100") is None
    profiles.rename("big", "huge")
    assert profiles.last_profile("acc", "a100") == "huge"
    profiles.delete("huge")
    assert profiles.last_profile("acc", "a100") == ""
    profiles.forget_account("acc")
    assert profiles.last_in("acc", "cpu") is None


def test_many_queues_make_room(profiles: LaunchProfiles) -> None:
    for number in range(105):
        profiles.note_launch("acc", replace(SPEC, queue=f"q{number}"))
    assert profiles.last_in("acc", "q4") is None and profiles.last_in("acc", "q5") is not None


@pytest.mark.parametrize(
    "content", [{"profiles": []}, {"profiles": {"x": 3}}, {"queues": 1}, {"queues": {"acc": {"q": 1}}}]
)
def test_a_file_that_somebody_edited_counts_as_empty_where_it_is_odd(content: dict[str, object]) -> None:
    document = FakeDocument()
    document.content = content
    profiles = LaunchProfiles(document, ChosenFiles())
    assert profiles.last_in("acc", "q") is None
    profiles.note_launch("acc", replace(SPEC, queue="q"))
    profiles.save("x", SPEC)
    assert profiles.get("x") == SPEC and profiles.last_in("acc", "q") is not None


def test_they_outlive_the_program(tmp_path: Path) -> None:
    first = LaunchProfiles(JsonFile(tmp_path / "profiles.json"), ChosenFiles())
    first.save("nightly", SPEC)
    second = LaunchProfiles(JsonFile(tmp_path / "profiles.json"), ChosenFiles())
    assert second.names() == ("nightly",) and second.problems() == ()
    (tmp_path / "profiles.json").write_text("{")
    third = LaunchProfiles(JsonFile(tmp_path / "profiles.json"), ChosenFiles())
    assert third.names() == () and [one.code for one in third.problems()] == ["file.damaged"]


def test_a_launch_is_noted_with_its_profile_unless_it_is_not_to_be_remembered() -> None:
    with CoreRig() as rig:
        rig.core.profiles.save("mine", SPEC)
        spec = replace(defaults(), queue="default")
        rig.core.launches.launch(ACCOUNT.id, spec, rig.soon(), attach=False, profile="mine")
        assert rig.core.profiles.last_profile(ACCOUNT.id, "default") == "mine"
        rig.core.launches.launch(ACCOUNT.id, replace(spec, store_defaults=False), rig.soon(), attach=False)
        assert rig.core.profiles.last_profile(ACCOUNT.id, "default") == "mine"
