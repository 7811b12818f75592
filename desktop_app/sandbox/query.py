"""get_all: filters, order, pages and projections over documents. Pure functions.

Source: recorded behaviour of a real ClearML server: names are regular expressions, ``-tag`` excludes, ``only_fields``
takes dotted paths, and ``id`` is answered only when asked for.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from desktop_app.sandbox import errors

Document = dict[str, Any]

EQUAL_FIELDS = ("id", "user", "status", "type", "project", "parent")
TAG_FIELDS = ("tags", "system_tags")
MAX_PAGE = 500


def as_list(value: Any) -> list[Any]:
    """A field that the API takes as one value or as many."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def select(documents: Iterable[Document], body: Mapping[str, Any]) -> list[Document]:
    """The documents that pass every filter in ``body``, ordered and cut to the asked page."""
    pattern = _pattern(body.get("name"))
    found = [d for d in documents if _passes(d, body) and (pattern is None or pattern.search(str(d.get("name", ""))))]
    return _page(_ordered(found, as_list(body.get("order_by"))), body)


def _pattern(name: Any) -> "re.Pattern[str] | None":
    if not name:
        return None
    try:
        return re.compile(str(name), re.IGNORECASE)
    except re.error as error:
        raise errors.validation(f"invalid regular expression: {error}") from error


def _passes(document: Document, body: Mapping[str, Any]) -> bool:
    for field in EQUAL_FIELDS:
        wanted = as_list(body.get(field))
        if wanted and document.get(field) not in wanted:
            return False
    return all(_tags_pass(document.get(field) or (), as_list(body.get(field))) for field in TAG_FIELDS)


def _tags_pass(tags: Sequence[str], wanted: Sequence[Any]) -> bool:
    """Any of the plain ones, none of those with a minus; ``__$all`` before the plain ones demands every one."""
    words = [str(word) for word in wanted if word]
    excluded = {word[1:] for word in words if word.startswith("-")}
    included = [word for word in words if not word.startswith(("-", "__$"))]
    if excluded & set(tags):
        return False
    if not included:
        return True
    return all(word in tags for word in included) if "__$all" in words else any(word in tags for word in included)


def _ordered(documents: list[Document], order_by: Sequence[Any]) -> list[Document]:
    for key in reversed([str(key) for key in order_by]):
        path, reverse = key.lstrip("-+"), key.startswith("-")
        documents.sort(key=lambda document: _sortable(_at(document, path)), reverse=reverse)
    return documents


def _sortable(value: Any) -> tuple[int, float, str]:
    """A total order over whatever a field holds; absent values come first."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, (int, float)):
        return (1, float(value), "")
    return (2, 0.0, str(value))


def _page(documents: list[Document], body: Mapping[str, Any]) -> list[Document]:
    size = body.get("page_size")
    if size is None:
        return documents[:MAX_PAGE]
    page, size = int(body.get("page") or 0), min(int(size), MAX_PAGE)
    return documents[page * size : (page + 1) * size]


def _at(document: Mapping[str, Any], path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def wants(body: Mapping[str, Any], field: str) -> bool:
    """Whether the answer needs that top-level field."""
    fields = as_list(body.get("only_fields"))
    return not fields or any(str(path).split(".")[0] == field for path in fields)


def project(document: Document, only_fields: Any) -> Document:
    """The asked fields. Of ``a.b`` the outer ``a`` is answered even when it has no ``b``."""
    paths = [str(path) for path in as_list(only_fields)]
    if not paths:
        return document
    result: Document = {}
    for path in paths:
        _copy(document, result, path.split("."))
    return result


def _copy(source: Mapping[str, Any], target: Document, parts: Sequence[str]) -> None:
    head, rest = parts[0], parts[1:]
    if head not in source:
        return
    value = source[head]
    if rest and isinstance(value, Mapping):
        _copy(value, target.setdefault(head, {}), rest)
    elif not rest:
        target[head] = value
