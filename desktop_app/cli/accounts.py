"""Commands about accounts and the sandbox. Main thread.

A secret comes from a prompt or from standard input, never from the command line.
"""

from dataclasses import replace
from pathlib import Path

from desktop_app.cli.base import SANDBOX_S, CommandBase
from desktop_app.cli.given import given_text, read_secret
from desktop_app.cli.interrupt import Interruptible
from desktop_app.cli.output import json_line, problem_json, result, say, table
from desktop_app.domain.access.route import parse_route
from desktop_app.domain.accounts.account import UNCHECKED, Account, ApiKey
from desktop_app.domain.accounts.credentials import UNCHECKED_TEXT, Credentials
from desktop_app.domain.accounts.identity import find_key
from desktop_app.domain.problems import AppError, Problem, failure


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
        known = self.core.accounts.all()
        if self.json:
            json_line({"accounts": [_account_json(account) for account in known]})
        elif known:
            rows = [(a.id if not n else "", a.label if not n else "", a.api_url if not n else "", _key_text(a, key))
                    for a in known for n, key in enumerate(a.all_keys)]  # fmt: skip
            result(table(("ID", "NAME", "SERVER", "KEY"), rows))
        else:
            say(
                "No accounts. Take over the keys of this computer: sessiondock accounts import; add one: sessiondock "
                "accounts add SERVER ACCESS_KEY; or try the sandbox: sessiondock sandbox start"
            )
        return 0

    def _add(self) -> int:
        if not self.arguments.server or not self.arguments.access_key:
            raise failure("usage.missing", why="Give the server's address and the access key.")
        secret = read_secret("API secret: ")
        if not secret:
            raise failure("usage.missing", why="Type the key's secret, or give it as a line of standard input.")
        found = Credentials(self.arguments.server, self.arguments.access_key, secret, trust=self._trust())
        account = self.core.credentials.use(found, self.cancel())
        if self.json:
            json_line({**_account_json(account), **self._sessions_json(account)})
        else:
            self._tell(account)
        return 0

    def _sessions_json(self, account: Account) -> dict[str, object]:
        """What became of the sessions that run: task ids."""
        found = self.core.credentials.wrapped(account.id)
        rows = {"opens": found.open, "does_not_open": found.shut, "not_asked": found.failed}
        return {"sessions": {name: list(tasks) for name, tasks in rows.items()}}

    def _trust(self) -> str:
        if self.arguments.any_certificate:
            return UNCHECKED
        return str(Path(self.arguments.ca_file).absolute()) if self.arguments.ca_file else ""

    def _tell(self, account: Account) -> None:
        if account.trust == UNCHECKED:
            say(f"Warning: {UNCHECKED_TEXT}")
        say(f"Signed in as {account.label} ({account.facts}). The secret is in the keyring.")
        keys, sessions = account.all_keys, self.core.credentials.wrapped(account.id)
        if len(keys) > 1:
            say(f"The account has {len(keys)} keys now; {keys[0].shown} is in use, the others if that is refused.")
        if sessions.open and len(keys) > 1:
            say(f"Running sessions that it opens, on any computer of yours: {len(sessions.open)}.")
        if sessions.shut:
            names = ", ".join(task[:8] for task in sessions.shut)
            say(f"Running sessions that it does not open: {names}. Add it where they were launched, too.")
        if sessions.failed:
            say("Running sessions could not all be asked to take this key. Add it again when the server answers.")

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
            return (keys.read_text(given_text()),), []
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
        """An account, or a key of one: named alone, or after its account."""
        account, key = self._to_remove()
        left = self.core.credentials.remove(account.id, key.access_key, self.cancel()) if key else None
        if key is None:
            self.core.accounts.remove(account.id)
        if self.json:
            keys = _account_json(left)["keys"] if left else []
            json_line({"removed": account.id if left is None else None, "account": account.id, "keys": keys})
        elif left is None:
            say(f"Removed {account.label}. Its sessions go on running.")
        else:
            say(f"Removed the key {key.shown if key else ''} of {account.label}. Its sessions stay as they are; "
                f"{left.all_keys[0].shown} is in use now.")  # fmt: skip
            if left.all_keys[0].refused:
                say("The server refuses that one, too: add another key.")
        return 0

    def _to_remove(self) -> tuple[Account, ApiKey | None]:
        """Problems: account.unknown, account.ambiguous, account.no_key"""
        name, key = self.arguments.server, self.arguments.access_key
        if not name:
            raise failure("usage.missing", why="Name the account or the key: sessiondock accounts list shows them.")
        if key:
            account = self.core.accounts.find(name)
            found = find_key(account, key)
            if found is None:
                known = ", ".join(one.shown for one in account.all_keys)
                raise failure("account.no_key", account=account.label, name=key, known=known)
            return account, found
        whole = [one for one in self.core.accounts.all() if name in (*one.ids, one.label)]
        named = [(one, found) for one in self.core.accounts.all() if not whole and (found := find_key(one, name))]
        return named[0] if len(named) == 1 else (self.core.accounts.find(name), None)

    def _route(self) -> int:
        """Show or change how the machines of an account's sessions are reached."""
        account, text = self.core.accounts.find(self.arguments.server), self.arguments.access_key
        if text:
            asks = parse_route(text).takes_password
            self.core.routes.set(account, text, read_secret("Proxy password: ") if asks else "", self.cancel())
            account = self.core.accounts.find(account.id)
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
            account = self.core.accounts.use_sandbox(Interruptible(SANDBOX_S))
            self._sandbox_is(True, account.api_url)
        elif what == "stop":
            self._sandbox_is(False, "", was=self.core.sandbox.stop())
        else:
            address = self.core.sandbox.address()
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
        "keys": [
            {"key": key.access_key or None, "in_use": number == 0, "refused_since": key.refused or None}
            for number, key in enumerate(account.all_keys)
        ],
    }


def _key_text(account: Account, key: ApiKey) -> str:
    use = "in use" if key is account.all_keys[0] and len(account.all_keys) > 1 else ""
    refused = f"refused since {key.refused[:16].replace('T', ' ')} UTC" if key.refused else ""
    said = ", ".join(text for text in (use, refused) if text)
    return f"{key.shown} ({said})" if said else key.shown
