"""What a request may hold: the fields of each endpoint, their types, and the check of a body against them.

Pure functions. As recorded of a real server: unknown fields are ignored, a null counts as not given, numbers and flags
are converted where that is possible, and everything else of the wrong type is refused (400/12).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from desktop_app.sandbox.rules import errors

Document = dict[str, Any]


class Kind(Enum):
    """The type of one field. The value is its name in refusals."""

    TEXT = "str"
    NUMBER = "int"  # converted from whatever ``int()`` takes
    WHOLE = "whole int"  # taken only as it is
    FLAG = "bool"
    MAPPING = "dict"
    LIST = "list"


@dataclass(frozen=True)
class Field:
    """One field. ``items`` is what a list holds; ``least`` how long a text or a list must be; ``most`` bounds a number.

    ``choices`` are the only values.
    """

    kind: Kind
    required: bool = False
    choices: tuple[str, ...] = ()
    items: "Kind | Schema | None" = None
    least: int = 0
    most: int | None = None


Schema = Mapping[str, Field]

_TYPES: Mapping[Kind, type[Any]] = {Kind.TEXT: str, Kind.MAPPING: dict, Kind.LIST: list, Kind.WHOLE: int}


def text(*, required: bool = False, choices: tuple[str, ...] = (), least: int = 0) -> Field:
    return Field(Kind.TEXT, required, choices, least=least)


def number(*, required: bool = False, most: int | None = None) -> Field:
    return Field(Kind.NUMBER, required, most=most)


def whole() -> Field:
    return Field(Kind.WHOLE)


def flag() -> Field:
    return Field(Kind.FLAG)


def mapping(*, required: bool = False) -> Field:
    return Field(Kind.MAPPING, required)


def texts(*, least: int = 0) -> Field:
    return Field(Kind.LIST, items=Kind.TEXT, least=least)


def items(schema: Schema, *, least: int = 0) -> Field:
    return Field(Kind.LIST, items=schema, least=least)


def listed() -> Field:
    return Field(Kind.LIST)


def check(schema: Schema, body: Mapping[str, Any]) -> Document:
    """Return the body with converted values and without nulls. Raises ApiError 400/12."""
    checked = {key: value for key, value in body.items() if key not in schema}
    for name, field in schema.items():
        value = body.get(name)
        if value is None:
            if field.required or (field.kind is Kind.LIST and field.least):
                raise errors.invalid_field(f"error for field '{name}'. field is required!")
            continue
        checked[name] = _checked(name, field, value)
    return checked


def _checked(name: str, field: Field, value: Any) -> Any:
    if field.kind is Kind.FLAG:
        return bool(value)
    if field.kind is Kind.NUMBER:
        return _number(name, field, value)
    if not isinstance(value, _TYPES[field.kind]) or (field.kind is Kind.WHOLE and isinstance(value, bool)):
        raise errors.invalid_field(f"error for field '{name}': value is wrong, expected type {field.kind.value!r}")
    if field.choices and value not in field.choices:
        raise errors.invalid_field(f"error for field '{name}': value '{value}' is not a valid choice")
    if field.least and len(value) < field.least:
        raise errors.invalid_field(f"error for field '{name}': its length is lower than allowed minimum {field.least}")
    if field.items is not None:
        return [_item(name, field.items, one) for one in value]
    return value


def _number(name: str, field: Field, value: Any) -> int:
    try:
        found = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise errors.invalid_field(f"error for field '{name}': {error}") from error
    if field.most is not None and found > field.most:
        raise errors.invalid_field(f"error for field '{name}': {found} is bigger than maximum ({field.most})")
    return found


def _item(name: str, wanted: "Kind | Schema", value: Any) -> Any:
    if isinstance(wanted, Kind):
        if not isinstance(value, _TYPES[wanted]):
            raise errors.invalid_field(f"error for field '{name}': all items must be instances of {wanted.value!r}")
        return value
    if not isinstance(value, dict):
        raise errors.invalid_field(f"error for field '{name}': all items must be objects")
    known = check(wanted, value)
    return {key: known[key] for key in wanted if key in known}  # an item keeps only what is known
