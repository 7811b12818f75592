"""A ClearML account as the app remembers it; the secrets of its keys are in the keyring. Pure data.

One account is one user on one server, however many API keys he has and however the address is written.
"""

from dataclasses import dataclass

UNCHECKED = "unchecked"  # a value of ``Account.trust``
SANDBOX_ID = "sandbox"
SANDBOX_LABEL = "This computer (sandbox)"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One of an account's keys. ``access_key`` is "" for a bearer token; ``owner`` is what the keyring has its secret
    under; ``refused``: since when the server refuses it (ISO 8601), "" = not that we know.
    """

    access_key: str
    owner: str
    refused: str = ""

    @property
    def shown(self) -> str:
        """Return the line as it is shown."""
        return self.access_key or "access token"


@dataclass(frozen=True, slots=True)
class Account:
    """``id`` is stable and part of every session's id; ``api_url`` has no trailing slash; ``web_url`` may be "".

    ``access_key`` is of the key in use, "" where that is a bearer token. ``trust`` says which certificates the server
    may show: "" what this computer trusts, ``UNCHECKED`` any, else what the certificate bundle at that path signs too.
    """

    id: str
    label: str
    api_url: str
    access_key: str
    web_url: str = ""
    user_id: str = ""
    user_name: str = ""
    company: str = ""
    server_version: str = ""
    trust: str = ""
    files_url: str = ""  # the file server that was configured, "" = the server's own
    route: str = ""  # how its sessions' machines are reached: see domain.route
    user_created: str = ""  # when the server made that user: see accounts.may_be_same_user
    keys: tuple[ApiKey, ...] = ()  # () = one, with its secret under ``id``
    former: tuple[str, ...] = ()  # ids of accounts that were joined into this one

    @property
    def sandbox(self) -> bool:
        return self.id == SANDBOX_ID

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids under which what belongs to it (and to its sessions) may be kept, the present one first."""
        return (self.id, *self.former)

    @property
    def all_keys(self) -> tuple[ApiKey, ...]:
        """Return the keys as they are used: the one in use, then those that the server does not refuse."""
        found = self.keys or (ApiKey(self.access_key, self.id),)
        return tuple(sorted(found, key=lambda key: (key.access_key != self.access_key, bool(key.refused))))

    @property
    def facts(self) -> str:
        """Return one line: who we are there, in which workspace, on which server; "" for the sandbox."""
        if self.sandbox:
            return ""
        parts = (
            self.user_name,
            f"workspace {self.company}" if self.company else "",
            f"ClearML server {self.server_version}" if self.server_version else "",
            "" if self.access_key else "by a token that can't be renewed",
            "its certificate is not checked" if self.trust == UNCHECKED else "",
        )
        return " · ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the server says that we are; ``company`` is the workspace's name."""

    user_id: str
    user_name: str
    company: str
    server_version: str
    api_version: str
    user_created: str = ""


@dataclass(frozen=True, slots=True)
class Worker:
    """A live agent. ``seen_s``: seconds since its last report; ``task``: name of what it runs, "" = free."""

    id: str
    seen_s: float = 0.0
    task: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue with the agents that serve it now and the number of tasks that wait in it."""

    id: str
    name: str
    workers: tuple[Worker, ...] = ()
    waiting: int = 0
    tags: tuple[str, ...] = ()
    system_tags: tuple[str, ...] = ()

    @property
    def served(self) -> bool:
        return bool(self.workers)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log event of a task: ``timestamp`` in ms since 1970; ``text`` may hold many lines."""

    timestamp: int
    text: str
    level: str = ""
