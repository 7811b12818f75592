"""What other SessionDock processes of this user may ask this one. Answered on the peers adapter's threads.

Two kinds: an ``Operation`` on a session belongs to the process that holds its connection (``Connections.call`` finds
out which that is); a message is for whichever process it is sent to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.connection import peers

T = TypeVar("T")
Args = Mapping[str, Any]  # JSON

# About one session: arguments in, answer out, both JSON.
Message = Callable[[SessionId, Args], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """Something that is done where a session's connection is held.

    ``run`` does it and returns objects. Only when another process asks, ``dump`` makes JSON of the result there and
    ``load`` reads it here; ``run`` then has ``timeout_s`` seconds. ``needs_connection=False``: it has an answer, too,
    where no process holds the connection.
    """

    name: str
    run: Callable[[SessionId, Args, Cancel], T]
    dump: Callable[[T], Mapping[str, Any]]
    load: Callable[[Mapping[str, Any]], T]
    timeout_s: float = 15.0
    needs_connection: bool = True

    def read(self, answer: Mapping[str, Any]) -> T:
        """Return the result in another process's answer. Problems: internal (another version of ours sent it)"""
        try:
            return self.load(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise failure("internal", cause=f"an unreadable answer to {self.name}: {error!r}") from None


class PeerRequests:
    """The table of operations and messages. ``is_held``: True if this process holds that session's connection."""

    def __init__(self, is_held: Callable[[SessionId], bool]) -> None:
        self._is_held = is_held
        self._operations: dict[str, Operation[Any]] = {}
        self._messages: dict[str, Message] = {}
        self._on_activate: Callable[[], None] = lambda: None

    def add(self, operation: Operation[T]) -> Operation[T]:
        """Answer that operation to other processes from now on; returns it."""
        self._operations[operation.name] = operation
        return operation

    def on_message(self, name: str, handler: Message) -> None:
        """Answer messages of that name from now on."""
        self._messages[name] = handler

    def on_activate(self, callback: Callable[[], None]) -> None:
        """Set what happens when another start of the program wants the window."""
        self._on_activate = callback

    def answer(self, op: str, name: str, args: Args) -> Mapping[str, Any]:
        """Return the answer to another process. Problems: open.not_ready, and those of the operation"""
        if op == peers.OP_ACTIVATE:
            self._on_activate()
            return {}
        session = SessionId.parse(name)
        handler = self._messages.get(op)
        if handler is not None:
            return handler(session, args) or {}
        return self._run(op, session, args)

    def _run(self, op: str, session: SessionId, args: Args) -> Mapping[str, Any]:
        operation = self._operations.get(op)
        if (operation is None or operation.needs_connection) and not self._is_held(session):
            raise failure("open.not_ready", app="The session", state="not attached", why="It was detached just now.")
        if operation is None:
            raise failure("open.not_ready", app="The session", state="held by another version", why="Restart it.")
        return operation.dump(operation.run(session, args, Cancel(operation.timeout_s)))
