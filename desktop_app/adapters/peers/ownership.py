"""Who holds what on this computer: a session's tunnel, or the window. One owner at a time, and a way to ask it.

A held name is a locked file, so a killed owner holds nothing. Beside it lies a note that says how to reach the owner: a
local socket (a pipe on Windows) in a folder of this user only, where JSON goes both ways as plain bytes. Any thread;
those that listen, answer and ask are ``local_socket``'s.
"""

import contextlib
import json
import logging
import os
import re
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from desktop_app.adapters.peers.local_socket import Answering, Question
from desktop_app.adapters.peers.names import file_of
from desktop_app.boundary.peers import Handler, Holder, PeerNames, owned_by
from desktop_app.domain.files.disk import disk_problem
from desktop_app.domain.problems import AppError, Cancelled, Problem, Remedy, Retry, problem
from desktop_app.file_lock import FileLock, lock, try_lock
from desktop_app.private_files import write_private

ANSWER_S = 20.0
CLAIM_S = 0.5  # another process may hold the lock for a moment, just to look
AUTHKEY_S = 30.0  # another process writes a line at that time
ANNOUNCE_S = 1.0  # from the lock to the note, on a busy computer
LOOK_AGAIN_S = 0.02
UNWANTED_S = 30 * 86400.0
_HASHED = re.compile(r"[0-9a-f]{24}")  # a name in a file's name
MAX_SOCKET_PATH = 100  # of the 104 to 108 bytes that systems allow

_log = logging.getLogger(__name__)


class Ownership(PeerNames):
    """The names that this process holds, and questions to the processes that hold others. Thread-safe.

    ``handler(op, name, args)`` answers the questions of other processes, on a thread of this module; it may raise
    AppError, which reaches the asker as it is.
    """

    def __init__(self, folder: Path, role: str, handler: Handler, answer_s: float = ANSWER_S) -> None:
        self.role = role
        self._answer_s = answer_s
        self._folder = folder
        self._handler = handler
        self._lock = threading.RLock()
        self._held: dict[str, FileLock] = {}
        self._answering: Answering | None = None
        self._socket_folder: Path | None = None
        self._closed = False

    def claim(self, name: str, wait: float = CLAIM_S) -> bool:
        """Hold that name; False when another process does and goes on doing so for ``wait`` seconds. Raises Cancelled
        once closed: what still wants a name then belongs to a program that ends. Problems: disk.full, file.unwritable
        """
        try:
            return self._claim(name, wait)
        except OSError as error:  # such as a home folder on a file system that locks nothing
            path, why = error.filename or self._folder, error.strerror or str(error)
            unwritable = problem("file.unwritable", path=path, why=why, cause=str(error))
            raise AppError(disk_problem(error) or unwritable) from None

    def _claim(self, name: str, wait: float) -> bool:
        with self._lock:
            if name in self._held:
                return True
            if self._closed:
                raise Cancelled
            address = self._listen()
            _private_folder(self._folder)
            try:
                self._held[name] = lock(self._path(name, ".lock"), wait)
            except TimeoutError:
                return False
            note = {"pid": os.getpid(), "role": self.role, "address": address}
            try:
                write_private(self._path(name, ".json"), json.dumps(note))
            except OSError:  # what is held without a note can't be asked by anybody
                self.release(name)
                raise
            return True

    def release(self, name: str) -> None:
        """Give that name up. Idempotent."""
        with self._lock:
            held = self._held.pop(name, None)
            if held is not None:
                try:
                    self._path(name, ".json").unlink(missing_ok=True)
                finally:
                    held.release()

    def holder(self, name: str) -> Holder | None:
        """Return the other process that holds that name; None when nobody (or we) do. Takes up to a second.

        A locked file alone says little: another process may just be looking, as we do here, or has not written its note
        yet, and an older note may be a killed owner's. So it looks again until lock and note agree.
        """
        end = time.monotonic() + ANNOUNCE_S
        while self._is_locked(name):
            noted = self._note(name)
            if noted is not None and psutil.pid_exists(noted.pid):
                return noted
            if time.monotonic() >= end:
                return Holder(0)
            time.sleep(LOOK_AGAIN_S)
        return None

    def release_for_good(self, name: str) -> None:
        """Remove what is left of a name that nobody will ask for again, unless a process holds it."""
        with self._lock:
            if name in self._held or not self._path(name, ".lock").exists():
                return
            self._remove_lock(self._path(name, ".lock"))

    def _is_locked(self, name: str) -> bool:
        """True if another process holds it; to find out takes the lock for a moment."""
        with self._lock:
            if name in self._held or not self._path(name, ".lock").exists():
                return False
            seen = try_lock(self._path(name, ".lock"))
            if seen is None:
                return True
            seen.release()
            return False

    def _note(self, name: str) -> Holder | None:
        try:
            value = json.loads(self._path(name, ".json").read_text("utf-8"))
            return Holder(int(value["pid"]), str(value["role"]), str(value["address"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def ask(self, holder: Holder, op: str, name: str, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the owner's answer. Problems: the owner's own, or tunnel.owned when it does not answer."""
        message = json.dumps({"op": op, "name": name, "args": dict(args or {})}).encode()
        question = Question(holder.address, self._authkey(), message)
        answer = _message(question.ask(self._answer_s))
        if answer is None:
            raise owned_by(holder.pid, question.cause)
        if not answer.get("ok"):
            raise AppError(_problem_from(answer.get("problem") or {}))
        return dict(answer.get("result") or {})

    def close(self) -> None:
        """Release everything and stop listening."""
        with self._lock:
            self._closed = True
            for name in tuple(self._held):
                self.release(name)
            answering, self._answering = self._answering, None
        if answering is not None:
            answering.close()
        if self._socket_folder is not None:
            with contextlib.suppress(OSError):
                self._socket_folder.rmdir()

    # -- files

    def _path(self, name: str, ending: str) -> Path:
        return file_of(self._folder, name, ending)

    def _authkey(self) -> bytes:
        """Return the key that this user's processes share: a process that can read it is this user's."""
        path = self._folder / "authkey"
        _private_folder(self._folder)
        if path.exists():  # it is written in one step, and never again
            return path.read_bytes()
        with lock(self._folder / "authkey.lock", AUTHKEY_S):
            if not path.exists():
                write_private(path, secrets.token_hex(32))
            return path.read_bytes()

    # -- listening

    def _listen(self) -> str:
        if self._answering is None:
            self._answering = Answering(self._address(), self._authkey(), self._reply)
        return self._answering.address

    def _address(self) -> str:
        name = f"owner-{os.getpid()}-{secrets.token_hex(4)}"
        if sys.platform == "win32":
            return rf"\\.\pipe\sessiondock-{name}"
        _private_folder(self._folder)
        self._sweep()
        path = self._folder / name
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            self._socket_folder = Path(tempfile.mkdtemp(prefix="sd-"))
            path = self._socket_folder / name
        return str(path)

    def _sweep(self) -> None:
        """Remove sockets of killed owners, and locks that nobody has wanted for long: of sessions that were deleted, or
        ended unseen, or whose rows made place for newer ones."""
        for path in self._folder.glob("owner-*"):
            pid = path.name.split("-")[1]
            if pid.isdigit() and not psutil.pid_exists(int(pid)):
                path.unlink(missing_ok=True)
        for path in self._folder.glob("*.lock"):
            if _HASHED.fullmatch(path.stem) and self._is_old(path):
                self._remove_lock(path)

    @staticmethod
    def _is_old(path: Path) -> bool:
        try:
            return time.time() - path.stat().st_mtime > UNWANTED_S  # taking a lock makes it young
        except OSError:
            return False  # another process was faster

    def _remove_lock(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            unheld = try_lock(path)
            if unheld is not None:
                with unheld:
                    path.with_suffix(".json").unlink(missing_ok=True)
                    unheld.release(remove=True)

    def _reply(self, raw: bytes) -> bytes | None:
        """Answer on a thread of the listener; None when we are ending: the asker finds out by itself."""
        try:
            answer = self._result(raw)
        except Cancelled:
            return None
        return json.dumps(answer).encode()

    def _result(self, raw: bytes) -> dict[str, Any]:
        try:
            message = json.loads(raw)
            return {"ok": True, "result": dict(self._handler(message["op"], message["name"], message["args"]))}
        except Cancelled:
            raise
        except AppError as error:
            return {"ok": False, "problem": _problem_to(error.problem)}
        except Exception as error:  # thread boundary
            found = disk_problem(error)
            if found is None:
                _log.exception("a question of another process failed")
            return {"ok": False, "problem": _problem_to(found or problem("internal", cause=type(error).__name__))}


def _message(raw: bytes | None) -> dict[str, Any] | None:
    try:
        value = json.loads(raw or b"")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _problem_to(found: Problem) -> dict[str, Any]:
    return {
        "code": found.code,
        "title": found.title,
        "detail": found.detail,
        "remedies": [remedy.name for remedy in found.remedies],
        "retry": found.retry.value,
        "cause": found.cause,
    }


def _problem_from(value: Mapping[str, Any]) -> Problem:
    names = value.get("remedies") or ()
    return Problem(
        code=str(value.get("code", "internal")),
        title=str(value.get("title", "")),
        detail=str(value.get("detail", "")),
        remedies=tuple(Remedy[name] for name in names if name in Remedy.__members__),
        retry=Retry(value.get("retry", Retry.USER.value)),
        cause=str(value.get("cause", "")),
    )


def _private_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
