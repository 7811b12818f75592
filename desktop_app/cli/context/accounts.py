"""AccountChoice: which accounts a command is about. Main thread; blocks where it starts the sandbox."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from desktop_app.boundary.cancel import Cancel
from desktop_app.cli.terminal.interrupt import Interruptible
from desktop_app.cli.terminal.output import say
from desktop_app.domain.accounts.account import SANDBOX_ID, Account
from desktop_app.domain.accounts.identity import told_apart
from desktop_app.domain.problems import failure

if TYPE_CHECKING:
    from desktop_app.services.core import Core

SANDBOX_S = 180.0  # its first start installs an agent


class AccountChoice:
    """The account that was named with --account, or all that are known."""

    def __init__(self, core: "Core", named: str, *, launches: bool, cancel: Callable[[], Cancel]) -> None:
        """Choose among the core's accounts. ``launches``: the command may start the sandbox by itself."""
        self._core = core
        self._launches = launches
        self._cancel = cancel
        self.named = named

    def all(self) -> Sequence[Account]:
        """Return the named account, else every known one. Problems: account.unknown"""
        return [self._core.accounts.find(self.named)] if self.named else self._core.accounts.all()

    def chosen(self) -> Account:
        """Return the named account, or the only one, or for a launch the sandbox where there is none.

        Problems: account.unknown, account.several, account.none, sandbox.failed
        """
        account = self._named_or_only()
        if account.sandbox and self._launches and not self._core.sandbox.address():
            return self.start_sandbox()  # with its agent there: a launch asks for queues that are served
        return account

    def _named_or_only(self) -> Account:
        known = self._core.accounts.all()
        if self.named == SANDBOX_ID and not any(account.sandbox for account in known):
            return self.start_sandbox()
        if self.named:
            return self._core.accounts.find(self.named)
        if len(known) == 1:
            return known[0]
        if known:
            raise failure("account.several", known=told_apart(known))
        return self._first()

    def _first(self) -> Account:
        """Return the sandbox, for a launch on a computer that holds no ClearML key. Problems: account.none"""
        if not self._launches:
            raise failure("account.none", found="")
        offer = self._core.credentials.found(self._cancel())
        if offer.found:
            sources = ", ".join(credentials.source for credentials in offer.found)
            raise failure("account.none", found=f" ({sources})")
        return self.start_sandbox()

    def start_sandbox(self) -> Account:
        """Start or adopt the sandbox of this computer. Problems: sandbox.failed"""
        say("Starting the sandbox of this computer…")
        return self._core.sign_in.to_sandbox(Interruptible(SANDBOX_S))

    @property
    def sandbox_rests(self) -> bool:
        """True if one of them is the sandbox and it does not run: its earlier sessions are known to it alone."""
        return any(account.sandbox for account in self.all()) and not self._core.sandbox.address()

    def say_if_sandbox_rests(self) -> bool:
        """Tell how to see the sessions of a sandbox that does not run; False where there is none such."""
        rests = self.sandbox_rests
        if rests:
            say("The sandbox does not run. Its earlier sessions can be seen while it does: sessiondock sandbox start")
        return rests
