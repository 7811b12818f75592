"""The last launch of each account, which an earlier version kept in the settings, moves to the profiles; at the start.

The profiles keep the last launch of each queue, the newest last. They are written first, so that a start that was
killed half-way is followed by one that does it again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop_app.adapters.files.json_file import JsonFile

LAUNCHES, QUEUES = "launches", "queues"


def move_launches(config_dir: Path) -> None:
    """Move them where there are any. Quick where there are none. Problems: file.unwritable, file.newer"""
    settings = JsonFile(config_dir / "settings.json")
    launches = settings.read().get(LAUNCHES)
    if launches is None:
        return
    rows = launches if isinstance(launches, dict) else {}
    if rows:
        JsonFile(config_dir / "profiles.json").change(lambda content: _add(content, rows))
    settings.change(lambda content: content.pop(LAUNCHES, None))


def _add(content: dict[str, Any], launches: Mapping[str, Any]) -> None:
    queues = content.get(QUEUES)
    queues = queues if isinstance(queues, dict) else {}
    for account, options in launches.items():
        rows = queues.get(account)
        rows = rows if isinstance(rows, dict) else {}
        queue = options.get("queue") if isinstance(options, dict) else None
        if isinstance(queue, str) and queue not in rows:  # else it was kept there, too
            queues[account] = {**rows, queue: {"profile": "", "options": options}}
    content[QUEUES] = queues
