"""How the window starts: its frame first, then the core and all that the window shows. Main thread.

Part of the composition layer. What is imported before the first frame is held by tests/test_start.py; why it is so
little, and what waits for what: docs/decisions/0049.
"""

import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from desktop_app import APP_NAME
from desktop_app.adapters.peers.names import name_is_noted
from desktop_app.boundary.peers import WINDOW
from desktop_app.domain.problems.problem import AppError
from desktop_app.paths import Paths, default_paths

if TYPE_CHECKING:
    from desktop_app.services.core import Core

PROBLEM = 1
HIDDEN, DEMO = "--hidden", "--demo"
MOST_DEMO = 9999  # sessions; twice as many have a thousand threads
NO_DISPLAY = (
    "There is no display here, so no window can open. Everything works without one: sessiondock --ask asks "
    "what to launch, sessiondock --help names the commands."
)


def asks_for_window(arguments: Sequence[str]) -> bool:
    """True if these arguments mean the window and nothing else: then the command line's parser is not needed."""
    known = [word for word in arguments if word in (HIDDEN, DEMO)]
    number = [word for before, word in pairwise(arguments) if before == DEMO and is_count(word)]
    return len(arguments) == len(known) + len(number)


def demo_in(arguments: Sequence[str]) -> int | None:
    """Return how many sessions a demo should have, 0 = one in every state; None: no demo is asked for."""
    if DEMO not in arguments:
        return None
    return next((int(word) for before, word in pairwise(arguments) if before == DEMO and is_count(word)), 0)


def is_count(word: str) -> bool:
    """True if this is a number of sessions that a demo can have: 0 to MOST_DEMO."""
    return word.isascii() and word.isdecimal() and len(word) <= len(str(MOST_DEMO))


def open_window(arguments: Sequence[str], *, hidden: bool, demo: int | None = None) -> int:
    """Show the window, or bring up the one that is open already; return the exit code once it is over.

    ``demo``: on that many made-up sessions (0 = one in every state), beside any other window; None = on the real ones.
    """
    if sys.platform.startswith("linux") and not _display():
        _say(NO_DISPLAY)
        return PROBLEM
    # Until all is there (ui/program/opening.py): most of what a start makes stays, and looking through it takes time.
    gc.disable()
    paths = default_paths()
    made = WindowCore(paths) if demo is None else DemoCore(demo)
    from desktop_app.ui.program.app import run  # Qt is loaded for the window only

    argv = ["sessiondock", *arguments]
    at_once = demo is not None or not name_is_noted(paths.runtime, WINDOW)
    try:
        code = run(made, argv, hidden=hidden, at_once=at_once, demo=demo is not None)
    except AppError as error:
        _say(f"sessiondock: {error.problem}")
        return PROBLEM
    except Exception as error:  # the process's last boundary: Qt's hooks would tell the log alone
        logging.getLogger(__name__).critical("the window could not start", exc_info=error)
        _say(f"sessiondock: {APP_NAME} could not start ({type(error).__name__}: {error}). Its log tells more.")
        return PROBLEM
    finally:
        made.close()
    if made.open_elsewhere:
        _say(f"{APP_NAME} is already open; its window was brought up.")
    return code


class WindowCore:
    """The core of the one window: made once, on a thread of the window's, and closed with it."""

    def __init__(self, paths: Paths) -> None:
        self.open_elsewhere = False
        self._paths = paths
        self._core: Core | None = None

    def make(self) -> "Core | None":
        """Return the core; None if another process has the window, which comes up instead. Blocks, any thread.

        Problems: file.unwritable
        """
        from desktop_app.compose import build_core, set_up_log  # after the first frame, see the module

        redactor, tail = set_up_log(self._paths, WINDOW)
        core = self._core = build_core(self._paths, WINDOW, redactor=redactor, tail=tail)
        self.open_elsewhere = not core.connections.peers.claim_window()
        return None if self.open_elsewhere else core

    def on_activate(self, bring_up: Callable[[], None]) -> None:
        """Call ``bring_up``, from any thread, when another start of the program asks for the window."""
        if self._core is not None:
            self._core.connections.requests.on_activate(bring_up)

    def close(self) -> None:
        """Close the core, if there is one. Idempotent."""
        if self._core is not None:
            self._core.close()


class DemoCore:
    """The core of a demo's window: as ``WindowCore``, but no other process can have it or asks for it."""

    open_elsewhere = False

    def __init__(self, sessions: int) -> None:
        self._sessions = sessions
        self._core: Core | None = None

    def make(self) -> "Core":
        """Return the core. Any thread."""
        from desktop_app.compose import build_demo  # after the first frame, see the module

        self._core = build_demo(self._sessions)
        return self._core

    def on_activate(self, bring_up: Callable[[], None]) -> None:
        """Do nothing: no other start of the program brings up a demo."""

    def close(self) -> None:
        """Close the core, if there is one. Idempotent."""
        if self._core is not None:
            self._core.close()


def _display() -> bool:
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _say(text: str) -> None:
    if sys.stderr is not None:  # None: a windowed program without a console
        sys.stderr.write(f"{text}\n")
