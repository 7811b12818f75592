"""The commands about keys and passwords of sessions: passphrase, trust, password. Main thread; blocks."""

import argparse
import re

from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import Commands, add_account, add_session, add_session_or_id
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.cli.terminal.standard_input import read_passphrase
from desktop_app.cli.views.as_json import problem_of_holder
from desktop_app.domain.launch.option_checks import clean_line


def add_password(commands: Commands) -> None:
    """Register password."""
    command = commands.add("password", run_password, "print the SSH password that a session was launched with")
    add_session_or_id(command)


def run_password(context: Context, _arguments: argparse.Namespace) -> int:
    """Print what other SSH programs need to log in to a session that has a password."""
    snapshot = context.session()
    password = context.core.passwords.of(snapshot.id)
    if context.json:
        json_line({"id": snapshot.id.task, "account": snapshot.id.account, "password": password})
    else:
        result(password)
    return 0


def add_passphrase(commands: Commands) -> None:
    """Register passphrase."""
    help_text = "let a passphrase (asked for, or a line of standard input) attach a session from another computer"
    add_session(commands.add("passphrase", run_passphrase, help_text))


def run_passphrase(context: Context, _arguments: argparse.Namespace) -> int:
    """Let a passphrase open the session's key from now on."""
    snapshot = context.session()
    context.core.keys.set_passphrase(snapshot.id, read_passphrase(twice=True), context.cancel())
    text = f"“{snapshot.name}” can now be attached from another computer with this passphrase."
    context.tell_done(snapshot, "passphrase set", text)
    return 0


def add_trust(commands: Commands) -> None:
    """Register trust."""
    help_text = "confirm the host key of a session's new run, or of one by clearml-session"
    command = commands.add("trust", run_trust, help_text)
    command.add_argument("session", help="id, beginning of an id, or name")
    command.add_argument("fingerprint", type=fingerprint, help="what the machine shows: SHA256:…")
    add_account(command)


def fingerprint(text: str) -> str:
    """Return a host key's fingerprint that was given as an argument. Raises ArgumentTypeError."""
    if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", text):
        raise argparse.ArgumentTypeError(
            f"“{text}” is no host key's fingerprint, which is SHA256: and 43 letters and digits, as it is shown"
        )
    return text


def run_trust(context: Context, arguments: argparse.Namespace) -> int:
    """Connect this session only where its machine shows that key, and let what waits for it dial again."""
    snapshot = context.session()
    problem = problem_of_holder(context.sessions.holder_of(snapshot))
    waiting = problem.cause if problem is not None and problem.code == "ssh.new_run" else ""
    context.core.keys.trust_host(snapshot.id, arguments.fingerprint)
    # The process that holds it may be waiting for this word.
    context.core.connections.redial(snapshot.id, context.cancel())
    name = f"“{clean_line(snapshot.name)}”"
    subject = name if snapshot.facts.clearml_session is not None else f"A new run of {name}"
    text = f"{subject} is connected only where its machine shows {arguments.fingerprint}."
    context.tell_done(snapshot, "trusted", text)
    if waiting and waiting != arguments.fingerprint and not context.json:
        say(f"What waits now shows another one, {waiting}, and is not connected.")
    return 0
