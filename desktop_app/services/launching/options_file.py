"""Remembered launch options in a file of the user's choice (``--config-file``). Any thread but the window's; blocks.

The file may be clearml-session's own state file: what it holds is kept, and ours stands in it under one key.
"""

import json
from pathlib import Path
from typing import Any

from desktop_app.boundary.computer import TextFiles
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.domain.launch.options import LaunchSpec, defaults, from_profile, to_profile
from desktop_app.domain.launch.profile import from_clearml_session
from desktop_app.domain.problems import failure

KEY = "sessiondock"


def load(path: Path, files: TextFiles) -> LaunchSpec:
    """Return what is remembered there: the defaults where there is no such file; what clearml-session kept there, its
    password excepted, until we have kept something. Problems: launch.invalid"""
    values = _read(path, files)
    found = values.get(KEY)
    if isinstance(found, dict):
        return from_profile(found)
    theirs = from_clearml_session(values)
    return theirs.spec if theirs else defaults()


def save(path: Path, spec: LaunchSpec, files: TextFiles) -> None:
    """Remember those options there. Problems: launch.invalid, file.unwritable"""
    content = {**_read(path, files), KEY: to_profile(spec)}
    files.write(path, json.dumps(content, indent=1, ensure_ascii=False), make_folder=True)


def _read(path: Path, files: TextFiles) -> dict[str, Any]:
    try:
        value = json.loads(files.read(path)) if files.exists(path) else {}
    except (UnreadableText, ValueError, RecursionError) as error:
        why = getattr(error, "why", None) or "it is not JSON"
        raise failure("launch.invalid", why=f"--config-file: {path} can't be read: {why}.") from error
    return value if isinstance(value, dict) else {}
