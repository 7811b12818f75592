"""What SessionDock remembers between runs, in two JSON files: settings (accounts, preferences) and state (ports, host
keys, what a window held). No secrets. Any thread; several processes may write, one after the other.

A file is replaced in one step, readable by its owner only. One that is damaged is set aside as ``….damaged`` (later
ones as ``….damaged-2`` and so on) and the defaults are used. One of a newer version, or that can't be read, is left
where it is: the defaults are used, and nothing is written over it. ``problems`` says so.
"""

import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.accounts.account import Account, ApiKey
from desktop_app.domain.accounts.identity import tell_apart
from desktop_app.domain.problems import AppError, Problem, failure, problem
from desktop_app.file_lock import lock
from desktop_app.private_files import write_private

SCHEMA = 1
LOCK_S = 5.0
MOST_COPIES = 100  # of damaged files
REMOVED = "removed_accounts"
KEPT_REMOVED = 20
# Of a session that has ended: how it was launched, and by what another run of its task is told from it.
KEPT_OF_ENDED = ("options", "alias", "host_key", "sequence", "trusted")
KEPT_SESSIONS = 500  # of which ports and host keys are remembered

Document = dict[str, Any]
_KEY_FIELDS = {field.name for field in fields(ApiKey)}


class JsonFile:
    """One JSON object with a schema number. ``read`` is quick: it looks at the file only when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._stamp: tuple[int, int] | None = None
        self._content: Document = {}
        self._untouchable: Problem | None = None  # why nothing may be written over what is there
        self.problems: list[Problem] = []

    def read(self) -> Document:
        """The content, not to be changed by the caller."""
        with self._lock:
            try:
                found = self._path.stat()
            except OSError:
                self._stamp, self._content, self._untouchable = None, {}, None
                return self._content
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._content, self._stamp = self._load(), stamp
            return self._content

    def _load(self) -> Document:
        self._untouchable = None
        try:
            value = json.loads(self._path.read_text("utf-8-sig"))
        except OSError as error:
            return self._leave(problem("file.unreadable", path=self._path, why=error.strerror or error))
        except (ValueError, RecursionError):  # not JSON, or nested deeper than any file of ours
            return self._set_aside()
        if not isinstance(value, dict) or type(value.get("schema")) is not int:
            return self._set_aside()
        if value["schema"] > SCHEMA:
            return self._leave(problem("file.newer", path=self._path))
        return value

    def _leave(self, why: Problem) -> Document:
        self._untouchable = why
        self._tell(why)
        return {}

    def _tell(self, found: Problem) -> None:
        if found not in self.problems:
            self.problems.append(found)

    def _set_aside(self) -> Document:
        try:
            aside = self._move_aside()
        except FileNotFoundError:  # another process of ours just did
            return {}
        except OSError as error:
            return self._leave(problem("file.unreadable", path=self._path, why=error.strerror or error))
        self._tell(problem("file.damaged", path=self._path, aside=aside))
        return {}

    def _move_aside(self) -> Path:
        """Under a name that no earlier copy has; the last of many is replaced."""
        for number in range(1, MOST_COPIES):
            aside = self._path.with_name(f"{self._path.name}.damaged" + (f"-{number}" if number > 1 else ""))
            if not aside.exists():
                break
        self._path.replace(aside)
        return aside

    def change(self, edit: Callable[[Document], None]) -> None:
        """Read, edit and replace, alone among our processes. Problems: file.unwritable, file.unreadable, file.newer"""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # The file's lock first: another process may hold it for seconds, and the GUI thread reads under ours.
            with lock(self._path.with_name(f"{self._path.name}.lock"), LOCK_S), self._lock:
                content: Document = json.loads(json.dumps(self.read()))
                if self._untouchable is not None:
                    raise AppError(self._untouchable)
                edit(content)
                content["schema"] = SCHEMA
                if content != self._content:
                    write_private(self._path, json.dumps(content, indent=1, ensure_ascii=False))
        except OSError as error:
            why = error.strerror or str(error)
            raise failure("file.unwritable", path=self._path, why=why, cause=str(error)) from None


class ProfilesFile:
    """Implements ``boundary.memory.Memory``."""

    def __init__(self, config_dir: Path, state_dir: Path) -> None:
        self._settings = JsonFile(config_dir / "settings.json")
        self._state = JsonFile(state_dir / "state.json")

    def problems(self) -> tuple[Problem, ...]:
        self._settings.read()
        self._state.read()
        return (*self._settings.problems, *self._state.problems)

    # -- accounts

    def accounts(self) -> tuple[Account, ...]:
        return accounts_in(self._settings.read())

    def save_account(self, account: Account) -> None:
        self.change_accounts(lambda known: (*(one for one in known if one.id != account.id), account))

    def change_accounts(self, edit: Callable[[Sequence[Account]], Sequence[Account]]) -> None:
        self._settings.change(lambda content: put_accounts(content, edit(accounts_in(content))))

    def removed_accounts(self) -> tuple[Account, ...]:
        return accounts_in(self._settings.read(), REMOVED)

    def remove_account(self, account: str) -> None:
        def edit(content: Document) -> None:
            known = accounts_in(content)
            gone = [_bare(one) for one in known if one.id == account and one.user_id and not one.sandbox]
            put_accounts(content, [one for one in known if one.id != account])
            content[REMOVED] = [*_list(content, REMOVED), *(asdict(one) for one in gone)][-KEPT_REMOVED:]

        self._settings.change(edit)

    def preference(self, name: str) -> str:
        return str(_peek(self._settings.read(), "preferences", name) or "")

    def save_preference(self, name: str, value: str) -> None:
        self._settings.change(lambda content: _dict(content, "preferences").update({name: value}))

    # -- sessions

    def sessions(self) -> tuple[str, ...]:
        found = self._state.read().get("sessions")
        return tuple(found) if isinstance(found, dict) else ()

    def session_options(self, session: str) -> Mapping[str, Any]:
        found = _peek(self._state.read(), "sessions", session, "options")
        return found if isinstance(found, dict) else {}

    def save_session_options(self, session: str, values: Mapping[str, Any]) -> None:
        self._save_session(session, "options", dict(values))

    def ports(self, session: str) -> Mapping[str, int]:
        found = _peek(self._state.read(), "sessions", session, "ports")
        good = found.items() if isinstance(found, dict) else ()
        return {app: port for app, port in good if type(port) is int and 0 < port < 65536}

    def save_ports(self, session: str, ports: Mapping[str, int]) -> None:
        self._save_session(session, "ports", dict(ports))

    def host_key(self, session: str) -> str:
        return str(_peek(self._state.read(), "sessions", session, "host_key") or "")

    def save_host_key(self, session: str, host_key: str) -> None:
        self._save_session(session, "host_key", host_key, without="sequence")

    def sequence(self, session: str) -> int:
        found = _peek(self._state.read(), "sessions", session, "sequence")
        return found if type(found) is int else -1

    def save_sequence(self, session: str, sequence: int) -> None:
        if sequence > self.sequence(session):
            self._save_session(session, "sequence", sequence)

    def trusted(self, session: str) -> Mapping[str, str]:
        found = _peek(self._state.read(), "sessions", session, "trusted")
        rows = found.items() if isinstance(found, dict) else ()
        return {name: value for name, value in rows if isinstance(value, str)}

    def save_trusted(self, session: str, values: Mapping[str, str]) -> None:
        self._save_session(session, "trusted", dict(values))

    def attached(self) -> tuple[str, ...]:
        sessions = self._state.read().get("sessions")
        rows = sessions.items() if isinstance(sessions, dict) else ()
        return tuple(text for text, row in rows if isinstance(row, dict) and row.get("attached") is True)

    def save_attached(self, session: str, attached: bool) -> None:
        if attached or session in self.attached():
            self._save_session(session, "attached", attached)

    def known(self) -> Mapping[str, Mapping[str, Any]]:
        sessions = self._state.read().get("sessions")
        rows = {text: _peek({"row": row}, "row", "known") for text, row in _items(sessions)}
        return {text: row for text, row in rows.items() if isinstance(row, dict)}

    def save_known(self, session: str, known: Mapping[str, Any]) -> None:
        def edit(content: Document) -> None:
            row = _dict(_dict(content, "sessions"), session)
            row.pop("known", None)
            row.update({"known": dict(known)} if known else {})

        if known or session in self.known():
            self._state.change(edit)

    def _save_session(self, session: str, key: str, value: object, without: str = "") -> None:
        def edit(content: Document) -> None:
            sessions = _dict(content, "sessions")
            row = sessions.pop(session, None)
            left_out = ("ended", without)
            known = {name: one for name, one in row.items() if name not in left_out} if isinstance(row, dict) else {}
            sessions[session] = {**known, key: value}  # the newest last
            # Those that ended first: nothing else tells of the secrets that are kept of the others.
            oldest = sorted(sessions, key=lambda one: not _is_ended(sessions[one]))
            for old in oldest[: max(0, len(sessions) - KEPT_SESSIONS)]:
                del sessions[old]

        self._state.change(edit)

    # -- names for ssh

    def aliases(self) -> tuple[Alias, ...]:
        return _aliases(self._state.read())

    def save_alias(
        self, session: str, user: str, port: int, title: str, choose: Callable[[Collection[str]], str]
    ) -> Alias:
        saved: list[Alias] = []

        def edit(content: Document) -> None:
            known = {alias.session: alias for alias in _aliases(content)}
            mine = known.pop(session, None)
            name = mine.name if mine else choose({alias.name for alias in known.values()})
            saved[:] = [Alias(name, session, user, port, title)]
            row = {"name": name, "user": user, "port": port, "title": title}
            _dict(_dict(content, "sessions"), session)["alias"] = row

        self._state.change(edit)
        return saved[0]

    def drop_alias(self, session: str) -> None:
        if any(alias.session == session for alias in self.aliases()):
            self._state.change(lambda content: _dict(_dict(content, "sessions"), session).pop("alias", None))

    def open_sessions(self) -> tuple[str, ...]:
        sessions = self._state.read().get("sessions")
        rows = sessions.items() if isinstance(sessions, dict) else ()
        return tuple(text for text, row in rows if not _is_ended(row))

    def end_session(self, session: str) -> None:
        def edit(content: Document) -> None:
            sessions = _dict(content, "sessions")
            row = sessions.get(session)
            if isinstance(row, dict):
                sessions[session] = {key: row[key] for key in KEPT_OF_ENDED if key in row} | {"ended": True}

        self._state.change(edit)

    def forget_session(self, session: str) -> None:
        self._state.change(lambda content: _dict(content, "sessions").pop(session, None))


def _is_ended(row: object) -> bool:
    return isinstance(row, dict) and row.get("ended") is True


def _aliases(content: Mapping[str, Any]) -> tuple[Alias, ...]:
    sessions = content.get("sessions")
    rows = sessions.items() if isinstance(sessions, dict) else ()
    found = (_alias(session, _peek({"row": row}, "row", "alias")) for session, row in rows)
    return tuple(alias for alias in found if alias is not None)


def _alias(session: str, row: object) -> Alias | None:
    if not isinstance(row, dict):
        return None
    name, user, port, title = (row.get(key) for key in ("name", "user", "port", "title"))
    if not isinstance(name, str) or not isinstance(user, str) or not isinstance(title, str) or type(port) is not int:
        return None
    return Alias(name, session, user, port, title)


def accounts_in(content: Mapping[str, Any], key: str = "accounts") -> tuple[Account, ...]:
    """Those that can be read, each with a label of its own."""
    rows = content.get(key)
    found = [_account(row) for row in rows] if isinstance(rows, list) else []
    return tell_apart([account for account in found if account is not None])


def put_accounts(content: Document, accounts: Sequence[Account]) -> None:
    """What is there is not removed (any more)."""
    content["accounts"] = [asdict(account) for account in tell_apart(accounts)]
    there = {account.id for account in accounts}
    if REMOVED in content:
        content[REMOVED] = [row for row in _list(content, REMOVED) if row.get("id") not in there]


def _bare(account: Account) -> Account:
    """What tells a removed account when it comes back, and where what was kept of its sessions is."""
    return Account(
        account.id, "", account.api_url, "", user_id=account.user_id, user_created=account.user_created,
        former=account.former,
    )  # fmt: skip


def _account(row: object) -> Account | None:
    if not isinstance(row, dict):
        return None
    names = {field.name for field in fields(Account)}
    values: dict[str, Any] = {n: value for n, value in row.items() if n in names and isinstance(value, str)}
    if not {"id", "label", "api_url", "access_key"} <= values.keys():
        return None
    keys = tuple(key for key in map(_key, _list(row, "keys")) if key is not None)
    former = row.get("former")
    ids = tuple(one for one in former if isinstance(one, str)) if isinstance(former, list) else ()
    return replace(Account(**values), keys=keys, former=ids)


def _key(row: Mapping[str, object]) -> ApiKey | None:
    values = {name: value for name, value in row.items() if name in _KEY_FIELDS and isinstance(value, str)}
    return ApiKey(**values) if {"access_key", "owner"} <= values.keys() else None


def _items(rows: object) -> Iterable[tuple[str, Any]]:
    return rows.items() if isinstance(rows, dict) else ()


def _list(content: Document, key: str) -> list[dict[str, Any]]:
    rows = content.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _dict(content: Document, key: str) -> Document:
    """The object under that key, made if it is not there or is something else."""
    if not isinstance(content.get(key), dict):
        content[key] = {}
    found: Document = content[key]
    return found


def _peek(content: Mapping[str, Any], *path: str) -> Any:
    value: Any = content
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
