"""How one value of a request is held to a rule: small checks from which ``request_rules`` builds its table. Pure.

A check returns what is wrong with a value, one ``Fault`` per thing. Nothing here knows the sandbox or our clients: the
rules come from what a real server was recorded to answer (tests/contract/recorded).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """``rewritten``: the server takes the request, but stores or understands something else than was sent."""

    what: str
    rewritten: bool = False


Check = Callable[[Any], Sequence[Fault]]


@dataclass(frozen=True)
class Needed:
    """A field that must be there, and not null."""

    check: Check


Field = Check | Needed
Fields = Mapping[str, Field]


def refused(what: str) -> list[Fault]:
    return [Fault(what)]


def anything(_value: Any) -> Sequence[Fault]:
    return ()


def is_text(value: Any) -> Sequence[Fault]:
    return () if isinstance(value, str) else refused(f"{value!r:.60} is not text")


def filled(value: Any) -> Sequence[Fault]:
    """Text of at least one character."""
    return is_text(value) or (() if value else refused("the text is empty"))


def number(least: int | None = None, most: int | None = None) -> Check:
    """A whole number as JSON has it."""

    def check(value: Any) -> Sequence[Fault]:
        if not isinstance(value, int) or isinstance(value, bool):
            return refused(f"{value!r:.60} is not a whole number")
        if (least is not None and value < least) or (most is not None and value > most):
            return refused(f"{value} is out of range")
        return ()

    return check


def flag(value: Any) -> Sequence[Fault]:
    """The server takes any value for true or false; ours are booleans."""
    return () if isinstance(value, bool) else [Fault(f"{value!r:.60} is not a boolean", rewritten=True)]


def one_of(*choices: str) -> Check:
    return lambda value: is_text(value) or (() if value in choices else refused(f"{value!r} is not one of {choices}"))


def listed(check: Check, least: int = 0) -> Check:
    """A list whose items all pass."""

    def whole(value: Any) -> Sequence[Fault]:
        if not isinstance(value, list):
            return refused(f"{value!r:.60} is not a list")
        if len(value) < least:
            return refused("the list is empty")
        return [fault for item in value for fault in check(item)]

    return whole


def record(fields: Fields, unknown: Fault | None = None) -> Check:
    """An object with these fields; ``unknown`` is what one of another name means, None = nothing."""

    def whole(value: Any) -> Sequence[Fault]:
        return held(value, fields, unknown) if isinstance(value, dict) else refused(f"{value!r:.60} is not an object")

    return whole


def held(body: Mapping[str, Any], fields: Fields, unknown: Fault | None) -> list[Fault]:
    """What is wrong with an object, each fault with the field's name before it."""
    faults: list[Fault] = []
    for name, field in fields.items():
        needed = isinstance(field, Needed)
        check = field.check if isinstance(field, Needed) else field
        if body.get(name) is None:
            faults += refused(f"{name}: is required") if needed else []
        else:
            faults += [Fault(f"{name}: {fault.what}", fault.rewritten) for fault in check(body[name])]
    for name in body:
        if name not in fields and unknown is not None:
            faults.append(Fault(f"{name}: {unknown.what}", unknown.rewritten))
    return faults


def mapping(key: Check, value: Check) -> Check:
    """An object of any names."""

    def whole(found: Any) -> Sequence[Fault]:
        if not isinstance(found, dict):
            return refused(f"{found!r:.60} is not an object")
        return [fault for name, item in found.items() for fault in (*key(name), *value(item))]

    return whole


# -- names


def name(value: Any) -> Sequence[Fault]:
    """A task's or a queue's: three characters without the blanks around, which the server cuts off."""
    if not isinstance(value, str):
        return is_text(value)
    if len(value.strip()) < 3:
        return refused(f"the name {value!r} is shorter than three characters")
    return [Fault(f"the name {value!r} loses its outer blanks", rewritten=True)] if value != value.strip() else ()


MOST_LEVELS = 10


def project_name(value: Any) -> Sequence[Fault]:
    if not isinstance(value, str):
        return is_text(value)
    parts = [part.strip() for part in value.split("/")]
    kept = [part for part in parts if part]
    if not kept or any(len(part) < 3 for part in kept):
        return refused(f"the project {value!r:.60} has a part of fewer than three characters")
    if len(kept) > MOST_LEVELS:
        return refused(f"the project {value!r:.60} has more than {MOST_LEVELS} levels")
    same = "/".join(kept) == value
    return () if same else [Fault(f"the project {value!r} is stored as {'/'.join(kept)!r}", rewritten=True)]


def tags(value: Any) -> Sequence[Fault]:
    return listed(is_text)(value)


def pattern(value: Any) -> Sequence[Fault]:
    """A name to look for is a regular expression."""
    if not isinstance(value, str):
        return is_text(value)
    try:
        re.compile(value)
    except re.error as error:
        return refused(f"{value!r} is no regular expression: {error}")
    return ()


OPERATORS = ("all", "and", "or", "any", "not", "nop")


def selection(value: Any) -> Sequence[Fault]:
    """What a list's filter may be: a text, or texts with operators among them."""
    items = value if isinstance(value, list) else [value]
    faults: list[Fault] = []
    waiting = False  # for the value of a __$not
    for item in items:
        operator = item.removeprefix("__$") if isinstance(item, str) and item.startswith("__$") else None
        if item is not None and not isinstance(item, str):
            faults += refused(f"{item!r:.60} is not text")
        elif operator is not None and operator not in OPERATORS:
            faults += refused(f"{item!r} is no operator")
        elif waiting and operator is not None:
            faults += refused("an operator follows __$not")
        elif item == "-":
            faults += refused("nothing follows the minus")
        waiting = operator == "not"
    return [*faults, *(refused("nothing follows __$not") if waiting else ())]


def stored_key(value: Any) -> Sequence[Fault]:
    """Of runtime properties that tasks.create writes, as deep as they go."""
    if not value:
        return refused("an empty key")
    if str(value).startswith("$"):
        return refused(f"the key {value!r} begins with $")
    return refused("a key with NUL") if "\0" in str(value) else ()


def edited_key(value: Any) -> Sequence[Fault]:
    """tasks.edit_runtime writes the key under another name when it has one of these."""
    if not isinstance(value, str):
        return is_text(value)
    if not value:
        return refused("an empty key")
    if value.startswith("_") or "__" in value or re.search(r"[.$%]", value) or value != value.strip():
        return [Fault(f"the key {value!r} is stored under another name", rewritten=True)]
    return ()


# -- fields of documents


@dataclass(frozen=True)
class Open:
    """A part with names of its own, at most as many levels of them."""

    levels: int


Tree = Mapping[str, "Tree | Open | None"]


def fields_of(tree: Tree) -> Check:
    """A list of fields to answer: known ones, and none beside a part of itself."""

    def check(value: Any) -> Sequence[Fault]:
        if not isinstance(value, list):
            names = list(value) if isinstance(value, str | dict) else None
            return _unknown(names, tree) if names is not None else refused(f"{value!r:.60} is not a list")
        if not all(isinstance(item, str) for item in value):
            return refused(f"{value!r:.60} is not a list of text")
        return [*_unknown(value, tree), *_collisions(value)]

    return check


def order_of(tree: Tree) -> Check:
    """Names of fields, each with a minus before it or without."""

    def check(value: Any) -> Sequence[Fault]:
        names = list(value) if isinstance(value, str | list) else [value]
        if not all(isinstance(item, str) for item in names):
            return refused(f"{value!r:.60} is not a list of text")
        return _unknown([item.removeprefix("-") for item in names if item != "@text_score"], tree)

    return check


def _unknown(names: Iterable[str], tree: Tree) -> list[Fault]:
    return [Fault(f"there is no field {name!r}") for name in names if not known(name, tree)]


def known(path: str, tree: Tree) -> bool:
    """Whether the documents have such a field. ``a__b`` and ``pk`` are MongoEngine's other names for a.b and id."""
    parts = path.split("__" if "." not in path and not path.startswith("_") else ".")
    place: Tree | Open | None = tree
    for index, part in enumerate(parts):
        if isinstance(place, Open):
            return len(parts) - index <= place.levels
        if place is None or (part != "pk" and part not in place):
            return False
        place = None if part == "pk" else place[part]
    return True


def _collisions(names: Sequence[str]) -> list[Fault]:
    return [
        Fault(f"path collision: {child!r} is a part of {parent!r}")
        for parent in names
        for child in names
        if child.startswith(f"{parent}.")
    ]
