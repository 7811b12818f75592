"""Commands about what of your own a session gets: give, withhold, git. Main thread.

Nothing is given before the machine that it goes to was named: on a terminal you are asked, elsewhere --yes agrees.
"""

import argparse
from collections.abc import Callable, Mapping

from desktop_app.boundary.cancel import Cancel
from desktop_app.cli.base import CommandBase
from desktop_app.cli.given import read_secret
from desktop_app.cli.keyboard import on_terminal
from desktop_app.cli.output import json_line, problem_json, result, say, table
from desktop_app.domain.accounts import handover
from desktop_app.domain.accounts.git_logins import where
from desktop_app.domain.accounts.handover import BY_KEY, KINDS, Handover, HandoverKind
from desktop_app.domain.problems import AppError, Problem, failure
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot

MakeCommand = Callable[[str, str, str], argparse.ArgumentParser]
WORDS = {kind.word: kind for kind in KINDS}


def add_gift_commands(make: MakeCommand) -> None:
    """``make(name, handler, help)`` makes one command with its common arguments."""
    give = make("give", "run_give", "give a session your git logins, ClearML key or SSH agent; without KIND: show")
    withhold = make("withhold", "run_withhold", "take back from a session what it was given")
    for command, count in ((give, "*"), (withhold, "+")):
        command.add_argument("session", help="id, beginning of an id, or name")
        command.add_argument("kinds", nargs=count, type=handover_kind, metavar="KIND", help=", ".join(WORDS))
        command.add_argument("--account", default=argparse.SUPPRESS, help="the account's name or id")
    give.add_argument("--yes", "-y", action="store_true", default=argparse.SUPPRESS, help="agree without being asked")
    git = make("git", "run_git", "git logins in the keyring, which sessions can be given")
    git.add_argument("action", choices=["list", "add", "remove"])
    git.add_argument("address", nargs="?", default="", help="such as https://ada@github.com")
    git.add_argument("--account", default=argparse.SUPPRESS, help="the account's name or id")


def handover_kind(text: str) -> HandoverKind:
    """A kind as an argument."""
    if text not in WORDS:
        raise argparse.ArgumentTypeError(f"“{text}” is none of: {', '.join(WORDS)}")
    return WORDS[text]


class GiftCommands(CommandBase):
    """One method per command; each returns the exit code."""

    _told_asked = False

    def run_give(self) -> int:
        session = self.session().id
        kinds = tuple(self.arguments.kinds)
        found = self.core.handovers.view(session, self.cancel())
        if kinds and not found.place:
            raise failure("session.not_attached", task=session.task[:8])
        if kinds and not self._agreed(kinds, found.place):
            return 1
        return self._each_kind(session, found, self.core.handovers.give)

    def run_withhold(self) -> int:
        return self._each_kind(self.session().id, Handover(), self.core.handovers.withhold)

    def _each_kind(
        self, session: SessionId, found: Handover, change: Callable[[SessionId, HandoverKind, Cancel], Handover]
    ) -> int:
        """One that fails does not stop the others; each is told. Exit code 1 if any failed."""
        problems: dict[str, Problem] = {}
        for kind in dict.fromkeys(self.arguments.kinds):
            try:
                found = change(session, kind, self.cancel())
            except AppError as error:
                problems[kind.word] = error.problem
                say(f"sessiondock: {kind.word}: {error.problem}")
        if problems and not found.items:
            found = self._view(session)
        self._show(session, found, problems)
        return 1 if problems else 0

    def _view(self, session: SessionId) -> Handover:
        """What is given as far as anybody can tell: the connection may be what failed."""
        try:
            return self.core.handovers.view(session, self.cancel())
        except AppError:
            return Handover()

    def _agreed(self, kinds: tuple[HandoverKind, ...], place: str) -> bool:
        if hasattr(self.arguments, "yes"):
            return True
        text = handover.sentence(kinds, place)
        if self.json or not on_terminal():
            raise failure("handover.asked", text=text)
        say(f"{text}.")
        return input("Agree? [y/N] ").strip().lower() in ("y", "yes")

    def _show(self, session: SessionId, found: Handover, problems: Mapping[str, Problem]) -> None:
        if self.json:
            failed = {word: problem_json(one) for word, one in problems.items()}
            json_line({"id": session.task, "account": session.account, **found.to_json(), "problems": failed})
            return
        rows = [(BY_KEY[item.key].word, BY_KEY[item.key].label, item.state.value) for item in found.items]
        result(table(("KIND", "WHAT", "STATE"), rows))
        if found.place:
            say(f"Goes to {found.place}.")

    # -- while a session is launched or attached

    def agree_if_told(self, now: SessionSnapshot) -> None:
        """With --yes: what was asked for goes, and to whom is said."""
        asked = now.notice is not None and now.notice.code == "handover.asked"
        if asked and not self._told_asked and hasattr(self.arguments, "yes"):
            self._told_asked = True
            self.give_asked(now.id)

    def give_asked(self, session: SessionId) -> None:
        """Everything that waits for consent."""
        found = self.core.handovers.view(session, self.cancel())
        for kind in found.asked:
            try:
                self.core.handovers.give(session, kind, self.cancel())
            except AppError as error:  # the session goes on without it
                say(f"sessiondock: {error.problem}")
                continue
            if not self.json:
                say(f"Gave {kind.what} to {found.place}.")

    # -- logins in the keyring

    def run_git(self) -> int:
        account, address = self.account().id, self.arguments.address
        logins = self.core.git_logins
        if self.arguments.action == "add":
            logins.add(account, address, read_secret(f"Password or access token for {address}: "))
        elif self.arguments.action == "remove":
            logins.remove(account, address)
        kept = [where(login) for login in logins.kept(account)]
        if self.json:
            json_line({"account": account, "logins": kept})
        else:
            result("\n".join(kept) if kept else "The keyring holds no git logins.")
        return 0
