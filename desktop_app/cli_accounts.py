"""Commands about accounts and the sandbox. Main thread.

A secret comes from a prompt or from standard input, never from the command line.
"""

import getpass
import sys

from desktop_app.cli_base import SANDBOX_S, CommandBase
from desktop_app.cli_output import json_line, result, say, table
from desktop_app.domain.account import Account
from desktop_app.domain.problems import failure
from desktop_app.ports import Cancel


class AccountCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_accounts(self) -> int:
        return {"list": self._list, "add": self._add, "remove": self._remove}[self.arguments.what]()

    def _list(self) -> int:
        known = self.core.accounts()
        if self.json:
            json_line({"accounts": [_account_json(account) for account in known]})
        elif known:
            result(table(("ID", "NAME", "SERVER"), [(a.id, a.label, a.api_url) for a in known]))
        else:
            say("No accounts. Add one: sessiondock accounts add https://api.… ACCESS_KEY")
        return 0

    def _add(self) -> int:
        if not self.arguments.server or not self.arguments.access_key:
            raise failure("launch.invalid", why="Give the API server's address and the access key.")
        account = self.core.add_account(self.arguments.server, self.arguments.access_key, _read_secret(), self.cancel())
        if self.json:
            json_line(_account_json(account))
        else:
            say(f"Signed in as {account.label}. The secret is in the keyring.")
        return 0

    def _remove(self) -> int:
        account = self.core.find_account(self.arguments.server)
        self.core.remove_account(account.id, self.cancel())
        if self.json:
            json_line({"removed": account.id})
        else:
            say(f"Removed {account.label}. Its sessions go on running.")
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
    return {"id": account.id, "name": account.label, "server": account.api_url, "user": account.user_name}


def _read_secret() -> str:
    """From a prompt without echo, or a line of standard input when that is a pipe."""
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass.getpass("API secret: ")
    return (sys.stdin.readline() if sys.stdin is not None else "").strip()
