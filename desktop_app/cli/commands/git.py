"""The command git: git logins in the keyring, which sessions can be given. Main thread; blocks."""

import argparse

from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import Commands, add_account
from desktop_app.cli.terminal.output import json_line, result
from desktop_app.cli.terminal.standard_input import read_secret
from desktop_app.domain.accounts.git_logins import where


def add_git(commands: Commands) -> None:
    """Register git."""
    help_text = "git logins in the keyring, which sessions can be given"
    command = commands.add("git", run_git, help_text, check=_missing)
    command.add_argument("action", choices=["list", "add", "remove"])
    command.add_argument("address", nargs="?", default="", help="such as https://ada@github.com")
    add_account(command)


def _missing(arguments: argparse.Namespace) -> str:
    if arguments.action == "list" or arguments.address:
        return ""
    return f"{arguments.action} needs the address, such as https://ada@github.com."


def run_git(context: Context, arguments: argparse.Namespace) -> int:
    """Change or list the git logins of an account."""
    account, address = context.accounts.chosen().id, arguments.address
    logins = context.core.git_logins
    if arguments.action == "add":
        logins.add(account, address, read_secret(f"Password or access token for {address}: "))
    elif arguments.action == "remove":
        logins.remove(account, address)
    kept = [where(login) for login in logins.kept(account)]
    if context.json:
        json_line({"account": account, "logins": kept})
    else:
        result("\n".join(kept) if kept else "The keyring holds no git logins.")
    return 0
