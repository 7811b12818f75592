"""Remembered launch options in a file of the user's choice (``--config-file``). Any thread; small local files.

The file may be clearml-session's own state file: what it holds is kept, and ours stands in it under one key.
"""

import json
import os
from pathlib import Path
from typing import Any

from desktop_app.domain.launch.chosen_text import UnreadableText, read_chosen
from desktop_app.domain.launch.options import LaunchSpec, defaults, from_profile, to_profile
from desktop_app.domain.launch.profile import from_clearml_session
from desktop_app.domain.problems import failure

KEY = "sessiondock"


def load(path: Path) -> LaunchSpec:
    """The defaults where there is no such file; what clearml-session kept there, its password excepted, until we have
    kept something. Problems: launch.invalid"""
    values = _read(path)
    found = values.get(KEY)
    if isinstance(found, dict):
        return from_profile(found)
    theirs = from_clearml_session(values)
    return theirs.spec if theirs else defaults()


def save(path: Path, spec: LaunchSpec) -> None:
    """Readable by its owner only. Problems: launch.invalid, file.unwritable"""
    text = json.dumps({**_read(path), KEY: to_profile(spec)}, indent=1, ensure_ascii=False)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        raise failure("file.unwritable", path=path, why=error.strerror or str(error)) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_chosen(path)) if os.path.lexists(path) else {}
    except (UnreadableText, ValueError, RecursionError) as error:
        why = getattr(error, "why", None) or "it is not JSON"
        raise failure("launch.invalid", why=f"--config-file: {path} can't be read: {why}.") from error
    return value if isinstance(value, dict) else {}
