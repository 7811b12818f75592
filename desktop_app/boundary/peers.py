"""Other SessionDock processes of this user on this computer: who holds what, and how they are asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from desktop_app.domain.problems import AppError, failure

WINDOW = "window"  # the name of the one window, and the role of its process

# Answers another process's question: operation, name, arguments. Raises AppError, which reaches the asker as it is.
Handler = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Holder:
    """A living owner. ``role`` is "window" or "cli"; ``address`` "" = it can't be asked (yet). ``pid`` 0: it has not
    said who it is."""

    pid: int
    role: str = ""
    address: str = ""


class PeerNames(Protocol):
    """The names that this process holds, and questions to whoever holds others. Thread-safe."""

    role: str

    def claim(self, name: str, wait: float = ...) -> bool:
        """Hold that name; False when another process does and goes on doing so for ``wait`` seconds.

        Raises Cancelled once closed: whoever still wants a name then belongs to a program that ends.
        Problems: disk.full, file.unwritable
        """

    def release(self, name: str) -> None:
        """Give that name up. Idempotent."""

    def release_for_good(self, name: str) -> None:
        """Remove what is left of a name that nobody will ask for again, unless somebody holds it."""

    def holder(self, name: str) -> Holder | None:
        """Return the other process that holds that name; None when nobody (or we) do."""

    def ask(self, holder: Holder, op: str, name: str, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the holder's answer. Problems: the holder's own, or tunnel.owned when it does not answer."""

    def close(self) -> None:
        """Release everything and stop listening."""


def owned_by(pid: int, cause: str = "") -> AppError:
    """Return the problem of a name that another process holds. ``pid`` 0: nobody knows which."""
    return failure("tunnel.owned", holder=f"Process {pid}" if pid else "Another process", cause=cause)
