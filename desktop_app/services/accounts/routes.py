"""Routes: how each account's session machines are reached. Any thread; ``set`` and ``route_of`` may ask the keyring."""

from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.access.route import DIRECT, Kind, Route, parse_route
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.secrets import PROXY_PASSWORD
from desktop_app.domain.problems import AppError, failure
from desktop_app.services.secrets.stored import account_of, ids_of, kept
from desktop_app.services.state.account_store import AccountStore


def route_of(outside: Outside, account: str) -> tuple[Route, str]:
    """Return the account's route and its proxy's password, "" where it has none. Problems: route.invalid, keyring.*"""
    known = account_of(outside, account)
    route = parse_route(known.route if known else "")
    return route, kept(outside, PROXY_PASSWORD, ids_of(outside, account)) if route.takes_password else ""


def begins_here(outside: Outside, account: str) -> bool:
    """True if this computer itself connects to the account's session machines, as far as its route tells."""
    known = account_of(outside, account)
    try:
        return parse_route(known.route if known else "").kind in (Kind.DIRECT, Kind.SSH_CONFIG)
    except AppError:  # somebody spoiled it in the file; then no dial works, either
        return False


class Routes:
    """Reads and changes them."""

    def __init__(self, outside: Outside, accounts: AccountStore) -> None:
        self._outside = outside
        self._accounts = accounts

    def of(self, account: Account) -> Route:
        """Return the account's route. Quick. Problems: route.invalid, when it was spoiled in the file"""
        return parse_route(account.route)

    def set(self, account: Account, text: str, password: str, cancel: Cancel) -> Route:
        """Use this route from the next dial on; ``password`` is the proxy's.

        Problems: route.invalid, keyring.*, file.unwritable
        """
        route = parse_route(text)
        cancel.check()
        if account.sandbox and route is not DIRECT:
            raise failure("route.invalid", why="The sandbox runs on this computer; it needs no route.")
        if route.takes_password and password:
            self._outside.register_secret(password)
            self._outside.secrets.set(PROXY_PASSWORD, account.id, password)
        elif not route.takes_password:
            for owner in account.ids:
                self._outside.secrets.delete(PROXY_PASSWORD, owner)
        text = "" if route is DIRECT else text.strip()
        self._accounts.change(
            lambda known: [replace(one, route=text) if one.id == account.id else one for one in known]
        )
        return route
