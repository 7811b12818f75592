"""First run and New session in one dialog: account, then options, then launch. GUI thread; work runs as jobs.

With an account that is known it opens on the options, filled with the last launch: a second session is two clicks.
"""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.launch.exposed import warnings_of
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import Problem, Remedy
from desktop_app.domain.sessions.again import Again
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.dialogs.confirm import ask
from desktop_app.ui.dialogs.working import WorkingDialog
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.wizard.account_page import AccountPage
from desktop_app.ui.wizard.launch_page import LaunchPage
from desktop_app.ui.wizard.pages import TITLES, WizardPages

READING = "Reading how the session was launched…"


class Wizard(WorkingDialog):
    """``account_added`` (account id) and ``launched`` (SessionId)."""

    account_added = Signal(str)
    launched = Signal(object)

    def __init__(
        self,
        core: Core,
        bridge: Bridge,
        account: str,
        parent: QWidget | None = None,
        *,
        account_only: bool = False,
        like: SessionId | None = None,
    ) -> None:
        """``account_only``: nothing is launched; ``like``: the earlier session whose options are filled in."""
        self._stack = QStackedWidget()
        super().__init__(bridge, "wizard-banner", self._stack, parent)
        self._core = core
        self._account_only = account_only
        self._like = like  # until its options are in the form
        known = {one.id: one for one in core.accounts.all()}
        self._known: Account | None = known.get(account)
        self.account_page = AccountPage(core, bridge, self._known if account_only else None)
        self.launch_page = LaunchPage(core, bridge)
        self.pages = WizardPages(self.account_page, self.launch_page, self._stack, self, account_only=account_only)
        self._build()
        if account_only or not known:
            self._show_account()
        else:
            self._show_launch(account or next(iter(known)))
        if like is not None and account in known:
            self._read_earlier()

    def _build(self) -> None:
        self.setWindowTitle("New session" if not self._account_only else "Account")
        self.setAccessibleIdentifier("wizard")
        fit_screen(self, 660, 720)
        self.pages.lay_out(self, self.banner, self.foot)
        self.finder = self.pages.finder
        self.banner.remedy.connect(self._remedy)
        self.foot.onward.connect(self._next)
        self.account_page.chosen.connect(self._sign_in)
        self.launch_page.other_account.connect(lambda: self._show_account())
        self.launch_page.switched.connect(lambda: self.pages.show_launch("launch"))
        self.launch_page.list_failed.connect(self.banner.show_problem)

    # -- pages

    @property
    def on_account_page(self) -> bool:
        """True while the account's page is shown."""
        return self.pages.on_account

    def _show_account(self, account: Account | None = None) -> None:
        if account is not None:
            self.account_page.fill_in(account)
        self.pages.show_account()
        self.account_page.found.look()
        self.account_page.focus_first()

    def _show_launch(self, account: str) -> None:
        self.pages.show_launch("launch")
        self.launch_page.show_account(account)
        self.foot.next.setFocus()

    def _read_earlier(self) -> None:
        like = self._like
        if like is not None:
            self.start("again", READING, lambda cancel: self._core.history.again(like, cancel), self._show_earlier)

    def _show_earlier(self, value: object) -> None:
        if isinstance(value, Again):
            self._like = None
            self.pages.show_launch("again")
            self.setWindowTitle(TITLES["again"][0])
            self.launch_page.show_again(value)
            self.foot.next.setFocus()

    # -- going on

    def _next(self) -> None:
        if self.busy:
            return
        if self.on_account_page:
            self._verify()
        else:
            self._launch()

    def _verify(self) -> None:
        if self.account_page.check():
            text, work = self.account_page.work()
            self.start("account", text, work, self._verified)

    def _sign_in(self, found: Credentials) -> None:
        if not self.busy:
            text, work = self.account_page.work_with(found)
            self.start("account", text, work, self._verified)

    def _verified(self, value: object) -> None:
        self.account_page.forget_secret()
        if not isinstance(value, Account):
            return
        self.account_added.emit(value.id)
        if self._account_only:
            self.accept()
        else:
            self._show_launch(value.id)
            if self._like is not None and self._like.account == value.id:
                self._read_earlier()

    def _launch(self) -> None:
        spec = self.launch_page.form.checked()
        if spec is None:
            return
        exposed = warnings_of(spec)
        if exposed:
            ask(self, "Launch with secrets that others can read?", exposed[0], "Launch anyway",
                lambda: self._launch_now(spec), identifier="confirm-exposed")  # fmt: skip
        else:
            self._launch_now(spec)

    def _launch_now(self, spec: LaunchSpec) -> None:
        account, profile = self.launch_page.account, self.launch_page.profile_bar.current

        def work(cancel: Cancel) -> object:
            return self._core.launches.launch(account, spec, cancel, profile=profile)

        self.start("launch", "Creating the session…", work, self._launched)

    def _launched(self, value: object) -> None:
        if isinstance(value, SessionId):
            self.launched.emit(value)
        self.accept()

    def done(self, result: int) -> None:
        self.account_page.forget_secret()
        self.launch_page.form.forget_secrets()
        super().done(result)

    def _remedy(self, remedy: Remedy) -> None:
        problem: Problem | None = self.banner.problem
        if remedy is Remedy.RETRY and self._like is not None and not self.on_account_page:
            self._read_earlier()
        elif remedy is Remedy.SIGN_IN:
            known = {one.id: one for one in self._core.accounts.all()}
            self._show_account(known.get(self.launch_page.account))
        elif remedy is Remedy.OTHER_QUEUE:
            self.launch_page.focus_queue()
        elif problem is not None and problem.code.startswith("server.") and not self.on_account_page:
            self.banner.show_problem(None)
            self.launch_page.reload()
        else:
            self._next()
