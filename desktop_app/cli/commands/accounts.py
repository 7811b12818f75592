"""The command accounts: which ClearML accounts SessionDock knows, and their keys and routes. Main thread; blocks.

A secret comes from a prompt or from standard input, never from the command line.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import Commands
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.cli.terminal.standard_input import given_text, read_secret
from desktop_app.cli.terminal.tables import table
from desktop_app.cli.views.accounts import account_json, key_text
from desktop_app.cli.views.as_json import problem_json
from desktop_app.domain.access.route import EXAMPLES, parse_route
from desktop_app.domain.accounts.account import UNCHECKED, Account, ApiKey
from desktop_app.domain.accounts.credentials import UNCHECKED_TEXT, Credentials
from desktop_app.domain.accounts.identity import find_key
from desktop_app.domain.problems import AppError, Problem, failure


def add_accounts(commands: Commands) -> None:
    """Register accounts."""
    command = commands.add("accounts", run_accounts, "the ClearML accounts that SessionDock knows", check=_missing)
    command.add_argument("what", choices=tuple(ACTIONS))
    command.add_argument(
        "server",
        nargs="?",
        default="",
        metavar="SERVER|FILE|ACCOUNT",
        help="add: the server's address; import: a clearml.conf, or - for a copied text on standard input "
        "(default: all that this computer holds); remove, route: the account",
    )
    command.add_argument(
        "access_key",
        nargs="?",
        default="",
        metavar="KEY|ROUTE",
        help="add: the access key; its secret is asked for or read from stdin. remove: one key of the account, or its "
        "beginning; the account goes with its last key only. route: how its machines are reached: "
        f"direct, {EXAMPLES}; a proxy's password is asked for or read from stdin",
    )
    command.add_argument("--env", action="store_true", help="import: the CLEARML_* variables only")
    command.add_argument("--ca-file", default="", metavar="PEM", help="your company's certificate authority")
    command.add_argument(
        "--any-certificate", action="store_true", help="don't check the server's certificate (not safe)"
    )


def _missing(arguments: argparse.Namespace) -> str:
    what = arguments.what
    if what == "add" and not (arguments.server and arguments.access_key):
        return "add needs the server's address and the access key: sessiondock accounts add SERVER KEY."
    if what == "remove" and not arguments.server:
        return "remove needs the account or the key; sessiondock accounts list shows them."
    if what == "route" and not arguments.server:
        return "route needs the account; sessiondock accounts list shows them."
    return ""


def run_accounts(context: Context, arguments: argparse.Namespace) -> int:
    """Do what the first word says."""
    return ACTIONS[arguments.what](context, arguments)


def _list(context: Context, _arguments: argparse.Namespace) -> int:
    known = context.core.accounts.all()
    if context.json:
        json_line({"accounts": [account_json(account) for account in known]})
    elif known:
        rows = [_row(account, number) for account in known for number in range(len(account.all_keys))]
        result(table(("ID", "NAME", "SERVER", "KEY"), rows))
    else:
        say(
            "No accounts. Take over the keys of this computer: sessiondock accounts import; add one: sessiondock "
            "accounts add SERVER ACCESS_KEY; or try the sandbox: sessiondock sandbox start"
        )
    return 0


def _row(account: Account, number: int) -> tuple[str, str, str, str]:
    """Return the row of one key; that of the first one names the account."""
    names = ("", "", "") if number else (account.id, account.label, account.api_url)
    return (*names, key_text(account, account.all_keys[number]))


# -- add and import


def _add(context: Context, arguments: argparse.Namespace) -> int:
    secret = read_secret("API secret: ")
    if not secret:
        raise failure("usage.missing", why="Type the key's secret, or give it as a line of standard input.")
    typed = Credentials(arguments.server, arguments.access_key, secret, trust=_trust(arguments))
    account = context.core.credentials.use(typed, context.cancel())
    if context.json:
        json_line({**account_json(account), **_sessions_json(context, account)})
    else:
        _tell_signed_in(context, account)
    return 0


def _trust(arguments: argparse.Namespace) -> str:
    """Return how the server's certificate is checked: by the file of an authority, not at all, or "" as usual."""
    if arguments.any_certificate:
        return UNCHECKED
    return str(Path(arguments.ca_file).absolute()) if arguments.ca_file else ""


def _sessions_json(context: Context, account: Account) -> dict[str, object]:
    """Return what became of the sessions that run: task ids."""
    wrapped = context.core.sign_in.wrapped(account.id)
    rows = {"opens": wrapped.open, "does_not_open": wrapped.shut, "not_asked": wrapped.failed}
    return {"sessions": {name: list(tasks) for name, tasks in rows.items()}}


def _tell_signed_in(context: Context, account: Account) -> None:
    if account.trust == UNCHECKED:
        say(f"Warning: {UNCHECKED_TEXT}")
    say(f"Signed in as {account.label} ({account.facts}). The secret is in the keyring.")
    keys, sessions = account.all_keys, context.core.sign_in.wrapped(account.id)
    if len(keys) > 1:
        say(f"The account has {len(keys)} keys now; {keys[0].shown} is in use, the others if that is refused.")
    if sessions.open and len(keys) > 1:
        say(f"Running sessions that it opens, on any computer of yours: {len(sessions.open)}.")
    if sessions.shut:
        names = ", ".join(task[:8] for task in sessions.shut)
        say(f"Running sessions that it does not open: {names}. Add it where they were launched, too.")
    if sessions.failed:
        say("Running sessions could not all be asked to take this key. Add it again when the server answers.")


def _import(context: Context, arguments: argparse.Namespace) -> int:
    """Import all keys of one source, or all that this computer holds; one that fails does not stop the others."""
    to_import, problems = _to_import(context, arguments)
    accounts: list[Account] = []
    for credentials in to_import:
        try:
            trusted = replace(credentials, trust=_trust(arguments) or credentials.trust)
            accounts.append(context.core.credentials.use(trusted, context.cancel()))
        except AppError as error:
            problems.append(error.problem)
            say(f"sessiondock: {credentials.source}: {error.problem}")
        else:
            if not context.json:
                _tell_signed_in(context, accounts[-1])
    if context.json:
        rows = [account_json(account) for account in accounts]
        json_line({"imported": rows, "problems": [problem_json(problem) for problem in problems]})
    return 1 if problems else 0


def _to_import(context: Context, arguments: argparse.Namespace) -> tuple[tuple[Credentials, ...], list[Problem]]:
    """Return the credentials to import, and what could not be read. Problems: credentials.*"""
    source, credentials = arguments.server, context.core.credentials
    if arguments.env:
        return (credentials.environment(),), []
    if source == "-":
        return (credentials.read_text(given_text()),), []
    if source:
        return (credentials.read_file(Path(source)),), []
    offer = credentials.found(context.cancel())
    for problem in offer.problems:
        say(f"sessiondock: {problem}")
    if not offer.found and not offer.problems:
        if not offer.known:
            raise failure("credentials.none", where="This computer (its clearml.conf files and environment)")
        say("All credentials on this computer are accounts already.")
    return offer.found, list(offer.problems)


# -- remove and route


def _remove(context: Context, arguments: argparse.Namespace) -> int:
    """Remove an account, or a key of one: named alone, or after its account."""
    account, key = _to_remove(context, arguments.server, arguments.access_key)
    left = context.core.sign_in.remove_key(account.id, key.access_key, context.cancel()) if key else None
    if key is None:
        context.core.sign_in.remove_account(account.id)
    if context.json:
        keys = account_json(left)["keys"] if left else []
        json_line({"removed": account.id if left is None else None, "account": account.id, "keys": keys})
    elif left is None:
        say(f"Removed {account.label}. Its sessions go on running.")
    else:
        say(f"Removed the key {key.shown if key else ''} of {account.label}. Its sessions stay as they are; "
            f"{left.all_keys[0].shown} is in use now.")  # fmt: skip
        if left.all_keys[0].refused:
            say("The server refuses that one, too: add another key.")
    return 0


def _to_remove(context: Context, name: str, key: str) -> tuple[Account, ApiKey | None]:
    """Return the account, and the key where only that is meant.

    Problems: account.unknown, account.ambiguous, account.no_key
    """
    known = context.core.accounts.all()
    if key:
        account = context.core.accounts.find(name)
        of_account = find_key(account, key)
        if of_account is None:
            shown = ", ".join(other.shown for other in account.all_keys)
            raise failure("account.no_key", account=account.label, name=key, known=shown)
        return account, of_account
    if not any(name in (*account.ids, account.label) for account in known):
        named = [(account, of_name) for account in known if (of_name := find_key(account, name))]
        if len(named) == 1:
            return named[0]
    return context.core.accounts.find(name), None


def _route(context: Context, arguments: argparse.Namespace) -> int:
    """Show or change how the machines of an account's sessions are reached."""
    account, text = context.core.accounts.find(arguments.server), arguments.access_key
    if text:
        asks = parse_route(text).takes_password
        context.core.routes.set(account, text, read_secret("Proxy password: ") if asks else "", context.cancel())
        account = context.core.accounts.find(account.id)
    route = context.core.routes.of(account)
    if context.json:
        json_line({"account": account.id, "route": account.route or "direct"})
    elif text:
        say(f"The machines of {account.label} are reached {route}, from the next connection on.")
    else:
        result(account.route or "direct")
    return 0


ACTIONS = {"list": _list, "add": _add, "import": _import, "remove": _remove, "route": _route}
