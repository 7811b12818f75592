"""KnownAliases: the aliases as they were last read, for who may not read a file to show one. Any thread."""

from collections.abc import Callable

from desktop_app.boundary.memory import AliasMemory
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.sessions.snapshot import SessionId


class KnownAliases:
    """Each look at an account's server brings it up to date, and each change that this process makes."""

    def __init__(self, memory: AliasMemory) -> None:
        self._memory = memory
        self._aliases: dict[str, Alias] = {}  # by session
        self._listeners: list[Callable[[], None]] = []

    def read(self) -> tuple[Alias, ...]:
        """Read all aliases, tell the listeners if they are others than before, and return them. Blocks (a file)."""
        aliases = self._memory.all()
        before, self._aliases = self._aliases, {alias.session: alias for alias in aliases}
        if self._aliases != before:
            for listener in tuple(self._listeners):
                listener()
        return aliases

    def of(self, session: SessionId) -> Alias | None:
        """Return the session's alias as it was last read. Quick."""
        return self._aliases.get(session.text)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener after each change, on the thread that made it. Return what ends that. Quick."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
