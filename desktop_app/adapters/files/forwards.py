"""What is remembered about ports between runs: each session's forwards (state) and the services that are always
forwarded (settings), in the two files of ``profiles``. Any thread; several processes may write.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from desktop_app.adapters.files.profiles import JsonFile
from desktop_app.domain.access.listening import Forward, read_forward

SESSIONS, FORWARDS, ALWAYS = "sessions", "forwards", "always_forward"


class ForwardsFile:
    """Implements ``boundary.memory.ForwardMemory``. Forgetting a session is ``ProfilesFile``'s."""

    def __init__(self, config_dir: Path, state_dir: Path) -> None:
        self._settings = JsonFile(config_dir / "settings.json")
        self._state = JsonFile(state_dir / "state.json")

    def of(self, session: str) -> tuple[Forward, ...]:
        sessions = self._state.read().get(SESSIONS)
        row = sessions.get(session) if isinstance(sessions, dict) else None
        rows = row.get(FORWARDS) if isinstance(row, dict) else None
        found = [read_forward(one) for one in rows] if isinstance(rows, list) else []
        return tuple(one for one in found if one is not None)

    def save(self, session: str, forwards: tuple[Forward, ...]) -> None:
        rows = [{**asdict(one), "kind": one.kind.value} for one in forwards]

        def edit(content: dict[str, Any]) -> None:
            sessions = content.get(SESSIONS)
            content[SESSIONS] = sessions = sessions if isinstance(sessions, dict) else {}
            row = sessions.get(session)
            sessions[session] = {**(row if isinstance(row, dict) else {}), FORWARDS: rows}

        self._state.change(edit)

    def always(self) -> frozenset[str]:
        found = self._settings.read().get(ALWAYS)
        return frozenset(str(key) for key in found) if isinstance(found, list) else frozenset()

    def save_always(self, services: frozenset[str]) -> None:
        self._settings.change(lambda content: content.update({ALWAYS: sorted(services)}))
