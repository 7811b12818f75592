"""Commands about session keys: passphrase (attach from another computer). Main thread."""

import argparse
import getpass
import re
from collections.abc import Callable

from desktop_app.cli.base import CommandBase
from desktop_app.cli.given import can_ask, given_line
from desktop_app.cli.output import json_line, said_by, say
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import SessionId

MakeCommand = Callable[[str, str, str], argparse.ArgumentParser]


def add_key_commands(make: MakeCommand) -> None:
    """``make(name, handler, help)`` makes one command with its common arguments."""
    help_text = "let a passphrase (asked for, or a line of standard input) attach a session from another computer"
    command = make("passphrase", "run_passphrase", help_text)
    command.add_argument("session", nargs="?", default="", help="id, beginning of an id, or name")
    trust = make("trust", "run_trust", "confirm the host key of a session's new run, or of one by clearml-session")
    trust.add_argument("session", help="id, beginning of an id, or name")
    trust.add_argument("fingerprint", type=fingerprint, help="what the machine shows: SHA256:…")
    for one in (command, trust):
        one.add_argument("--account", default=argparse.SUPPRESS, help="the account's name or id")


def fingerprint(text: str) -> str:
    """A host key's fingerprint as an argument."""
    if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", text):
        raise argparse.ArgumentTypeError(
            f"“{text}” is no host key's fingerprint, which is SHA256: and 43 letters and digits, as it is shown"
        )
    return text


class KeyCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_passphrase(self) -> int:
        snapshot = self.session()
        self.core.keys.set_passphrase(snapshot.id, read_passphrase(twice=True), self.cancel())
        if self.json:
            json_line({"id": snapshot.id.task, "account": snapshot.id.account, "done": "passphrase set"})
        else:
            say(f"“{snapshot.name}” can now be attached from another computer with this passphrase.")
        return 0

    def run_trust(self) -> int:
        snapshot = self.session()
        why = said_by(self.holder_of(snapshot))
        asked = why.cause if why is not None and why.code == "ssh.new_run" else ""
        self.core.keys.trust_host(snapshot.id, self.arguments.fingerprint)
        self.core.connections.redial(snapshot.id, self.cancel())  # whoever holds it may be waiting for this word
        if self.json:
            json_line({"id": snapshot.id.task, "account": snapshot.id.account, "done": "trusted"})
        else:
            shown, who = self.arguments.fingerprint, f"“{clean_line(snapshot.name)}”"
            whose = who if snapshot.facts.clearml_session is not None else f"A new run of {who}"
            say(f"{whose} is connected only where its machine shows {shown}.")
            if asked and asked != shown:
                say(f"What waits now shows another one, {asked}, and is not connected.")
        return 0

    def attach_unlocked(self, session: SessionId) -> None:
        """Attach; a session of another computer may need its passphrase, which a person can tell."""
        now = self.core.store.get(session)
        if now is not None and now.facts.clearml_session is not None:
            self.core.connections.attach(session, self.cancel())
            return
        try:
            self.core.keys.check(session, self.cancel())
        except AppError as error:
            if error.problem.code != "ssh.passphrase" or hasattr(self.arguments, "yes") or not can_ask():
                raise
            say(f"{error.problem}")
            self.core.keys.unlock(session, read_passphrase(twice=False), self.cancel())
        self.core.connections.attach(session, self.cancel())


def read_passphrase(*, twice: bool) -> str:
    """From a prompt without echo, or a line of standard input when that is a pipe."""
    if not can_ask():
        return given_line()
    while True:
        first = getpass.getpass("Attach passphrase: ")
        if not twice or first == getpass.getpass("The same again: "):
            return first
        say("The two differ; try again.")
