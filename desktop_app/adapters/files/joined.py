"""Accounts of one user on one server, each of which an earlier version kept by its key, become one; at the start.

What is kept of their sessions follows, file by file; the accounts themselves come last, so that a start that was killed
half-way is followed by one that does it again. Secrets stay where they are: ``Account.former`` says where that is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop_app.adapters.files.account_rows import accounts_in, put_accounts
from desktop_app.adapters.files.json_file import JsonFile
from desktop_app.domain.accounts.identity import merged

KEEPS_OLDER = ("alias",)  # the plain name is the first one's


def join_accounts(config_dir: Path, state_dir: Path) -> None:
    """Join the accounts of one user. Quick where there is nothing to do. Problems: file.unwritable"""
    settings = JsonFile(config_dir / "settings.json")
    known = accounts_in(settings.read())
    joined = merged(known)
    if len(joined) == len(known):
        return
    moved = {old: account.id for account in joined for old in account.former}
    JsonFile(state_dir / "state.json").change(lambda content: _move_sessions(content, moved))
    JsonFile(config_dir / "profiles.json").change(lambda content: _move_rows(content, "queues", moved))

    def edit(content: dict[str, Any]) -> None:
        put_accounts(content, merged(accounts_in(content)))
        _move_rows(content, "launches", moved)

    settings.change(edit)


def _move_sessions(content: dict[str, Any], moved: Mapping[str, str]) -> None:
    """Rename the sessions; where both accounts have one, the newer row counts, which stands later."""
    sessions = content.get("sessions")
    after: dict[str, Any] = {}
    for text, row in sessions.items() if isinstance(sessions, dict) else ():
        account, _, task = text.rpartition("/")
        name = f"{moved.get(account, account)}/{task}"
        old = after.pop(name, None)
        after[name] = _both(old, row) if isinstance(old, dict) and isinstance(row, dict) else row
    content["sessions"] = after


def _both(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    attached = {"attached": True} if True in (old.get("attached"), new.get("attached")) else {}
    return {**old, **new, **attached, **{key: old[key] for key in KEEPS_OLDER if key in old}}


def _move_rows(content: dict[str, Any], key: str, moved: Mapping[str, str]) -> None:
    """Rename rows by account; where both have one, the remaining account's counts."""
    rows = content.get(key)
    if isinstance(rows, dict):
        gone = {moved[old]: rows.pop(old) for old in list(rows) if old in moved}
        content[key] = {**gone, **rows}
