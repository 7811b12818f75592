"""Many accounts: which of them are the same user on the same server, how they are told apart, and which one is meant.

Pure, any thread.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from desktop_app.domain.accounts.account import Account, ApiKey
from desktop_app.domain.accounts.addresses import place_of
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, failure

SHORTEST_PREFIX = 4


def same_user(one: Account, other: Account) -> bool:
    """True if both are one user on one server. An id alone does not tell: servers that get their users from a file make
    the same ids everywhere."""
    return _same_id(one, other) and place_of(one.api_url) == place_of(other.api_url)


def may_be_same_user(one: Account, other: Account) -> bool:
    """True if both may be one user on a server that has two addresses. Only that: every member of a workspace can read
    when the others were made, and a server of theirs can claim it to get at their keys."""
    alike = _same_id(one, other) and bool(one.user_created) and one.user_created == other.user_created
    return alike and place_of(one.api_url) != place_of(other.api_url)


def _same_id(one: Account, other: Account) -> bool:
    return not (one.sandbox or other.sandbox) and bool(one.user_id) and one.user_id == other.user_id


def has_key(account: Account, access_key: str, place: str) -> bool:
    """True if that key is the account's; a token has no name."""
    known = access_key and any(key.access_key == access_key for key in account.all_keys)
    return bool(known) and not account.sandbox and place_of(account.api_url) == place


def joined_by(old: Account, new: Account, key: ApiKey) -> Account:
    """Return ``old`` after a sign-in as ``new`` with this key, which is the one in use from now on.

    Where to find the server is what has just worked, but never http again where it was https.
    """
    others = tuple(one for one in old.all_keys if one.access_key != key.access_key)
    after = replace(
        new, id=old.id, access_key=key.access_key, keys=(key, *others), former=old.former, route=old.route,
        label=old.label or new.label, web_url=new.web_url or old.web_url, files_url=new.files_url or old.files_url,
    )  # fmt: skip
    if new.api_url.startswith("http://") and old.api_url.startswith("https://"):
        after = replace(after, api_url=old.api_url, web_url=old.web_url or new.web_url, trust=old.trust)
    return after


def merged(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Return the accounts with those of one user on one server made one: with the first one's id, and the last one's
    address and key in use, since that was signed in with last."""
    found: list[Account] = []
    for account in accounts:
        number = next((n for n, known in enumerate(found) if same_user(known, account)), None)
        if number is None:
            found.append(account)
        else:
            found[number] = _merge(found[number], account)
    return tuple(found)


def _merge(old: Account, new: Account) -> Account:
    after = joined_by(old, new, new.all_keys[0])
    more = tuple(key for key in new.all_keys[1:] if key.access_key not in {one.access_key for one in after.keys})
    former = tuple(one for one in dict.fromkeys((*old.former, new.id, *new.former)) if one != old.id)
    return replace(after, keys=(*after.keys, *more), former=former, route=old.route or new.route)


# -- names


def tell_apart(accounts: Sequence[Account]) -> tuple[Account, ...]:
    """Return the accounts with labels of which no two are the same; the first of them keeps it."""
    taken: set[str] = set()
    found: list[Account] = []
    for account in accounts:
        label = next(text for text in _labels(account) if text not in taken)
        taken.add(label)
        found.append(account if label == account.label else replace(account, label=label))
    return tuple(found)


def _labels(account: Account) -> Iterable[str]:
    yield account.label
    if account.company:
        yield f"{account.label}, workspace {account.company}"
    yield f"{account.label}, {account.api_url}"
    yield from (f"{account.label} ({text})" for text in (account.user_id, account.id) if text)
    yield from (f"{account.label} ({account.id}, {number})" for number in itertools.count(2))  # a file may say it twice


def find(known: Sequence[Account], name: str) -> Account:
    """Find the account by id or label, else by key, user, server, or the beginning of an id or label.

    Problems: account.unknown, account.ambiguous
    """
    for fits in (_is_named, _is_about, _begins):
        fitting = [account for account in known if fits(account, name)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise failure("account.ambiguous", name=name, known=told_apart(fitting))
    raise unknown(known, name)


def unknown(known: Sequence[Account], name: str) -> AppError:
    near = nearest(name, [account.label for account in known])
    return failure("account.unknown", name=name, known=told_apart(known) or "none", near=near)


def told_apart(known: Iterable[Account]) -> str:
    """Return what tells each from the others, in words."""
    return ", ".join(f"“{account.label}” (--account {account.id})" for account in known)


def _is_named(account: Account, name: str) -> bool:
    return name in (*account.ids, account.label)


def _is_about(account: Account, name: str) -> bool:
    words = {account.user_name, account.user_id, *(key.access_key for key in account.all_keys)} - {""}
    return name in words or (bool(name) and place_of(name) == place_of(account.api_url))


def _begins(account: Account, name: str) -> bool:
    if len(name) < SHORTEST_PREFIX:
        return False
    return account.id.startswith(name) or account.label.casefold().startswith(name.casefold())


def find_key(account: Account, name: str) -> ApiKey | None:
    """Return the account's key of that name or beginning, None where it has none. Problems: account.ambiguous"""
    fitting = [key for key in account.all_keys if name and key.shown == name]
    if not fitting and len(name) >= SHORTEST_PREFIX:
        fitting = [key for key in account.all_keys if key.shown.startswith(name)]
    if len(fitting) > 1:
        raise failure("account.ambiguous", name=name, known=", ".join(key.shown for key in fitting))
    return fitting[0] if fitting else None
