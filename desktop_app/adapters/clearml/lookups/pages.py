"""Reads lists of the API page by page. Any thread."""

from collections.abc import Iterable, Mapping
from typing import Any

from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel

PAGE = 500
MOST = 20_000  # rows of one list: a server that answers without an end is not listened to without one


def every_page(
    connection: Connection, endpoint: str, body: Mapping[str, Any], key: str, cancel: Cancel
) -> list[dict[str, Any]]:
    """Return the rows that all pages of a get_all have under ``key``. Problems: server.*"""
    rows: list[dict[str, Any]] = []
    while True:
        page = {**body, "page": len(rows) // PAGE, "page_size": PAGE}
        got = dicts(connection.call(endpoint, page, cancel).get(key))
        rows += got
        if len(got) < PAGE or len(rows) >= MOST:
            return rows[:MOST]


def dicts(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list of the API; anything else is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, Iterable) else []
