"""Commands about accounts and the sandbox. Main thread.

A secret comes from a prompt or from standard input, never from the command line.
"""

import getpass
import sys
from dataclasses import replace
from pathlib import Path

from desktop_app.cli.base import SANDBOX_S, CommandBase
from desktop_app.cli.output import json_line, problem_json, result, say, table
from desktop_app.domain.account import UNCHECKED, Account
from desktop_app.domain.credentials import UNCHECKED_TEXT, Credentials
from desktop_app.domain.problems import AppError, Problem, failure
from desktop_app.domain.route import parse_route
from desktop_app.ports import Cancel


class AccountCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_accounts(self) -> int:
        work = {
            "list": self._list,
            "add": self._add,
            "import": self._import,
            "remove": self._remove,
            "route": self._route,
        }
        return work[self.arguments.what]()

    def _list(self) -> int:
        known = self.core.accounts()
        if self.json:
            json_line({"accounts": [_account_json(account) for account in known]})
        elif known:
            result(table(("ID", "NAME", "SERVER"), [(a.id, a.label, a.api_url) for a in known]))
        else:
            say(
                "No accounts. Take over the keys of this computer: sessiondock accounts import; add one: sessiondock "
                "accounts add SERVER ACCESS_KEY; or try the sandbox: sessiondock sandbox start"
            )
        return 0

    def _add(self) -> int:
        if not self.arguments.server or not self.arguments.access_key:
            raise failure("usage.missing", why="Give the server's address and the access key.")
        secret = _read_secret()
        if not secret:
            raise failure("usage.missing", why="Type the key's secret, or give it as a line of standard input.")
        found = Credentials(self.arguments.server, self.arguments.access_key, secret, trust=self._trust())
        account = self.core.credentials.use(found, self.cancel())
        if self.json:
            json_line(_account_json(account))
        else:
            self._tell(account)
        return 0

    def _trust(self) -> str:
        if self.arguments.any_certificate:
            return UNCHECKED
        return str(Path(self.arguments.ca_file).absolute()) if self.arguments.ca_file else ""

    @staticmethod
    def _tell(account: Account) -> None:
        if account.trust == UNCHECKED:
            say(f"Warning: {UNCHECKED_TEXT}")
        say(f"Signed in as {account.label} ({account.facts}). The secret is in the keyring.")

    def _import(self) -> int:
        """All credentials of one source, or all that this computer holds; one that fails does not stop the others."""
        found, problems = self._to_import()
        accounts: list[Account] = []
        for one in found:
            try:
                trust = self._trust() or one.trust
                accounts.append(self.core.credentials.use(replace(one, trust=trust), self.cancel()))
            except AppError as error:
                problems.append(error.problem)
                say(f"sessiondock: {one.source}: {error.problem}")
            else:
                if not self.json:
                    self._tell(accounts[-1])
        if self.json:
            rows = [_account_json(account) for account in accounts]
            json_line({"imported": rows, "problems": [problem_json(one) for one in problems]})
        return 1 if problems else 0

    def _to_import(self) -> tuple[tuple[Credentials, ...], list[Problem]]:
        source, keys = self.arguments.server, self.core.credentials
        if self.arguments.env:
            return (keys.environment(),), []
        if source == "-":
            return (keys.read_text(sys.stdin.read() if sys.stdin is not None else ""),), []
        if source:
            return (keys.read_file(Path(source)),), []
        offer = keys.found(self.cancel())
        for problem in offer.problems:
            say(f"sessiondock: {problem}")
        if not offer.found and not offer.problems:
            if not offer.known:
                raise failure("credentials.none", where="This computer (its clearml.conf files and environment)")
            say("All credentials on this computer are accounts already.")
        return offer.found, list(offer.problems)

    def _remove(self) -> int:
        account = self.core.find_account(self.arguments.server)
        self.core.remove_account(account.id, self.cancel())
        if self.json:
            json_line({"removed": account.id})
        else:
            say(f"Removed {account.label}. Its sessions go on running.")
        return 0

    def _route(self) -> int:
        """Show or change how the machines of an account's sessions are reached."""
        account, text = self.core.find_account(self.arguments.server), self.arguments.access_key
        if text:
            asks = parse_route(text).takes_password
            self.core.routes.set(account, text, _read_secret("Proxy password: ") if asks else "", self.cancel())
            account = self.core.find_account(account.id)
        route = self.core.routes.of(account)
        if self.json:
            json_line({"account": account.id, "route": account.route or "direct"})
        elif text:
            say(f"The machines of {account.label} are reached {route}, from the next connection on.")
        else:
            result(account.route or "direct")
        return 0

    def run_sandbox(self) -> int:
        what = self.arguments.what
        if what == "start":
            account = self.core.use_sandbox(Cancel(SANDBOX_S))
            self._sandbox_is(True, account.api_url)
        elif what == "stop":
            self._sandbox_is(False, "", was=self.core.stop_sandbox())
        else:
            address = self.core.sandbox_address()
            self._sandbox_is(bool(address), address)
        return 0

    def _sandbox_is(self, running: bool, address: str, *, was: bool | None = None) -> None:
        tell = result if self.arguments.what == "status" else say  # an answer, or the news that something was done
        if self.json:
            json_line({"running": running, "api_url": address or None})
        elif running:
            tell(f"The sandbox runs at {address}.")
        elif was:
            tell("The sandbox has ended.")
        else:
            tell("The sandbox does not run.")


def _account_json(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "name": account.label,
        "server": account.api_url,
        "user": account.user_name,
        "workspace": account.company,
        "server_version": account.server_version,
        "certificate_checked": account.trust != UNCHECKED,
        "route": account.route or "direct",
    }


def _read_secret(prompt: str = "API secret: ") -> str:
    """From a prompt without echo, or a line of standard input when that is a pipe."""
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass.getpass(prompt)
    return (sys.stdin.readline() if sys.stdin is not None else "").strip()
