"""A small JSON file that several processes of ours read and write, one after the other. Any thread; local files.

It is replaced in one step, readable by its owner only. One that is damaged is set aside as ``….damaged`` (later ones as
``….damaged-2`` and so on) and counts as empty. One of a newer version, or that can't be read, is left where it is: it
counts as empty, and nothing is written over it. ``problems`` says so.
"""

import json
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from desktop_app.boundary.memory import Document
from desktop_app.domain.problems import AppError, Problem, failure, problem
from desktop_app.file_lock import lock
from desktop_app.private_files import write_private

SCHEMA = 1
LOCK_S = 5.0
MOST_COPIES = 100  # of damaged files

Content = dict[str, Any]


class JsonFile(Document):
    """One JSON object with a schema number. It is read again only when the file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._stamp: tuple[int, int, int] | None = None
        self._content: Content = {}
        self._untouchable: Problem | None = None  # why nothing may be written over what is there
        self.problems: list[Problem] = []

    def read(self) -> Content:
        with self._lock:
            try:
                state = self._path.stat()
            except OSError:
                self._stamp, self._content, self._untouchable = None, {}, None
                return self._content
            stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
            if stamp != self._stamp:
                self._content, self._stamp = self._load(state.st_mode), stamp
            return self._content

    def _load(self, mode: int) -> Content:
        self._untouchable = None
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a pipe has no beginning, and a device no end
            return self._leave(problem("file.unreadable", path=self._path, why="it is not a regular file"))
        try:
            value = json.loads(self._path.read_text("utf-8-sig"))
        except OSError as error:
            return self._leave(problem("file.unreadable", path=self._path, why=error.strerror or error))
        except (ValueError, RecursionError):  # not JSON, or nested deeper than any file of ours
            return self._set_aside()
        if not isinstance(value, dict) or type(value.get("schema")) is not int:
            return self._set_aside()
        if value["schema"] > SCHEMA:
            return self._leave(problem("file.newer", path=self._path))
        return value

    def _leave(self, why: Problem) -> Content:
        self._untouchable = why
        self._tell(why)
        return {}

    def _tell(self, trouble: Problem) -> None:
        if trouble not in self.problems:
            self.problems.append(trouble)

    def _set_aside(self) -> Content:
        try:
            aside = self._move_aside()
        except FileNotFoundError:  # another process of ours just did
            return {}
        except OSError as error:
            return self._leave(problem("file.unreadable", path=self._path, why=error.strerror or error))
        self._tell(problem("file.damaged", path=self._path, aside=aside))
        return {}

    def _move_aside(self) -> Path:
        """Rename the file to a name that no earlier copy has; the last of many is replaced."""
        for number in range(1, MOST_COPIES):
            aside = self._path.with_name(f"{self._path.name}.damaged" + (f"-{number}" if number > 1 else ""))
            if not aside.exists():
                break
        self._path.replace(aside)
        return aside

    def change(self, edit: Callable[[Content], None]) -> None:
        """Read, edit and replace. Problems: file.unwritable, file.unreadable, file.newer"""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # The file's lock first: another process may hold it for seconds, and the GUI thread reads under ours.
            with lock(self._path.with_name(f"{self._path.name}.lock"), LOCK_S), self._lock:
                content: Content = json.loads(json.dumps(self.read()))
                if self._untouchable is not None:
                    raise AppError(self._untouchable)
                edit(content)
                content["schema"] = SCHEMA
                if content != self._content:
                    write_private(self._path, _text(content))
        except OSError as error:
            why = error.strerror or str(error)
            raise failure("file.unwritable", path=self._path, why=why, cause=str(error)) from None


def _text(content: Content) -> bytes:
    try:
        return json.dumps(content, indent=1, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a file's or a server's name that is no UTF-8
        return json.dumps(content, indent=1).encode()


def part(content: Content, key: str) -> Content:
    """Return the object under that key, made if it is not there or is something else."""
    if not isinstance(content.get(key), dict):
        content[key] = {}
    inner: Content = content[key]
    return inner


def rows(content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects in the list under that key."""
    found = content.get(key)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def look_up(content: Mapping[str, Any], *path: str) -> Any:
    """Return what stands there, None where nothing does."""
    value: Any = content
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
