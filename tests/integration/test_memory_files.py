"""What is remembered between runs survives restarts, other processes, damage and folders that can't be written."""

import json
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from desktop_app.adapters.files.memory import MemoryFiles
from desktop_app.adapters.files.session_rows import KEPT_SESSIONS
from desktop_app.domain.access.listening import Forward, Kind
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.files.transfer import Wanted
from desktop_app.domain.problems import AppError

ADA = Account("acc1", 'Ada "ünï" 会话\n', "https://api.test", "KEY", user_name="Ada")
BOB = Account("acc2", "Bob", "https://api.test", "KEY2")
SESSION = "acc1/" + "a" * 32


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "config", tmp_path / "state"


def test_everything_reads_back_in_the_next_run(folders: tuple[Path, Path]) -> None:
    first = MemoryFiles(*folders)
    first.accounts.save(ADA)
    first.accounts.save(BOB)
    first.sessions.save_ports(SESSION, {"jupyterlab": 8878})
    first.preferences.save("terminal", "ünï 会话")
    first.trust.save_host_key(SESSION, "ssh-ed25519 AAAA")
    first.sessions.save_attached(SESSION, True)
    second = MemoryFiles(*folders)
    assert second.accounts.all() == (ADA, BOB)
    assert second.preferences.get("terminal") == "ünï 会话"
    assert second.sessions.ports(SESSION) == {"jupyterlab": 8878}
    assert second.trust.host_key(SESSION) == "ssh-ed25519 AAAA"
    assert second.sessions.attached() == (SESSION,)
    assert second.problems() == ()


def test_nothing_is_there_at_first(folders: tuple[Path, Path]) -> None:
    fresh = MemoryFiles(*folders)
    assert (fresh.accounts.all(), fresh.preferences.get("x"), fresh.sessions.ports("x")) == ((), "", {})
    assert (fresh.trust.host_key("x"), fresh.sessions.attached()) == ("", ())
    assert not folders[0].exists()  # looking writes nothing


def test_removing_and_forgetting(folders: tuple[Path, Path]) -> None:
    memory = MemoryFiles(*folders)
    memory.accounts.save(ADA)
    memory.sessions.save_ports(SESSION, {"ssh": 8022})
    memory.accounts.remove("acc1")
    memory.sessions.forget(SESSION)
    memory.sessions.forget(SESSION)
    assert memory.accounts.all() == () and memory.sessions.ports(SESSION) == {}


def test_files_are_for_their_owner_only(folders: tuple[Path, Path]) -> None:
    memory = MemoryFiles(*folders)
    memory.accounts.save(ADA)
    memory.trust.save_host_key(SESSION, "ssh-ed25519 AAAA")
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
    memory = MemoryFiles(*folders)
    assert memory.accounts.all() == ()
    assert [found.code for found in memory.problems()] == ["file.damaged"]
    assert path.with_name("settings.json.damaged").read_text() == content
    memory.accounts.save(ADA)
    assert MemoryFiles(*folders).accounts.all() == (ADA,)


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
    memory = MemoryFiles(*folders)
    assert (memory.accounts.all(), memory.preferences.get("x"), memory.sessions.ports(SESSION)) == ((), "", {})
    assert (memory.trust.host_key(SESSION), memory.sessions.attached()) == ("", ())
    memory.sessions.save_ports(SESSION, {"ssh": 8022})
    memory.accounts.save(ADA)
    assert memory.sessions.ports(SESSION) == {"ssh": 8022} and memory.accounts.all() == (ADA,)


def test_two_processes_do_not_lose_each_others_changes(folders: tuple[Path, Path]) -> None:
    """Two instances stand for two processes: they share nothing but the files."""
    one, two = MemoryFiles(*folders), MemoryFiles(*folders)

    def write(memory: MemoryFiles, start: int) -> None:
        for number in range(start, start + 20):
            memory.sessions.save_ports(f"acc1/{number}", {"ssh": 8000 + number})

    threads = [threading.Thread(target=write, args=(p, s), name=f"w-{s}") for p, s in ((one, 0), (two, 100))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [*range(20), *range(100, 120)]
    assert all(one.sessions.ports(f"acc1/{n}") == two.sessions.ports(f"acc1/{n}") == {"ssh": 8000 + n} for n in numbers)


def test_what_can_not_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    memory = MemoryFiles(blocked, tmp_path / "state")
    with pytest.raises(AppError) as caught:
        memory.accounts.save(ADA)
    assert caught.value.problem.code == "file.unwritable"
    assert str(blocked) in caught.value.problem.detail


def test_old_sessions_make_room(folders: tuple[Path, Path]) -> None:
    folders[1].mkdir()
    rows = {f"acc1/{n}": {"ports": {"ssh": 8022}} for n in range(KEPT_SESSIONS)}
    (folders[1] / "state.json").write_text(json.dumps({"schema": 1, "sessions": rows}))
    memory = MemoryFiles(*folders)
    memory.sessions.save_ports("acc1/0", {"ssh": 9000})  # used again: the newest now
    memory.sessions.save_ports("acc1/new", {"ssh": 9001})
    assert memory.sessions.ports("acc1/0") == {"ssh": 9000} and memory.sessions.ports("acc1/new") == {"ssh": 9001}
    assert memory.sessions.ports("acc1/1") == {}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_full_disk_keeps_what_was_there_and_leaves_no_drafts(folders: tuple[Path, Path]) -> None:
    import resource  # not on Windows

    first = MemoryFiles(*folders)
    first.accounts.save(ADA)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(AppError, match="large"):
            first.preferences.save("terminal", "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {path.name for path in folders[0].iterdir()} == {"settings.json", "settings.json.lock"}
    assert MemoryFiles(*folders).accounts.all() == (ADA,)


KINDS = {
    "settings.json": lambda memory: memory.accounts.save(ADA),
    "state.json": lambda memory: memory.sessions.save_ports(SESSION, {"ssh": 8022}),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_newer_file_is_left_as_it_is(folders: tuple[Path, Path], name: str) -> None:
    """Set aside, the newer version would begin with nothing; written over, too."""
    for folder in folders:
        folder.mkdir()
    path = next(folder for folder, known in zip(folders, KINDS, strict=True) if known == name) / name
    content = json.dumps({"schema": 2, "accounts": [{"id": "new"}], "sessions": {}})
    path.write_text(content)
    memory = MemoryFiles(*folders)
    assert memory.accounts.all() == () and memory.sessions.all() == ()
    assert [found.code for found in memory.problems()] == ["file.newer"]
    with pytest.raises(AppError) as caught:
        KINDS[name](memory)
    assert caught.value.problem.code == "file.newer" and str(path) in caught.value.problem.detail
    assert path.read_text() == content and [one.name for one in path.parent.glob("*.damaged*")] == []
    path.write_text(json.dumps({"schema": 1}))  # the person went back to this version
    KINDS[name](memory)


@pytest.mark.parametrize("name", KINDS)
def test_every_damaged_copy_is_kept(folders: tuple[Path, Path], name: str) -> None:
    for folder in folders:
        folder.mkdir()
    path = next(folder for folder, known in zip(folders, KINDS, strict=True) if known == name) / name
    for number in range(3):
        path.write_text(f"damage {number}")
        (found,) = MemoryFiles(*folders).problems()
        assert found.code == "file.damaged"
    kept = sorted(path.parent.glob(f"{name}.damaged*"))
    assert [one.read_text() for one in kept] == ["damage 0", "damage 1", "damage 2"]


def test_a_file_that_can_not_be_read_is_not_written_over(folders: tuple[Path, Path]) -> None:
    (folders[0] / "settings.json").mkdir(parents=True)  # whoever runs the test, this can't be read
    memory = MemoryFiles(*folders)
    assert [found.code for found in memory.problems()] == ["file.unreadable"]
    with pytest.raises(AppError) as caught:
        memory.accounts.save(ADA)
    assert caught.value.problem.code == "file.unreadable"


def test_a_pipe_or_a_device_in_a_files_place_is_not_waited_for(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        folder.mkdir()
    os.mkfifo(folders[0] / "settings.json")
    (folders[1] / "state.json").symlink_to("/dev/zero")
    memory = MemoryFiles(*folders)
    assert [found.code for found in memory.problems()] == ["file.unreadable"] * 2
    with pytest.raises(AppError):
        memory.accounts.save(ADA)
    assert (folders[0] / "settings.json").is_fifo() and (folders[1] / "state.json").is_symlink()


def test_names_that_are_no_utf_8_are_remembered(folders: tuple[Path, Path]) -> None:
    odd = "name \udcff ü"
    MemoryFiles(*folders).sessions.save_known(SESSION, {"name": odd})
    memory = MemoryFiles(*folders)
    assert memory.sessions.known()[SESSION] == {"name": odd} and not memory.problems()


def test_an_editor_s_byte_order_mark_is_no_damage(folders: tuple[Path, Path]) -> None:
    MemoryFiles(*folders).accounts.save(ADA)
    path = folders[0] / "settings.json"
    path.write_text(path.read_text("utf-8"), "utf-8-sig")
    assert MemoryFiles(*folders).accounts.all() == (ADA,)


# What version 1 wrote, with what a later one might add.
OLD_STATE: dict[str, Any] = {
    "schema": 1,
    "sessions": {
        "acc1/old": {"options": {"queue": "q"}, "host_key": "k", "sequence": 0, "trusted": {"run": "r"}, "ended": True},
        SESSION: {
            "options": {"queue": "gpu"}, "ports": {"ssh": 8022}, "host_key": "ssh-ed25519 AAAA", "sequence": 3,
            "trusted": {"run": "first"}, "attached": True,
            "alias": {"name": "sd-x", "user": "ada", "port": 8022, "title": "x"},
            "forwards": [{"kind": "local", "local_port": 16006, "remote_port": 6006, "host": "127.0.0.1"}],
            "consents": {"git": "machine"}, "uploads": [{"path": "/data", "size": -1, "modified": -1}],
            "known": {"name": "x"}, "from the future": [1, 2],
        },
    },
    "also": 5,
}  # fmt: skip


def test_what_an_earlier_version_wrote_is_read_and_stays_as_it_was(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        folder.mkdir()
    path = folders[1] / "state.json"
    path.write_text(json.dumps(OLD_STATE))
    memory = MemoryFiles(*folders)
    assert (memory.sessions.all(), memory.sessions.open()) == (("acc1/old", SESSION), (SESSION,))
    assert (memory.sessions.options(SESSION), memory.sessions.ports(SESSION)) == ({"queue": "gpu"}, {"ssh": 8022})
    assert (memory.trust.host_key(SESSION), memory.trust.sequence(SESSION)) == ("ssh-ed25519 AAAA", 3)
    assert (memory.trust.trusted(SESSION), memory.sessions.attached()) == ({"run": "first"}, (SESSION,))
    assert memory.aliases.all() == (Alias("sd-x", SESSION, "ada", 8022, "x"),)
    assert memory.forwards.of(SESSION) == (Forward(Kind.LOCAL, 16006, 6006),)
    assert memory.handovers.of(SESSION) == {"git": "machine"}
    assert (memory.uploads.sessions(), memory.uploads.of(SESSION)) == ((SESSION,), (Wanted("/data"),))
    assert memory.sessions.known() == {SESSION: {"name": "x"}}
    memory.handovers.save(SESSION, "clearml", "machine")
    rows = json.loads(path.read_text())
    assert rows["also"] == 5 and rows["sessions"]["acc1/old"] == OLD_STATE["sessions"]["acc1/old"]
    before = {**OLD_STATE["sessions"][SESSION], "consents": {"git": "machine", "clearml": "machine"}}
    assert rows["sessions"][SESSION] == before


def test_what_changes_nothing_writes_nothing(folders: tuple[Path, Path]) -> None:
    memory = MemoryFiles(*folders)
    memory.sessions.forget("a/1")
    memory.sessions.end("a/1")
    memory.aliases.drop("a/1")
    memory.sessions.save_attached("a/1", False)
    memory.sessions.save_known("a/1", {})
    assert not memory.uploads.drop("a/1") and memory.sessions.all() == ()
    assert not (folders[1] / "state.json").exists() or "sessions" not in (folders[1] / "state.json").read_text()
