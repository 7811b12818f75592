"""Lists of fields that an answer shall have (``only_fields``). Pure functions.

A server refuses a list that names a field and a part of it ("Path collision"), so lists are put together here only.
"""

from collections.abc import Iterable


def joined(*lists: Iterable[str]) -> list[str]:
    """Join lists to one: each field once, and no part of a field that is there as a whole."""
    names = list(dict.fromkeys(name for fields in lists for name in fields))
    wholes = set(names)
    return [name for name in names if not any(parent in wholes for parent in _parents(name))]


def _parents(name: str) -> Iterable[str]:
    parts = name.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts)))
