"""services.routes as the window sees it. GUI and job threads of a test."""

from collections.abc import Callable
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.route import Route, parse_route
from desktop_app.domain.accounts.account import Account


class FakeRoutes:
    """Changes the accounts of a fake core, and records what was asked, passwords by their length."""

    def __init__(self, call: Callable[..., None], accounts: list[Account]) -> None:
        self._call = call
        self._accounts = accounts

    def set(self, account: Account, text: str, password: str, cancel: Cancel) -> Route:
        self._call("routes.set", cancel, account.id, text, len(password))
        route = parse_route(text)
        self._accounts[:] = [replace(one, route=text) if one.id == account.id else one for one in self._accounts]
        return route
