"""What a session is called that was not given a name: names that can be told apart. Pure functions, any thread."""

import re
from collections.abc import Iterable
from itertools import chain, count

from desktop_app.domain.launch.option_checks import MAX_NAME

DEFAULT_NAME = "Interactive session"


_OURS = re.compile(rf"{DEFAULT_NAME}( \d+)?", re.IGNORECASE)  # clearml-session writes "Interactive Session"


def is_default(name: str) -> bool:
    """True if the name was not chosen by a user: the default, with a number or without."""
    return _OURS.fullmatch(name.strip()) is not None


def unnumbered(name: str) -> str:
    """Return what is remembered of a name: a default one without its number, any other as it is."""
    return DEFAULT_NAME if is_default(name) else name


def distinct_name(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, or if one of ``taken`` (the sessions of the account) has it, the same with the first free
    number.

    A default name and a numbered default name are the same name: the smallest free number makes the difference.
    """
    used = {one.casefold() for one in taken}
    if name.casefold() not in used:
        return name
    base = unnumbered(name)
    numbered = (f"{base[: MAX_NAME - 5].rstrip()} {number}" for number in count(2))
    return next(one for one in chain([base], numbered) if one.casefold() not in used)
