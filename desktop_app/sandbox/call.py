"""One API call as a handler sees it: who asks, what, and the server's parts. Lives in one request's thread."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from desktop_app.sandbox import errors
from desktop_app.sandbox.auth import Auth, Identity
from desktop_app.sandbox.limits import Clock, Limits
from desktop_app.sandbox.store import Document, Store


def iso(seconds: float) -> str:
    """A time as the API writes it. The fixed width makes text order time order."""
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
    """``body`` is the request's JSON object; ``lines`` its JSON lines where it has those instead."""

    server: Server
    identity: Identity
    body: Document
    lines: tuple[Document, ...] = ()
    address: str = "127.0.0.1"

    @property
    def store(self) -> Store:
        return self.server.store

    @property
    def seconds(self) -> float:
        return self.server.clock()

    @property
    def now(self) -> str:
        return iso(self.seconds)

    def text(self, key: str, default: str = "") -> str:
        value = self.body.get(key)
        return default if value is None else str(value)

    def need(self, key: str) -> str:
        """A required field. Raises ApiError 400/800."""
        value = self.text(key)
        if not value:
            raise errors.validation(f"'{key}' is a required property")
        return value

    def mapping(self, key: str) -> Document:
        """A field that must be an object when it is there. Raises ApiError 400/800."""
        value = self.body.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise errors.validation(f"'{key}' is not of type 'object'")
        return value

    def items(self, key: str) -> list[Any]:
        """A field that must be a list when it is there. Raises ApiError 400/800."""
        value = self.body.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise errors.validation(f"'{key}' is not of type 'array'")
        return value

    def number(self, key: str, default: int) -> int:
        value = self.body.get(key)
        if value is None:
            return default
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise errors.validation(f"'{key}' is not of type 'integer'") from error

    def flag(self, key: str) -> bool:
        return bool(self.body.get(key))


Handler = Callable[[Call], Document]


def name_of(call: Call, key: str = "name") -> str:
    """A name for something new. Raises ApiError 400/800 when shorter than the real server takes."""
    name = call.need(key)
    if len(name.strip()) < 3:
        raise errors.validation(f"'{key}' is too short: at least 3 characters")
    return name
