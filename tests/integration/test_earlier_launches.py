"""What an earlier version remembered of the last launches, in the settings, is not lost."""

import json
from pathlib import Path

import pytest

from desktop_app.adapters.files.earlier_launches import move_launches
from desktop_app.adapters.files.json_file import JsonFile
from desktop_app.demo.computer import FakeTextFiles
from desktop_app.services.launching.launch_profiles import LaunchProfiles


def write(path: Path, **content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"schema": 1, **content}))


def profiles_in(folder: Path) -> LaunchProfiles:
    return LaunchProfiles(JsonFile(folder / "profiles.json"), FakeTextFiles())


def test_the_last_launch_is_the_newest_of_its_account(tmp_path: Path) -> None:
    write(tmp_path / "settings.json", accounts=[], launches={
        "acc1": {"queue": "gpu", "docker": "python:3.11"}, "acc2": {"queue": "cpu"}, "odd": 3, "none": {},
    })  # fmt: skip
    kept = {"cpu": {"profile": "mine", "options": {"queue": "cpu", "packages": "tqdm"}}}
    write(tmp_path / "profiles.json", queues={"acc1": kept, "acc2": kept})
    move_launches(tmp_path)
    found = profiles_in(tmp_path)
    assert (found.last_launch("acc1").queue, found.last_launch("acc1").docker) == ("gpu", "python:3.11")
    assert found.last_in("acc1", "cpu") is not None, "what its other queues saw stays"
    assert found.last_launch("acc2").packages == "tqdm" and found.last_profile("acc2", "cpu") == ""
    assert "launches" not in json.loads((tmp_path / "settings.json").read_text())
    before = (tmp_path / "profiles.json").read_bytes()
    move_launches(tmp_path)
    assert (tmp_path / "profiles.json").read_bytes() == before


def test_where_the_profiles_can_not_be_written_the_settings_keep_them(tmp_path: Path) -> None:
    write(tmp_path / "settings.json", launches={"acc1": {"queue": "gpu"}})
    write(tmp_path / "profiles.json", schema=99)
    with pytest.raises(Exception, match="newer"):
        move_launches(tmp_path)
    assert json.loads((tmp_path / "settings.json").read_text())["launches"] == {"acc1": {"queue": "gpu"}}


def test_nothing_is_written_where_there_is_nothing_to_move(tmp_path: Path) -> None:
    move_launches(tmp_path)
    assert list(tmp_path.iterdir()) == []
