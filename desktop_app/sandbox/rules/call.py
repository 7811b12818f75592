"""One API call as a handler sees it: who asks, what, and the server's parts. Lives in one request's thread."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from desktop_app.sandbox.rules.auth import Auth, Identity
from desktop_app.sandbox.rules.limits import Clock, Limits
from desktop_app.sandbox.rules.schema import Schema
from desktop_app.sandbox.rules.store import Document, Store

NEWEST = (999, 0)  # newer than any version of the API


def iso(seconds: float) -> str:
    """Format a time as the API writes it. The fixed width makes text order time order."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def seconds_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@dataclass(frozen=True)
class Server:
    """What the handlers share."""

    store: Store
    auth: Auth
    limits: Limits
    clock: Clock
    before_pull: Callable[[str], None] = lambda user: None  # a user is about to get a task from a queue


@dataclass(frozen=True)
class Call:
    """``body`` is the request's JSON object, checked; ``lines`` its JSON lines where the endpoint takes those.

    ``version`` is the API version that the client asked for.
    """

    server: Server
    identity: Identity
    body: Document
    lines: tuple[Any, ...] = ()
    address: str = "127.0.0.1"
    version: tuple[int, int] = NEWEST

    @property
    def store(self) -> Store:
        return self.server.store

    @property
    def company(self) -> str:
        return self.identity.company

    @property
    def seconds(self) -> float:
        return self.server.clock()

    @property
    def now(self) -> str:
        return iso(self.seconds)

    def text(self, key: str, default: str = "") -> str:
        value = self.body.get(key)
        return default if value is None else str(value)

    def mapping(self, key: str) -> Document:
        """Return a field that the endpoint's schema made an object, or an empty one."""
        return dict(self.body.get(key) or {})

    def items(self, key: str) -> list[Any]:
        """Return a field that the endpoint's schema made a list, or an empty one."""
        return list(self.body.get(key) or ())

    def number(self, key: str, default: int) -> int:
        value = self.body.get(key)
        return default if value is None else int(value)

    def flag(self, key: str) -> bool:
        return bool(self.body.get(key))

    def with_body(self, **fields: Any) -> "Call":
        """Return the same call, with these fields instead of or beside its own."""
        return replace(self, body={**self.body, **fields})


Handler = Callable[[Call], Document]


@dataclass(frozen=True)
class Endpoint:
    """One row of the table. ``roles`` may call it (none: everybody); an ``open`` one needs no credentials.

    ``since`` is the first API version that has it; ``batch`` says that it takes JSON lines.
    """

    handler: Handler
    schema: Schema = field(default_factory=dict)
    since: tuple[int, int] = (1, 0)
    roles: tuple[str, ...] = ()
    open: bool = False
    batch: bool = False


def only(document: Document, names: Iterable[str]) -> Document:
    """Return those of the named fields that the document has."""
    return {name: document[name] for name in names if document.get(name) is not None}
