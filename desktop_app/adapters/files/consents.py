"""What a person agreed to give to which session, in the state file of ``profiles``. No secrets. Any thread."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop_app.adapters.files.profiles import JsonFile

SESSIONS, CONSENTS = "sessions", "consents"


class ConsentsFile:
    """Implements ``boundary.memory.Consents``. Forgetting a session is ``ProfilesFile``'s."""

    def __init__(self, state_dir: Path) -> None:
        self._state = JsonFile(state_dir / "state.json")

    def of(self, session: str) -> Mapping[str, str]:
        sessions = self._state.read().get(SESSIONS)
        row = sessions.get(session) if isinstance(sessions, dict) else None
        found = row.get(CONSENTS) if isinstance(row, dict) else None
        return {str(key): str(place) for key, place in found.items()} if isinstance(found, dict) else {}

    def save(self, session: str, key: str, place: str) -> None:
        def edit(content: dict[str, Any]) -> None:
            sessions = content.get(SESSIONS)
            content[SESSIONS] = sessions = sessions if isinstance(sessions, dict) else {}
            row = sessions.get(session)
            row = row if isinstance(row, dict) else {}
            known = row.get(CONSENTS)
            sessions[session] = {**row, CONSENTS: {**(known if isinstance(known, dict) else {}), key: place}}

        self._state.change(edit)
