"""Where this user's SessionDock keeps things. Light: the window asks before its first frame. Any thread."""

import platform
import re
from dataclasses import dataclass
from pathlib import Path

import platformdirs

APP_FOLDER = "sessiondock"


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one user. ``runtime`` is of this computer only, ``sandbox`` is the sandbox's home."""

    config: Path
    state: Path
    runtime: Path
    sandbox: Path


def default_paths() -> Paths:
    """Return the places of this system's conventions (on Linux the XDG variables decide). Makes none of them."""
    state = platformdirs.user_state_path(APP_FOLDER, appauthor=False)
    # A home folder may be shared between computers; locks and sockets are not.
    node = re.sub(r"[^A-Za-z0-9.-]", "-", platform.node())[:24] or "here"
    return Paths(
        config=platformdirs.user_config_path(APP_FOLDER, appauthor=False),
        state=state,
        runtime=state / f"run-{node}",
        sandbox=platformdirs.user_data_path(APP_FOLDER, appauthor=False) / "sandbox",
    )
