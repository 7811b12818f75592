"""A ClearML account as the app remembers it; its secret is in the keyring under ``Account.id``. Pure data."""

from collections.abc import Iterable
from dataclasses import dataclass

UNCHECKED = "unchecked"  # a value of ``Account.trust``
SANDBOX_ID = "sandbox"
SANDBOX_LABEL = "This computer (sandbox)"


@dataclass(frozen=True, slots=True)
class Account:
    """``id`` is stable and part of every session's id; ``api_url`` has no trailing slash; ``web_url`` may be "".

    ``access_key`` is "" where the secret is a bearer token. ``trust`` says which certificates the server may show: ""
    what this computer trusts, ``UNCHECKED`` any, else what the certificate bundle at that path signs too.
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
    files_url: str = ""  # the file server that people configured, "" = the server's own
    route: str = ""  # how its sessions' machines are reached: see domain.route

    @property
    def sandbox(self) -> bool:
        return self.id == SANDBOX_ID

    @property
    def facts(self) -> str:
        """One line: who we are there, in which workspace, on which server; "" for the sandbox."""
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


def relatives_of(account: str, known: Iterable[Account]) -> tuple[str, ...]:
    """The ids of the same user's other accounts on the same server: he has more than one API key."""
    accounts = {one.id: one for one in known}
    own = accounts.get(account)
    if own is None or not own.user_id:
        return ()
    place = (own.api_url, own.user_id)
    return tuple(one.id for one in accounts.values() if one.id != account and (one.api_url, one.user_id) == place)
