"""What a problem is, and the exceptions that carry one. Pure data, any thread."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

MAX_TOLD = 2000  # characters of each thing that a problem names


class Retry(Enum):
    """Who can make it work again."""

    AUTO = "auto"  # time may heal it: back off and try again
    USER = "user"  # a human must act first
    NEVER = "never"  # final


class Remedy(Enum):
    """A button that the problem offers; the value is its label."""

    RETRY = "Try again"
    SIGN_IN = "Update API key…"
    UNLOCK_KEYRING = "Unlock keyring"
    OTHER_QUEUE = "Choose another queue…"
    CANCEL_LAUNCH = "Cancel launch"
    ENQUEUE = "Put into a queue…"
    REMOVE = "Remove the session"
    SHOW_LOG = "Show log"
    TRUST_HOST = "Trust this machine"
    ACCEPT_RUN = "Accept the new run"
    ENTER_PASSPHRASE = "Enter passphrase…"  # noqa: S105  a button
    ATTACH = "Attach"
    SHUT_DOWN = "Shut down"
    END_ANYWAY = "End it in ClearML anyway"
    ROUTE = "Change route…"
    WITH_IMAGE = "Launch again with its image…"
    SSH_CONFIG = "Add the line and open"


@dataclass(frozen=True, slots=True)
class Problem:
    """``title`` and ``detail`` are for users, ``cause`` is one redacted technical line for the log window."""

    code: str
    title: str
    detail: str
    remedies: tuple[Remedy, ...] = ()
    retry: Retry = Retry.USER
    cause: str = ""

    def __str__(self) -> str:
        return f"{self.title}. {self.detail}" if self.detail else f"{self.title}."


def row(code: str, title: str, detail: str, retry: Retry = Retry.USER, remedies: tuple[Remedy, ...] = ()) -> Problem:
    """Return a row of the table; {name} in its texts is filled when the problem occurs."""
    return Problem(code, title, detail, remedies, retry)


def problem_words(what: Problem) -> dict[str, str]:
    """Return what another process of ours is told of it."""
    return {"code": what.code, "title": what.title, "detail": what.detail, "cause": what.cause}


def read_problem(words: Mapping[str, object]) -> Problem | None:
    """Return the problem that another process told, None where it has none (or is of an older version)."""
    code, title, detail, cause = (str(words.get(name) or "") for name in ("code", "title", "detail", "cause"))
    return Problem(code, title, detail, cause=cause) if title else None


class AppError(Exception):
    """The only exception that crosses a port."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Cancelled(Exception):
    """The caller's Cancel was set; not a problem and never shown."""


def told(value: object) -> str:
    """Return the text, cut to what a user reads: a server, a machine or a file wrote it."""
    text = str(value)
    return text if len(text) <= MAX_TOLD else text[: MAX_TOLD - 1] + "…"
