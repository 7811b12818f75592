"""What sessions in containers keep for later ones, and what is not believed. Python 3.8 and pytest only."""

import hashlib
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from remote_bootstrap import archives, contract
from remote_bootstrap.archives import Kept
from remote_bootstrap.contract import Report, archive_sums
from remote_bootstrap.environment import install_cache
from remote_bootstrap.task.progress import Progress

NAME = "jupyterlab-1-py3-abc"
A, B = "a" * 64, "b" * 64


@pytest.fixture(autouse=True)
def nobody_keeps():
    yield
    install_cache.keep_by(None)


class Patient(threading.Event):
    """Never set, and does not really wait."""

    def wait(self, timeout=None) -> bool:
        return False


class Machine:
    """An agent's machine with its cache folder, and one container after the other."""

    def __init__(self, base: Path) -> None:
        self.mount, self.cache = base / "mount", base / "container" / "cache"
        self.mount.mkdir()
        self.sums, self.said, self.built = {}, [], 0

    def build(self, folder: Path) -> None:
        self.built += 1
        (folder / "bin").mkdir()
        (folder / "bin" / "tool").write_text(f"run {self.built}")
        (folder / "bin" / "tool").chmod(0o755)
        (folder / "bin" / "python").symlink_to("/usr/bin/python3")
        stubs = folder / "lib" / "python3" / "site-packages" / "jedi" / "third_party"
        stubs.mkdir(parents=True)
        (stubs / "a.pyi").write_text("")

    def session(self) -> Path:
        """From an empty container to the end of it; the folder stays for a look until the next one."""
        shutil.rmtree(str(self.cache.parent), ignore_errors=True)
        told = {}
        keeper = Kept(self.mount, self.sums, self.said.append)
        install_cache.keep_by(keeper)
        folder = install_cache.build_once(self.cache / NAME, self.build, self.said.append)
        keeper.seal(lambda name, total: told.update({name: total}), Patient())
        self.sums = archive_sums.with_newer(self.sums, told)
        return folder

    @property
    def archive(self) -> Path:
        found = list((self.mount / "sessiondock").iterdir())
        assert len(found) == 1
        return found[0]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_second_container_unpacks_what_the_first_one_installed(machine: Machine) -> None:
    machine.session()
    assert machine.archive.stat().st_mode & 0o777 == 0o600
    folder = machine.session()
    assert machine.built == 1 and "of an earlier session" in machine.said[-1]
    assert (folder / "bin" / "tool").read_text() == "run 1" and os.access(str(folder / "bin" / "tool"), os.X_OK)
    assert os.readlink(str(folder / "bin" / "python")) == "/usr/bin/python3"  # noqa: PTH115  Python 3.8
    assert install_cache.installed(folder) and not list(folder.rglob("*.pyi")) and not list(machine.cache.glob(".*"))


def test_what_another_task_changed_is_not_used(machine: Machine) -> None:
    machine.session()
    archive = machine.archive
    content = bytearray(archive.read_bytes())
    content[content.index(b"run 1")] = ord("x")
    archive.write_bytes(bytes(content))
    folder = machine.session()
    assert machine.built == 2 and (folder / "bin" / "tool").read_text() == "run 2"
    assert [line for line in machine.said if "is not used: it was changed" in line]


def test_what_changes_while_it_is_packed_is_packed_once_more(machine: Machine, tmp_path: Path, monkeypatch) -> None:
    programs, tried = tmp_path / "programs", tmp_path / "tried"
    programs.mkdir()
    real = shutil.which("tar")
    script = [
        "#!/bin/sh",
        f'case "$*" in *" -c "*) [ -e {tried} ] || {{ touch {tried}; echo x; exit 1; }};; esac',
        f'exec {real} "$@"',
    ]
    (programs / "tar").write_text("\n".join(script))
    (programs / "tar").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    machine.session()
    assert tried.exists() and machine.sums and machine.archive
    machine.session()
    assert machine.built == 1


def test_a_tar_that_takes_its_time_to_end_has_packed_all_the_same(
    machine: Machine, tmp_path: Path, monkeypatch
) -> None:
    """Its output is at its end before it is."""
    programs, real = tmp_path / "programs", shutil.which("tar")
    programs.mkdir()
    (programs / "tar").write_text(f'#!/bin/sh\n{real} "$@" || exit\nexec >&-\nsleep 0.3\n')
    (programs / "tar").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    machine.session()
    assert machine.sums and machine.archive and machine.said == []


def test_without_a_sum_from_the_launch_nothing_is_taken(machine: Machine) -> None:
    machine.session()
    machine.sums = {}
    machine.session()
    assert machine.built == 2


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(archives.MOST + 1)


@pytest.mark.parametrize("plant", [_link, os.mkfifo, Path.mkdir, _huge])
def test_what_is_no_archive_of_ours_is_passed_over(machine: Machine, plant) -> None:
    machine.session()
    archive = machine.archive
    archive.unlink()
    plant(archive)
    machine.session()
    assert machine.built == 2
    assert [line for line in machine.said if " is not used: " in line]


def test_a_sum_of_something_that_is_no_archive_leads_to_an_installation(machine: Machine) -> None:
    """As after a bug of ours: the folder that is filled then holds nothing of the failed try."""
    machine.session()
    (name,) = machine.sums
    text = b"no archive"
    total = hashlib.sha256(text).hexdigest()
    (machine.mount / "sessiondock" / archives.file_name(name, total)).write_bytes(text)
    machine.sums = {name: (total,)}
    machine.session()
    assert machine.built == 2 and [line for line in machine.said if "can't be unpacked" in line]


def test_a_folder_that_leads_elsewhere_is_not_written_to(machine: Machine, tmp_path: Path) -> None:
    (machine.mount / "sessiondock").symlink_to(tmp_path)
    with pytest.raises(OSError):  # ELOOP or ENOTDIR
        machine.session()


def test_several_machines_of_a_queue_each_find_their_own(machine: Machine) -> None:
    machine.session()
    (name,) = machine.sums
    machine.sums = {name: (A, *machine.sums[name], B)}
    machine.session()
    assert machine.built == 1


def test_sessions_that_end_together_keep_both(machine: Machine) -> None:
    """Neither takes the other's place: each desktop knows its own sum."""
    machine.session()
    machine.sums, first = {}, machine.archive
    machine.session()
    assert first.exists() and len(list((machine.mount / "sessiondock").iterdir())) == 2


def test_a_session_that_ends_while_it_packs_leaves_nothing(machine: Machine) -> None:
    keeper = Kept(machine.mount, {}, machine.said.append)
    install_cache.keep_by(keeper)
    install_cache.build_once(machine.cache / NAME, machine.build, machine.said.append)
    over = threading.Event()
    over.set()
    keeper.seal(lambda *_told: pytest.fail("nothing was kept"), over)
    assert not list((machine.mount / "sessiondock").iterdir()) and not machine.said


def test_what_was_not_used_for_longest_goes_and_so_do_old_drafts(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / (f"{number}.tar")).write_bytes(b"x" * 100)
        os.utime(str(tmp_path / (f"{number}.tar")), (number, number))
    (tmp_path / ".new-old").touch()
    os.utime(str(tmp_path / ".new-old"), (0, 0))
    (tmp_path / ".new-now").touch()
    os.utime(str(tmp_path / ".new-now"), (time.time(), time.time()))
    handle = os.open(str(tmp_path), os.O_RDONLY)
    try:
        archives.prune(handle, 250)
    finally:
        os.close(handle)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new-now", "2.tar", "3.tar"]


def test_it_packs_when_the_session_is_ready_and_tells_the_desktop_only(machine: Machine) -> None:
    keeper = Kept(machine.mount, {}, machine.said.append)
    keeper.built(machine.cache / NAME)
    (machine.cache / NAME).mkdir(parents=True)
    machine.build(machine.cache / NAME)
    progress = Progress()
    thread = threading.Thread(target=archives._seal_when_ready, args=(keeper, progress, threading.Event(), print))
    thread.start()
    assert not list((machine.mount / "sessiondock").iterdir())
    progress.phase(contract.READY)
    thread.join(20)
    report = progress.current()
    assert list(report.kept) == [archives.name_of(machine.cache / NAME)]
    assert not report.public().kept and not Report.loads(report.dumps()).kept
    assert Report.from_json(report.to_json()).kept == report.kept


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"../x": ["' + A + '"], "x": ["y", 3], "y": 1}', "[" * 10000])
def test_a_parameter_that_somebody_edited_is_left_out(text: str) -> None:
    assert archive_sums.sums_in_task(text) == {}


def test_sums_travel_and_the_newest_comes_first() -> None:
    sums = archive_sums.with_newer({"x": (A,), "y": (B,)}, {"x": B})
    assert sums == {"x": (B, A), "y": (B,)}
    assert archive_sums.sums_in_task(archive_sums.text_of(sums)) == sums
    many = archive_sums.with_newer(sums, {f"n{number}": A for number in range(100)})
    assert len(many) == archive_sums.MOST_NAMES


def test_a_mount_is_told_from_a_folder(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text("12 1 0:3 / /clearml_agent_cache rw - ext4 /dev/x rw\n")
    assert archives.is_mount(Path("/clearml_agent_cache"), str(table))
    assert not archives.is_mount(tmp_path, str(table)) and not archives.is_mount(tmp_path, str(tmp_path / "none"))
