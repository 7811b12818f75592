"""What is remembered between runs, secrets excepted."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from desktop_app.domain.access.listening import Forward
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.files.transfer import Wanted
from desktop_app.domain.problems import Problem


class Memory(Protocol):
    """What is remembered between runs, secrets excepted. Quick (small local files), thread-safe.

    Writers raise ``file.unwritable``; a damaged file is set aside and named by ``problems``.
    """

    def accounts(self) -> tuple[Account, ...]: ...

    def save_account(self, account: Account) -> None: ...

    def change_accounts(self, edit: Callable[[Sequence[Account]], Sequence[Account]]) -> None:
        """All of them at once; nobody else writes meanwhile. No two have the same label afterwards."""

    def remove_account(self, account: str) -> None: ...

    def removed_accounts(self) -> tuple[Account, ...]:
        """Id, address and user of accounts that were removed: one that comes back finds what was kept of its
        sessions."""

    def sessions(self) -> tuple[str, ...]:
        """Every session of which anything is remembered."""

    def session_options(self, session: str) -> Mapping[str, Any]:
        """What it was launched with, for ``options.from_profile``; empty for a session of another computer."""

    def save_session_options(self, session: str, values: Mapping[str, Any]) -> None: ...

    def ports(self, session: str) -> Mapping[str, int]:
        """Application key -> local port that this session had."""

    def save_ports(self, session: str, ports: Mapping[str, int]) -> None: ...

    def host_key(self, session: str) -> str:
        """The first host key that this session showed, "" before that."""

    def save_host_key(self, session: str, host_key: str) -> None:
        """Its records are counted anew."""

    def sequence(self, session: str) -> int:
        """Of the newest connection record that was believed, -1 before that."""

    def save_sequence(self, session: str, sequence: int) -> None: ...

    def trusted(self, session: str) -> Mapping[str, str]:
        """What goes with the host key: which ``run`` showed it, and another key that a person has ``accepted``."""

    def save_trusted(self, session: str, values: Mapping[str, str]) -> None: ...

    def attached(self) -> tuple[str, ...]:
        """Sessions that a window held and never let go of (it was killed)."""

    def save_attached(self, session: str, attached: bool) -> None: ...

    def aliases(self) -> tuple[Alias, ...]:
        """Every session that the user's own ssh knows by name."""

    def save_alias(
        self, session: str, user: str, port: int, title: str, choose: Callable[[Collection[str]], str]
    ) -> Alias:
        """A session keeps its alias; a new one is ``choose(taken)``. Nobody else writes meanwhile."""

    def drop_alias(self, session: str) -> None: ...

    def preference(self, name: str) -> str:
        """What the person chose, "" = nothing."""

    def save_preference(self, name: str, value: str) -> None: ...

    def known(self) -> Mapping[str, Mapping[str, Any]]:
        """Session -> what it was like when it was connected last (domain/sessions/known.py)."""

    def save_known(self, session: str, known: Mapping[str, Any]) -> None:
        """{} = nothing is worth knowing any more."""

    def open_sessions(self) -> tuple[str, ...]:
        """Of which more is remembered than how they were launched."""

    def end_session(self, session: str) -> None:
        """It has ended: of use is how it was launched, for a next one like it, and its host key, which no other run of
        its task may replace without a person."""

    def forget_session(self, session: str) -> None: ...

    def problems(self) -> tuple[Problem, ...]: ...


class Document(Protocol):
    """One small JSON object on disk. Quick, thread-safe; ``problems`` name what could not be read."""

    problems: list[Problem]

    def read(self) -> Mapping[str, Any]:
        """Not to be changed by the caller."""

    def change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Edit and replace it, alone among our processes. Problems: file.unwritable"""


class ForwardMemory(Protocol):
    """Forwards of sessions and the rules about them, remembered between runs. As quick as ``Profiles``."""

    def of(self, session: str) -> tuple[Forward, ...]: ...

    def save(self, session: str, forwards: tuple[Forward, ...]) -> None: ...

    def always(self) -> frozenset[str]:
        """Keys of the services (domain/access/port_services.py) that are forwarded as soon as they listen."""

    def save_always(self, services: frozenset[str]) -> None: ...


class Consents(Protocol):
    """What was agreed to go to a session: key of a kind -> the machine's identity. Quick; ``save`` may raise
    file.unwritable."""

    def of(self, session: str) -> Mapping[str, str]: ...

    def save(self, session: str, key: str, place: str) -> None: ...


class UploadMemory(Protocol):
    """Uploads that launches asked for and that are not made yet. Quick; writers raise file.unwritable."""

    def sessions(self) -> tuple[str, ...]: ...

    def of(self, session: str) -> tuple[Wanted, ...]: ...

    def save(self, session: str, uploads: tuple[Wanted, ...]) -> None: ...

    def drop(self, session: str) -> bool:
        """Whether there were any; of several processes one hears True."""
