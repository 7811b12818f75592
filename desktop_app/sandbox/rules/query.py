"""get_all: filters, order, pages and projections over documents. Pure functions.

Source: recorded behaviour of a real ClearML server. What ``only_fields`` may hold is in ``fields``, filters are in
``filters``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from desktop_app.sandbox.rules import errors, fields, filters

Document = dict[str, Any]

MAX_PAGE = 500
SCORE = "@text_score"  # an order that only a search by text has


@dataclass(frozen=True)
class Query:
    """One get_all, understood: every refusal of its body comes before any document is read."""

    tests: list[filters.Test]
    order: list[tuple[fields.Path, bool]]  # path, whether the largest come first
    first: int
    last: int | None
    paths: list[fields.Path]
    without: list[fields.Path]

    def wants(self, field: str) -> bool:
        """True if the answer, its order or a filter needs that top-level field."""
        return not self.paths or any(path[0] == field for path in [*self.paths, *(path for path, _ in self.order)])


def understand(kind: filters.Kind, body: Mapping[str, Any], *, fold: bool = False) -> Query:
    """Read a query. Raises ApiError for names, filters, orders and pages that a real server refuses."""
    first, last = _page(body)
    return Query(
        filters.tests(kind, body),
        _order(kind, body.get("order_by")),
        first,
        last,
        fields.projection(kind.tree, body, fold=fold),
        fields.excluded(kind.tree, body),
    )


def select(query: Query, documents: Iterable[Document]) -> list[Document]:
    """Return the documents that pass every filter, ordered and cut to the asked page."""
    found = [document for document in documents if all(test(document) for test in query.tests)]
    for number, (path, reverse) in reversed(list(enumerate(query.order))):
        found.sort(key=_value_at(path), reverse=reverse)
        if number == 0:  # what has nothing comes last by the first name, whichever way
            found.sort(key=lambda document: fields.at(document, path) is None)
    return found[query.first : query.last]


def answer(query: Query, documents: Iterable[Document]) -> list[Document]:
    """Return the selected documents with the asked fields."""
    return [project(query, document) for document in select(query, documents)]


def project(query: Query, document: Document) -> Document:
    """Return the asked fields of one document."""
    return fields.without(fields.project(document, query.paths), query.without)


def _order(kind: filters.Kind, order_by: Any) -> list[tuple[fields.Path, bool]]:
    order = []
    for name in order_by or []:
        if name == SCORE or name == "-" + SCORE:
            raise errors.invalid_value("text score cannot be used in order_by when search text is not used")
        reverse = isinstance(name, str) and name.startswith("-")
        order.append((fields.path_of(kind.tree, name[1:] if reverse else name), reverse))
    return order


def _value_at(path: fields.Path) -> Callable[[Document], tuple[int, float, str]]:
    return lambda document: _sortable(fields.at(document, path))


def _sortable(value: Any) -> tuple[int, float, str]:
    """Make a total order over whatever a field holds; absent values come first."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, (int, float)):
        return (1, float(value), "")
    return (2, 0.0, str(value))


def _page(body: Mapping[str, Any]) -> tuple[int, int]:
    """Return the first and the last (exclusive) number of what is answered."""
    page, size = body.get("page"), body.get("page_size")
    if any(value is not None and not isinstance(value, int) for value in (page, size)):
        raise errors.broken("'<' not supported between instances of 'str' and 'int'")
    if page is not None and page < 0:
        raise errors.invalid_field("page must be >=0): field=page")
    if size is not None and size < 1:
        raise errors.invalid_field("page_size must be >0): field=page_size")
    if body.get("start") is not None:
        return _window(body)
    size = min(size or MAX_PAGE, MAX_PAGE)
    return (page or 0) * size, ((page or 0) + 1) * size


def _window(body: Mapping[str, Any]) -> tuple[int, int]:
    start, size = body.get("start"), body.get("size")
    if not isinstance(start, int) or not isinstance(size, int) or size < 1:
        raise errors.invalid_field("Integer size parameter greater than 1 should be provided when working with scroll")
    return start, start + min(size, MAX_PAGE)


def as_list(value: Any) -> list[Any]:
    """Return a field that the API takes as one value or as many."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
