"""Where a name that a process holds is noted on the disk. Light: the window asks before its first frame. Any thread."""

import hashlib
from pathlib import Path

LOCK, NOTE = ".lock", ".json"


def file_of(folder: Path, name: str, ending: str) -> Path:
    """Return where that name's lock (``LOCK``) or the note of its holder (``NOTE``) lies."""
    return folder / (hashlib.sha256(name.encode()).hexdigest()[:24] + ending)


def name_is_noted(folder: Path, name: str) -> bool:
    """True if a process holds that name, or held it when it was killed: only its lock tells which."""
    return file_of(folder, name, NOTE).exists()
