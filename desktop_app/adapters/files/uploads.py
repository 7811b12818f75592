"""Uploads that launches asked for and that are not made yet: paths, in the state file of ``profiles``. Any thread."""

from pathlib import Path
from typing import Any

from desktop_app.adapters.files.profiles import JsonFile
from desktop_app.domain.files.transfer import Wanted

SESSIONS, UPLOADS = "sessions", "uploads"


class UploadsFile:
    """Implements ``boundary.memory.UploadMemory``. Forgetting a session is ``ProfilesFile``'s."""

    def __init__(self, state_dir: Path) -> None:
        self._state = JsonFile(state_dir / "state.json")

    def sessions(self) -> tuple[str, ...]:
        sessions = self._state.read().get(SESSIONS)
        return tuple(one for one in sessions if self.of(one)) if isinstance(sessions, dict) else ()

    def of(self, session: str) -> tuple[Wanted, ...]:
        sessions = self._state.read().get(SESSIONS)
        row = sessions.get(session) if isinstance(sessions, dict) else None
        found = row.get(UPLOADS) if isinstance(row, dict) else None
        wanted = [_wanted(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        # A damaged row must not become the folder that this program happens to run in.
        return tuple(one for one in wanted if Path(one.path).is_absolute())

    def save(self, session: str, uploads: tuple[Wanted, ...]) -> None:
        rows = [{"path": one.path, "size": one.size, "modified": one.modified} for one in uploads]

        def edit(content: dict[str, Any]) -> None:
            sessions = content.get(SESSIONS)
            content[SESSIONS] = sessions = sessions if isinstance(sessions, dict) else {}
            row = sessions.get(session)
            sessions[session] = {**(row if isinstance(row, dict) else {}), UPLOADS: rows}

        self._state.change(edit)

    def drop(self, session: str) -> bool:
        dropped: list[object] = []

        def edit(content: dict[str, Any]) -> None:
            sessions = content.get(SESSIONS)
            row = sessions.get(session) if isinstance(sessions, dict) else None
            if isinstance(row, dict) and row.pop(UPLOADS, None):
                dropped.append(session)

        self._state.change(edit)
        return bool(dropped)


def _wanted(row: dict[str, Any]) -> Wanted:
    size, modified = row.get("size"), row.get("modified")
    path = row.get("path")
    return Wanted(
        path if isinstance(path, str) else "",
        size if isinstance(size, int) else -1,
        modified if isinstance(modified, int) else -1,
    )
