"""What a session left behind, looked for from outside: processes, and secrets where none may be. Linux only."""

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

MARK = "SESSIONDOCK_SESSION="
MAX_FILE = 64 * 1024 * 1024  # bytes; larger files are no app files


def session_processes(task: str) -> list[str]:
    """A line for each live process that belongs to the session: by its environment's mark or its command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            argv = " ".join(process.cmdline())
            marked = f"{MARK}{task}".encode() in Path(f"/proc/{process.pid}/environ").read_bytes()
        except (psutil.Error, OSError):
            continue  # it ended while we looked
        if marked or f"/sessions/{task}" in argv:
            found.append(f"{process.pid} {argv}")
    return found


class CommandLines:
    """Collects every command line that shows up on this machine, and the environments of nobody. A context manager."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="command-lines", daemon=True)

    def __enter__(self) -> "CommandLines":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = str(os.getpid())
        while not self._stop.wait(0.05):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit() and entry.name != me:
                    try:
                        self.seen.add((entry / "cmdline").read_bytes())
                    except OSError:
                        continue  # it ended while we looked

    def containing(self, secrets: Iterable[str]) -> list[str]:
        needles = [secret.encode() for secret in secrets]
        return [line.decode(errors="replace") for line in self.seen if any(n in line for n in needles)]


def files_containing(folder: Path, secrets: Iterable[str], skip: Iterable[Path] = ()) -> list[str]:
    """The files below ``folder`` that hold one of the secrets in clear, leaving out the ``skip`` folders."""
    needles = [secret.encode() for secret in secrets]
    skipped = [str(path) for path in skip]
    return [str(path) for path in _files(folder, skipped) if any(needle in _bytes(path) for needle in needles)]


def readable_by_others(folder: Path) -> list[str]:
    """The files below ``folder`` that another user of the machine could open; every folder above must let him in."""
    return [str(p) for p in _files(folder, []) if p.stat().st_mode & 0o044 and _others_may_enter(p.parent)]


def _others_may_enter(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o011 for part in (folder, *folder.parents))


def _files(folder: Path, skipped: list[str]) -> Iterator[Path]:
    for root, names, files in os.walk(folder):
        names[:] = [n for n in names if str(Path(root, n)) not in skipped]
        for name in files:
            path = Path(root, name)
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_FILE:
                yield path


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it went away while we looked
