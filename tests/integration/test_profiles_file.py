"""What is remembered between runs survives restarts, other processes, damage and folders that can't be written."""

import json
import stat
import sys
import threading
from pathlib import Path

import pytest

from desktop_app.adapters.files.profiles import KEPT_SESSIONS, ProfilesFile
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.problems import AppError

ADA = Account("acc1", 'Ada "ünï" 会话\n', "https://api.test", "KEY", user_name="Ada")
BOB = Account("acc2", "Bob", "https://api.test", "KEY2")
SESSION = "acc1/" + "a" * 32


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "config", tmp_path / "state"


def test_everything_reads_back_in_the_next_run(folders: tuple[Path, Path]) -> None:
    first = ProfilesFile(*folders)
    first.save_account(ADA)
    first.save_account(BOB)
    first.save_preference("terminal", "ünï 会话")
    first.save_ports(SESSION, {"jupyterlab": 8878})
    first.save_host_key(SESSION, "ssh-ed25519 AAAA")
    first.save_attached(SESSION, True)
    second = ProfilesFile(*folders)
    assert second.accounts() == (ADA, BOB)
    assert second.preference("terminal") == "ünï 会话"
    assert second.ports(SESSION) == {"jupyterlab": 8878}
    assert second.host_key(SESSION) == "ssh-ed25519 AAAA"
    assert second.attached() == (SESSION,)
    assert second.problems() == ()


def test_nothing_is_there_at_first(folders: tuple[Path, Path]) -> None:
    fresh = ProfilesFile(*folders)
    assert (fresh.accounts(), fresh.preference("x"), fresh.ports("x"), fresh.host_key("x"), fresh.attached()) == (
        (), "", {}, "", (),
    )  # fmt: skip
    assert not folders[0].exists()  # looking writes nothing


def test_removing_and_forgetting(folders: tuple[Path, Path]) -> None:
    profiles = ProfilesFile(*folders)
    profiles.save_account(ADA)
    profiles.save_ports(SESSION, {"ssh": 8022})
    profiles.remove_account("acc1")
    profiles.forget_session(SESSION)
    profiles.forget_session(SESSION)
    assert profiles.accounts() == () and profiles.ports(SESSION) == {}


def test_files_are_for_their_owner_only(folders: tuple[Path, Path]) -> None:
    profiles = ProfilesFile(*folders)
    profiles.save_account(ADA)
    profiles.save_host_key(SESSION, "ssh-ed25519 AAAA")
    for folder, name in zip(folders, ("settings.json", "state.json"), strict=True):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert list(folder.glob(".*")) == []  # no draft is left


DEEP = '{"schema": ' + "[" * 100_000


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '"text"', "{}", '{"schema": true}', '{"schema": "1"}', "\0\0\0", pytest.param(DEEP, id="deep")],
)
def test_a_damaged_file_is_set_aside_and_told(folders: tuple[Path, Path], content: str) -> None:
    folders[0].mkdir()
    path = folders[0] / "settings.json"
    path.write_text(content)
    profiles = ProfilesFile(*folders)
    assert profiles.accounts() == ()
    assert [found.code for found in profiles.problems()] == ["file.damaged"]
    assert path.with_name("settings.json.damaged").read_text() == content
    profiles.save_account(ADA)
    assert ProfilesFile(*folders).accounts() == (ADA,)


@pytest.mark.parametrize(
    "content",
    [{"accounts": 1}, {"accounts": [1, {}, {"id": 5}]}, {"preferences": []}, {"sessions": [1]},
     {"sessions": {SESSION: 3}},
     {"sessions": {SESSION: {"ports": {"ssh": "22", "x": -1, "y": True}, "host_key": None, "attached": "yes"}}}],
)  # fmt: skip
def test_odd_content_counts_as_absent(folders: tuple[Path, Path], content: dict[str, object]) -> None:
    for folder, name in zip(folders, ("settings.json", "state.json"), strict=True):
        folder.mkdir()
        (folder / name).write_text(json.dumps({"schema": 1, **content}))
    profiles = ProfilesFile(*folders)
    assert (profiles.accounts(), profiles.preference("x"), profiles.ports(SESSION)) == ((), "", {})
    assert (profiles.host_key(SESSION), profiles.attached()) == ("", ())
    profiles.save_ports(SESSION, {"ssh": 8022})
    profiles.save_preference("x", "y")
    profiles.save_account(ADA)
    assert profiles.ports(SESSION) == {"ssh": 8022} and profiles.accounts() == (ADA,)


def test_two_processes_do_not_lose_each_others_changes(folders: tuple[Path, Path]) -> None:
    """Two instances stand for two processes: they share nothing but the files."""
    one, two = ProfilesFile(*folders), ProfilesFile(*folders)

    def write(profiles: ProfilesFile, start: int) -> None:
        for number in range(start, start + 20):
            profiles.save_ports(f"acc1/{number}", {"ssh": 8000 + number})

    threads = [threading.Thread(target=write, args=(p, s), name=f"w-{s}") for p, s in ((one, 0), (two, 100))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [*range(20), *range(100, 120)]
    assert all(one.ports(f"acc1/{n}") == two.ports(f"acc1/{n}") == {"ssh": 8000 + n} for n in numbers)


def test_what_can_not_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    profiles = ProfilesFile(blocked, tmp_path / "state")
    with pytest.raises(AppError) as caught:
        profiles.save_account(ADA)
    assert caught.value.problem.code == "file.unwritable"
    assert str(blocked) in caught.value.problem.detail


def test_old_sessions_make_room(folders: tuple[Path, Path]) -> None:
    folders[1].mkdir()
    rows = {f"acc1/{n}": {"ports": {"ssh": 8022}} for n in range(KEPT_SESSIONS)}
    (folders[1] / "state.json").write_text(json.dumps({"schema": 1, "sessions": rows}))
    profiles = ProfilesFile(*folders)
    profiles.save_ports("acc1/0", {"ssh": 9000})  # used again: the newest now
    profiles.save_ports("acc1/new", {"ssh": 9001})
    assert profiles.ports("acc1/0") == {"ssh": 9000} and profiles.ports("acc1/new") == {"ssh": 9001}
    assert profiles.ports("acc1/1") == {}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_full_disk_keeps_what_was_there_and_leaves_no_drafts(folders: tuple[Path, Path]) -> None:
    import resource  # not on Windows

    first = ProfilesFile(*folders)
    first.save_account(ADA)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(AppError, match="large"):
            first.save_preference("x", "y" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {path.name for path in folders[0].iterdir()} == {"settings.json", "settings.json.lock"}
    assert ProfilesFile(*folders).accounts() == (ADA,)


KINDS = {
    "settings.json": lambda profiles: profiles.save_account(ADA),
    "state.json": lambda profiles: profiles.save_ports(SESSION, {"ssh": 8022}),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_newer_file_is_left_as_it_is(folders: tuple[Path, Path], name: str) -> None:
    """Set aside, the newer version would begin with nothing; written over, too."""
    for folder in folders:
        folder.mkdir()
    path = next(folder for folder, known in zip(folders, KINDS, strict=True) if known == name) / name
    content = json.dumps({"schema": 2, "accounts": [{"id": "new"}], "sessions": {}})
    path.write_text(content)
    profiles = ProfilesFile(*folders)
    assert profiles.accounts() == () and profiles.sessions() == ()
    assert [found.code for found in profiles.problems()] == ["file.newer"]
    with pytest.raises(AppError) as caught:
        KINDS[name](profiles)
    assert caught.value.problem.code == "file.newer" and str(path) in caught.value.problem.detail
    assert path.read_text() == content and [one.name for one in path.parent.glob("*.damaged*")] == []
    path.write_text(json.dumps({"schema": 1}))  # the person went back to this version
    KINDS[name](profiles)


@pytest.mark.parametrize("name", KINDS)
def test_every_damaged_copy_is_kept(folders: tuple[Path, Path], name: str) -> None:
    for folder in folders:
        folder.mkdir()
    path = next(folder for folder, known in zip(folders, KINDS, strict=True) if known == name) / name
    for number in range(3):
        path.write_text(f"damage {number}")
        (found,) = ProfilesFile(*folders).problems()
        assert found.code == "file.damaged"
    kept = sorted(path.parent.glob(f"{name}.damaged*"))
    assert [one.read_text() for one in kept] == ["damage 0", "damage 1", "damage 2"]


def test_a_file_that_can_not_be_read_is_not_written_over(folders: tuple[Path, Path]) -> None:
    (folders[0] / "settings.json").mkdir(parents=True)  # whoever runs the test, this can't be read
    profiles = ProfilesFile(*folders)
    assert [found.code for found in profiles.problems()] == ["file.unreadable"]
    with pytest.raises(AppError) as caught:
        profiles.save_account(ADA)
    assert caught.value.problem.code == "file.unreadable"


def test_an_editor_s_byte_order_mark_is_no_damage(folders: tuple[Path, Path]) -> None:
    ProfilesFile(*folders).save_account(ADA)
    path = folders[0] / "settings.json"
    path.write_text(path.read_text("utf-8"), "utf-8-sig")
    assert ProfilesFile(*folders).accounts() == (ADA,)
