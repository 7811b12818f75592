"""Which account is shown, what is wrong with it, and the wizard that adds accounts and launches sessions. GUI thread.

The core has no callback for accounts; asking it is quick, so ``refresh`` is simply called now and then.
"""

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.accounts.account import Account
from desktop_app.domain.problems import Problem, Remedy
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.dialogs.api_keys import ApiKeysDialog
from desktop_app.ui.dialogs.confirm import ask
from desktop_app.ui.dialogs.earlier import EarlierDialog
from desktop_app.ui.dialogs.route import RouteDialog
from desktop_app.ui.look.text import shortened
from desktop_app.ui.state import WindowState
from desktop_app.ui.windows.main_window import MainWindow, top_level
from desktop_app.ui.wizard.dialog import Wizard


class Accounts(QObject):
    """``changed``: another account is chosen or one came or went. ``launched`` carries a SessionId."""

    changed = Signal()
    launched = Signal(object)

    def __init__(self, core: Core, bridge: Bridge, window: MainWindow, state: WindowState, parent: QObject) -> None:
        super().__init__(parent)
        self._core, self._bridge, self._window, self._state = core, bridge, window, state
        self.wizard: Wizard | None = None
        self._wanted = state.account
        self._troubled = ""  # the account whose problem is shown
        side = window.sidebar
        side.account_chosen.connect(self.choose)
        side.add_account.connect(lambda: self.open_account(""))
        side.remove_account.connect(self._ask_remove)
        side.keys_asked.connect(self.ask_keys)
        side.route_asked.connect(self.ask_route)
        side.account_remedy.connect(self._remedy)

    @property
    def chosen(self) -> str:
        """Return the chosen account, as far as it still exists; with a single account that one; "" = all."""
        known = self._core.accounts.all()
        if self._wanted in {account.id for account in known}:
            return self._wanted
        return known[0].id if len(known) == 1 else ""

    def choose(self, account: str) -> None:
        self._wanted = account
        self._state.account = account
        self.changed.emit()

    def refresh(self) -> None:
        """Bring the switcher and the account banner up to date."""
        accounts, chosen = self._core.accounts.all(), self.chosen
        self._window.sidebar.show_accounts(accounts, chosen)
        self._troubled, problem = self._find_problem(accounts, chosen)
        self._window.sidebar.show_account_problem(problem)

    def _find_problem(self, accounts: tuple[Account, ...], chosen: str) -> tuple[str, Problem | None]:
        for account in accounts:
            problem = self._core.accounts.problem(account.id) if chosen in ("", account.id) else None
            if problem is not None:
                return account.id, problem
        return "", None

    # -- the wizard

    def open_wizard(self) -> None:
        """Open the wizard on a new session; without an account it begins with one."""
        self._open(Wizard(self._core, self._bridge, self.chosen, top_level(self._window)))

    def open_again(self, session: SessionId) -> None:
        """Open the wizard with an earlier session's options filled in."""
        self._open(Wizard(self._core, self._bridge, session.account, top_level(self._window), like=session))

    def open_earlier(self) -> None:
        """Show the earlier sessions of the chosen account, or of the first one."""
        known = self._core.accounts.all()
        account = next((one for one in known if self.chosen in ("", one.id)), None)
        if account is None:
            self.open_wizard()
            return
        dialog = EarlierDialog(self._core, self._bridge, account, top_level(self._window))
        dialog.chosen.connect(self.open_again)
        dialog.open()

    def open_account(self, account: str, *, new_key: bool = False) -> None:
        """Open the account page alone: another account (""), a key for ``account``, or with ``new_key`` one more."""
        wizard = Wizard(self._core, self._bridge, account, top_level(self._window), account_only=True)
        if new_key:
            wizard.account_page.ask_new_key()
        self._open(wizard)

    def _open(self, wizard: Wizard) -> None:
        if self.wizard is not None and self.wizard.isVisible():
            wizard.deleteLater()
            self.wizard.raise_()
            self.wizard.activateWindow()
            return
        self.wizard = wizard
        wizard.account_added.connect(self._added)
        wizard.launched.connect(self.launched)
        wizard.finished.connect(self._wizard_finished)
        wizard.open()

    def _added(self, account: str) -> None:
        self.choose(account)
        facts = next((known.facts for known in self._core.accounts.all() if known.id == account), "")
        if facts:
            self._window.say(f"Signed in: {facts}")

    def _wizard_finished(self) -> None:
        if self.wizard is not None:
            self.wizard.deleteLater()
            self.wizard = None
        self.changed.emit()

    # -- changing, removing and repairing

    def ask_route(self, account: str) -> None:
        known = next((one for one in self._core.accounts.all() if one.id == account), None)
        if known is not None:
            dialog = RouteDialog(self._core, self._bridge, known, top_level(self._window))
            dialog.saved.connect(lambda route: self._window.say(f"From the next connection on: {route}."))
            dialog.saved.connect(lambda _route: self.changed.emit())
            dialog.open()

    def ask_keys(self, account: str) -> None:
        """Show the account's API keys."""
        known = next((one for one in self._core.accounts.all() if one.id == account), None)
        if known is not None:
            dialog = ApiKeysDialog(self._core, self._bridge, known, top_level(self._window))
            dialog.changed.connect(self.changed)
            dialog.add_asked.connect(lambda: self.open_account(account, new_key=True))
            dialog.open()

    def _ask_remove(self, account: str) -> None:
        label = next((known.label for known in self._core.accounts.all() if known.id == account), account)
        text = "Its sessions go on running; SessionDock forgets the account and its secret."
        ask(top_level(self._window), f"Remove “{shortened(label, 60)}”?", text, "Remove",
            lambda: self._remove(account), identifier="confirm-remove-account")  # fmt: skip

    def _remove(self, account: str) -> None:
        def done(outcome: Outcome) -> None:
            if outcome.problem is not None:
                self._window.say(str(outcome.problem))
            self.changed.emit()

        self._bridge.submit("remove-account", lambda _cancel: self._core.sign_in.remove_account(account), done, self)

    def _remedy(self, remedy: Remedy) -> None:
        if remedy is Remedy.SIGN_IN:
            self.open_account(self._troubled)
        else:
            self._check(self._troubled)

    def _check(self, account: str) -> None:
        """Ask the server something now; the answer clears the account's problem or renews it."""
        known = next((one for one in self._core.accounts.all() if one.id == account), None)
        if known is None:
            return
        core, name = self._core, known.label

        def done(outcome: Outcome) -> None:
            self._window.say(str(outcome.problem) if outcome.problem else f"{name} answers.")
            self.changed.emit()

        if known.sandbox:
            self._bridge.submit("start-sandbox", core.sign_in.to_sandbox, done, self)
        else:
            self._bridge.submit("check-account", lambda cancel: core.launches.queues(account, cancel), done, self)
