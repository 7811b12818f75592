"""Notes what the window's code asks of the disk, of locks, of the network and of programs on the GUI thread.

Python tells an audit hook of all of that but for a look at a file's state, which is wrapped here. What the test itself
does on its thread is its own business: only what comes from a file of ``desktop_app/ui`` counts. The world in memory
stands for files, the keyring and servers: its methods count as they would. GUI thread.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

from desktop_app.demo import memory, secret_store, server

UI = str(Path(__file__).resolve().parents[2] / "desktop_app" / "ui") + os.sep
EVENTS = frozenset({
    "open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.utime",
    "os.link", "os.symlink", "os.truncate", "fcntl.flock", "fcntl.lockf", "msvcrt.locking", "shutil.copyfile",
    "shutil.rmtree", "tempfile.mkstemp", "tempfile.mkdtemp", "socket.connect", "socket.bind", "socket.getaddrinfo",
    "subprocess.Popen", "os.system", "os.posix_spawn", "os.startfile", "time.sleep",
})  # fmt: skip
WORLD = tuple(
    kind
    for module in (memory, secret_store, server)
    for kind in vars(module).values()
    if isinstance(kind, type)
    and kind.__module__ == module.__name__
    and any(base.__module__.startswith("desktop_app.boundary") for base in kind.__bases__)
)
LOOKS = ("stat", "lstat", "access", "readlink")  # functions of os that no audit event tells of

# A part of a frame's file, the function there ("" = any), and why it may touch the disk on the GUI thread.
ALLOWED = (
    ("<frozen importlib", "", "Python's own imports: what is shown first is loaded when it is shown"),
    ("shibokensupport", "", "PySide's own: it reads its signatures when they are first needed"),
    ("linecache.py", "", "a logged error quotes the lines of code that it went through"),
    ("weakref.py", "__call__", "the disk of an earlier test's machine goes where the collector happens to run"),
    ("ui/look/icons.py", "pictures", "one listing of the installed icons, once in a process"),
)


class GuiThread:
    """What was done there against the rule. One per process, since an audit hook stays for ever."""

    def __init__(self) -> None:
        self.breaches: list[str] = []
        self._watching = False
        self._thread = threading.main_thread().ident
        sys.addaudithook(self._hook)

    @contextmanager
    def watched(self, patch: Callable[[object, str, object], None]) -> Iterator[list[str]]:
        """Note breaches into the list. ``patch``: as monkeypatch.setattr."""
        self.breaches = []
        for name in LOOKS:
            patch(os, name, self._telling(f"os.{name}", getattr(os, name)))
        for kind in WORLD:
            for name, method in list(vars(kind).items()):
                if isinstance(method, FunctionType) and not name.startswith("_"):
                    patch(kind, name, self._telling(f"{kind.__name__}.{name}", method))
        self._watching = True
        try:
            yield self.breaches
        finally:
            self._watching = False

    def _telling(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def told(*arguments: Any, **options: Any) -> Any:
            self._note(name, arguments)
            return function(*arguments, **options)

        return told

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watching and event in EVENTS:
            self._note(event, arguments)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching or threading.get_ident() != self._thread:
            return
        self._watching = False  # what this does itself is none
        try:
            trail = list(_trail(sys._getframe(2)))
            if any(file.startswith(UI) for file, _function, _line in trail) and not any(map(_is_allowed, trail)):
                where = " < ".join(f"{Path(file).name}:{line} {function}" for file, function, line in trail[:9])
                self.breaches.append(f"{event} {arguments[:1]!r:.120} by {where}")
        finally:
            self._watching = True


def _trail(frame: FrameType | None) -> Iterator[tuple[str, str, int]]:
    """Return file, function and line of every caller, the nearest first."""
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_code.co_name, frame.f_lineno
        frame = frame.f_back


def _is_allowed(step: tuple[str, str, int]) -> bool:
    file, function, _line = step
    return any(part in file.replace(os.sep, "/") and name in ("", function) for part, name, _why in ALLOWED)
