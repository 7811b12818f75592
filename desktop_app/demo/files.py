"""Remote files over a folder of this computer that plays the session's machine."""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.boundary.files import RemoteFiles
from desktop_app.domain.files.remote_files import (
    Ask,
    FileKind,
    Finish,
    Get,
    MakeFolder,
    MakeLink,
    Names,
    Put,
    Real,
    RemoteEntry,
    Remove,
    Space,
    Stat,
)
from desktop_app.domain.problems import AppError, failure

HOME = "/home/me"
KINDS = {stat.S_IFREG: FileKind.FILE, stat.S_IFDIR: FileKind.FOLDER, stat.S_IFLNK: FileKind.LINK}


class FakeMachine:
    """The disk, and what is scripted. ``connect_errors``: each connect takes one. ``break_after``: the connection is
    lost after so many bytes, once. ``digests``: whether it can make checksums. ``flip``: what travels is damaged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._root: Path | None = None
        self._removal: weakref.finalize[[Path, bool], FakeMachine] | None = None
        self.connects = 0
        self.targets: list[Target] = []
        self.connect_errors: list[AppError] = []
        self.break_after: int | None = None
        self.digests = True
        self.flip = False
        self.space: Space | None = None
        self.written = 0
        self.rounds = 0  # calls that wait for the machine
        self.answers: dict[str, list[dict[str, object] | AppError]] = {}  # operation -> answers, in order
        self.on_written: Callable[[int], None] = lambda _total: None

    def close(self) -> None:
        """Remove the disk. Idempotent; where nobody calls it, the end of this object does."""
        if self._removal is not None:
            self._removal()

    @property
    def root(self) -> Path:
        with self._lock:
            if self._root is None:
                self._root = Path(tempfile.mkdtemp(prefix="sdf-"))
                self._removal = weakref.finalize(self, shutil.rmtree, self._root, True)
                (self._root / HOME[1:]).mkdir(parents=True)
            return self._root

    @property
    def home(self) -> Path:
        return self.root / HOME[1:]

    def path(self, path: str) -> Path:
        """Return where that path of the machine is on this computer."""
        return self.root / (path.lstrip("/") if path.startswith("/") else f"{HOME[1:]}/{path}")

    def travel(self, count: int) -> None:
        if self.break_after is not None:
            self.break_after -= count
            if self.break_after < 0:
                self.break_after = None
                raise lost()


def lost() -> AppError:
    return failure("ssh.lost", address="the machine")


class FakeFiles(RemoteFiles):
    """One connection to the machine."""

    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine
        self._connected = False

    def connect(self, target: Target, cancel: Cancel) -> None:
        cancel.check()
        self._machine.connects += 1
        self._machine.targets.append(target)
        if self._machine.connect_errors:
            raise self._machine.connect_errors.pop(0)
        self._connected = True

    def home(self, cancel: Cancel) -> str:
        return HOME

    def list(self, folder: str, cancel: Cancel) -> tuple[RemoteEntry, ...]:
        with self.at(folder, cancel) as path:
            return tuple(_entry(one.name, one) for one in path.iterdir())

    def stat(self, path: str, cancel: Cancel, *, follow: bool = False) -> RemoteEntry | None:
        with self.at(path, cancel) as here:
            if not os.path.lexists(here) or (follow and not here.exists()):
                return None
            return _entry(here.name, here.resolve() if follow else here)

    def real(self, path: str, cancel: Cancel) -> str:
        with self.at(path, cancel) as here:
            return "/" + os.path.relpath(os.path.realpath(here), os.path.realpath(self._machine.root))

    def make_folder(self, path: str, cancel: Cancel) -> None:
        with self.at(path, cancel) as here:
            here.mkdir(parents=True, exist_ok=True)

    def link_target(self, path: str, cancel: Cancel) -> str:
        with self.at(path, cancel) as here:
            return str(here.readlink())

    def make_link(self, target: str, path: str, cancel: Cancel) -> None:
        with self.at(path, cancel) as here:
            here.symlink_to(target)

    def remove(self, path: str, cancel: Cancel) -> None:
        with self.at(path, cancel) as here:
            here.unlink()

    def read(self, path: str, offset: int, sink: Callable[[bytes | memoryview], object], cancel: Cancel) -> None:
        with self.at(path, cancel) as here, here.open("rb") as stream:
            stream.seek(offset)
            while block := stream.read(1 << 16):
                cancel.check()
                self._machine.travel(len(block))
                sink(b"\0" + block[1:] if self._machine.flip else block)

    def write(
        self, path: str, offset: int, blocks: Iterable[bytes], done: Callable[[int], None], cancel: Cancel
    ) -> None:
        with self.at(path, cancel) as here, here.open("r+b" if here.exists() else "w+b") as stream:
            stream.truncate(offset)
            stream.seek(offset)
            for block in blocks:
                cancel.check()
                self._machine.travel(len(block))
                stream.write(b"\0" + block[1:] if self._machine.flip else block)
                stream.flush()
                self._machine.written += len(block)
                self._machine.on_written(self._machine.written)
                done(len(block))

    def finish(self, part: str, path: str, mode: int, modified: int, cancel: Cancel) -> None:
        with self.at(part, cancel) as here:
            here.chmod(mode)
            os.utime(here, (modified, modified))
            here.replace(self._machine.path(path))

    def together(
        self, asks: Sequence[Ask[Any]], cancel: Cancel, done: Callable[[int], object] = lambda _index: None
    ) -> tuple[Any, ...]:
        answers: list[Any] = []
        before = self._machine.rounds
        for index, ask in enumerate(asks):
            try:
                answers.append(_Answering(self).answer(ask, cancel))
                done(index)
            except AppError as error:
                if error.problem.code == "ssh.lost":
                    raise
                answers.append(error)
        self._machine.rounds = before + bool(asks)
        return tuple(answers)

    def ask_digests(self, files: Sequence[tuple[str, int]], cancel: Cancel) -> Callable[[], tuple[str, ...] | None]:
        def answers() -> tuple[str, ...]:
            before = self._machine.rounds
            digests = tuple([_digest_or_none(self, path, length, cancel) for path, length in files])
            self._machine.rounds = before + bool(files)
            return digests

        return answers if self._machine.digests else lambda: None

    def digest(self, path: str, length: int, cancel: Cancel, *, fresh: bool = True) -> str:
        with self.at(path, cancel) as here:
            if not self._machine.digests or not here.is_file() or here.stat().st_size < length:
                return ""
            return hashlib.sha256(here.read_bytes()[:length]).hexdigest()

    def space(self, path: str, cancel: Cancel) -> Space | None:
        cancel.check()
        return self._machine.space

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        cancel.check()
        answers = self._machine.answers.get(op) or [failure("ssh.refused", why="The session has no workspace.")]
        answer = answers.pop(0)
        if isinstance(answer, AppError):
            raise answer
        return dict(answer)

    def disconnect(self) -> None:
        self._connected = False

    @contextmanager
    def at(self, path: str, cancel: Cancel) -> Iterator[Path]:
        """Yield where that path is on this computer, while the connection is up. Problems: ssh.lost, files.*"""
        cancel.check()
        self._machine.rounds += 1
        if not self._connected:
            raise lost()
        try:
            yield self._machine.path(path)
        except OSError as error:
            codes = {errno.ENOENT: "files.missing", errno.EACCES: "files.denied"}
            code = codes.get(error.errno or 0, "files.refused")
            raise failure(code, path=path, why=error.strerror or "no reason") from None


def _entry(name: str, path: Path) -> RemoteEntry:
    about = path.lstat()
    kind = KINDS.get(stat.S_IFMT(about.st_mode), FileKind.OTHER)
    return RemoteEntry(name, kind, about.st_size, stat.S_IMODE(about.st_mode), int(about.st_mtime))


class _Answering:
    """Answers one ask of many that are under way at once."""

    def __init__(self, files: FakeFiles) -> None:
        self._files = files

    def answer(self, ask: Ask[Any], cancel: Cancel) -> Any:
        """Do what is asked for and return its answer. Problems: ssh.lost, files.*"""
        files = self._files
        match ask:
            case Stat():
                return files.stat(ask.path, cancel, follow=ask.follow)
            case Names():
                return files.list(ask.path, cancel)
            case Real():
                return files.real(ask.path, cancel)
            case MakeFolder():
                return self._new_folder(ask.path, cancel)
            case MakeLink():
                return files.make_link(ask.target, ask.path, cancel)
            case Put():
                return files.write(ask.path, 0, [ask.data] if ask.data else [], lambda _count: None, cancel)
            case Get():
                return self._whole(ask, cancel)
            case Finish():
                return files.finish(ask.part, ask.path, ask.mode, ask.modified, cancel)
        assert isinstance(ask, Remove)
        return files.remove(ask.path, cancel)

    def _new_folder(self, path: str, cancel: Cancel) -> bool | None:
        with self._files.at(path, cancel) as here:
            if os.path.lexists(here):
                return False if here.is_dir() and not here.is_symlink() else None
            here.mkdir()
            return True

    def _whole(self, ask: Get, cancel: Cancel) -> bytes:
        pieces: list[bytes] = []
        self._files.read(ask.path, 0, lambda block: pieces.append(bytes(block)), cancel)
        data = b"".join(pieces)
        if len(data) != ask.size:
            raise failure("files.refused", path=ask.path, why="it has another size")
        return data


def _digest_or_none(files: FakeFiles, path: str, length: int, cancel: Cancel) -> str:
    try:
        return files.digest(path, length, cancel)
    except AppError as error:
        if error.problem.code == "ssh.lost":
            raise
        return ""
