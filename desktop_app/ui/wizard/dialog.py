"""First run and New session in one dialog: account, then options, then launch. GUI thread; work runs as jobs.

With an account that is known it opens on the options, filled with the last launch: a second session is two clicks.
"""

from collections.abc import Callable

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.domain.account import Account
from desktop_app.domain.credentials import Credentials
from desktop_app.domain.problems import Problem, Remedy
from desktop_app.domain.session import SessionId
from desktop_app.ports import Cancel
from desktop_app.services.api import Core, Outcome
from desktop_app.ui.bridge import Bridge, Ticket
from desktop_app.ui.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets import Page, label
from desktop_app.ui.windows.banner import ProblemBanner
from desktop_app.ui.wizard.account_page import AccountPage
from desktop_app.ui.wizard.finder import OptionFinder
from desktop_app.ui.wizard.foot import WizardFoot
from desktop_app.ui.wizard.launch_page import LaunchPage

TITLES = {
    "account": ("Where do your sessions run?", "Choose once; you can add other accounts later."),
    "launch": ("New session", "What you choose is remembered for the next time."),
}


class Wizard(QDialog):
    """``account_added`` (account id) and ``launched`` (SessionId)."""

    account_added = Signal(str)
    launched = Signal(object)

    def __init__(
        self, core: Core, bridge: Bridge, account: str, parent: QWidget | None = None, *, account_only: bool = False
    ) -> None:
        super().__init__(parent)
        self._core, self._bridge = core, bridge
        self._account_only = account_only
        self._ticket: Ticket | None = None
        self._stopping = False
        known = {one.id: one for one in core.accounts()}
        self._known: Account | None = known.get(account)
        self.account_page = AccountPage(core, bridge, self._known if account_only else None)
        self.launch_page = LaunchPage(core, bridge)
        self._build()
        self._show_first(account, tuple(known))

    # -- building

    def _build(self) -> None:
        self.setWindowTitle("New session" if not self._account_only else "Account")
        self.setAccessibleIdentifier("wizard")
        self.resize(QSize(660, 720).boundedTo(self.screen().availableSize() - QSize(40, 60)))
        self._title, self._subtitle = label(role="title"), label(role="muted", wrap=True)
        self.banner = ProblemBanner("wizard-banner")
        self.banner.remedy.connect(self._remedy)
        self.finder = OptionFinder(self.launch_page.form, self)
        self.foot = WizardFoot()
        self.foot.onward.connect(self._next)
        self.foot.cancelled.connect(self.reject)
        self.foot.backward.connect(lambda: self._turn_to(1, "launch"))
        self._stack = QStackedWidget()
        self._stack.addWidget(self._scrolled(self.account_page, "Account"))
        self._stack.addWidget(self._scrolled(self.launch_page, "Launch options"))
        self.account_page.edited.connect(self._show_buttons)
        self.account_page.chosen.connect(self._sign_in)
        self.launch_page.other_account.connect(lambda: self._show_account())
        self.launch_page.list_failed.connect(self.banner.show_problem)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._head())
        column.addWidget(self._stack, 1)
        column.addWidget(self.foot)

    def _head(self) -> QVBoxLayout:
        head = QVBoxLayout()
        head.setContentsMargins(SPACE_XL, SPACE_XL, SPACE_XL, SPACE_M)
        head.setSpacing(SPACE_S)
        first = QHBoxLayout()
        first.setSpacing(SPACE_L)
        first.addWidget(self._title)
        first.addStretch(1)
        first.addWidget(self.finder, 3)
        head.addLayout(first)
        for widget in (self._subtitle, self.banner):
            head.addWidget(widget)
        return head

    @staticmethod
    def _scrolled(content: QWidget, name: str) -> Page:
        page = Page(name, SPACE_XL, 100)
        page.body.addWidget(content)
        return page

    # -- pages

    def _show_first(self, account: str, known: tuple[str, ...]) -> None:
        if self._account_only or not known:
            self._show_account()
        else:
            self._show_launch(account or known[0])

    @property
    def on_account_page(self) -> bool:
        return self._stack.currentIndex() == 0

    def _show_account(self, account: Account | None = None) -> None:
        if account is not None:
            self.account_page.fill_in(account)
        self._turn_to(0, "account")
        self.account_page.found.look()
        self.account_page.focus_first()

    def _show_launch(self, account: str) -> None:
        self._turn_to(1, "launch")
        self.launch_page.show_account(account)
        self.foot.next.setFocus()

    def _turn_to(self, index: int, title: str) -> None:
        self._stack.setCurrentIndex(index)
        self.finder.setVisible(not self.on_account_page)
        self._title.setText(TITLES[title][0])
        self._subtitle.setText(TITLES[title][1])
        self.banner.show_problem(None)
        self._show_buttons()

    def _show_buttons(self) -> None:
        # Back leads to the form as it was left; there is one once an account is known.
        self.foot.back.setVisible(self.on_account_page and bool(self.launch_page.account))
        if not self.on_account_page:
            text = "Launch"
        elif self.account_page.sandbox:
            text = "Use the sandbox"
        else:
            text = "Verify and continue" if not self._account_only else "Verify and save"
        self.foot.next.setText(text)

    # -- going on

    def _next(self) -> None:
        if self._ticket is not None:
            return
        if self.on_account_page:
            self._verify()
        else:
            self._launch()

    def _verify(self) -> None:
        if self.account_page.check():
            text, work = self.account_page.work()
            self._start("account", text, work, self._verified)

    def _sign_in(self, found: Credentials) -> None:
        if self._ticket is None:
            text, work = self.account_page.work_with(found)
            self._start("account", text, work, self._verified)

    def _verified(self, value: object) -> None:
        self.account_page.forget_secret()
        if not isinstance(value, Account):
            return
        self.account_added.emit(value.id)
        if self._account_only:
            self.accept()
        else:
            self._show_launch(value.id)

    def _launch(self) -> None:
        form, account = self.launch_page.form, self.launch_page.account
        if form.check_all():
            spec, profile = form.spec(), self.launch_page.profile_bar.current

            def work(cancel: Cancel) -> object:
                return self._core.launch(account, spec, cancel, profile=profile)

            self._start("launch", "Creating the session…", work, self._launched)

    def _launched(self, value: object) -> None:
        if isinstance(value, SessionId):
            self.launched.emit(value)
        self.accept()

    # -- a job and its progress

    def _start(self, name: str, text: str, work: Callable[[Cancel], object], then: Callable[[object], None]) -> None:
        self.banner.show_problem(None)
        self._show_progress(text)

        def done(outcome: Outcome) -> None:
            self._ticket = None
            self._show_progress("")
            self.banner.show_problem(outcome.problem)
            if outcome.problem is None and not outcome.cancelled:
                then(outcome.value)

        self._ticket = self._bridge.submit(name, work, done, self)

    def _show_progress(self, text: str) -> None:
        self._stopping = False
        self.foot.show_progress(text)
        self._stack.setEnabled(not text)

    def reject(self) -> None:
        """Escape and Cancel: stop the job under way first; the second press closes, even if the job did not listen."""
        if self._ticket is not None and not self._stopping:
            self._stopping = True
            self.foot.show_stopping()
            self._ticket.cancel()
            return
        super().reject()

    def done(self, result: int) -> None:
        if self._ticket is not None:
            self._ticket.drop()
            self._ticket = None
        self.account_page.forget_secret()
        self.launch_page.form.forget_secrets()
        super().done(result)

    def _remedy(self, remedy: Remedy) -> None:
        problem: Problem | None = self.banner.problem
        if remedy is Remedy.SIGN_IN:
            known = {one.id: one for one in self._core.accounts()}
            self._show_account(known.get(self.launch_page.account))
        elif remedy is Remedy.OTHER_QUEUE:
            self.launch_page.focus_queue()
        elif problem is not None and problem.code.startswith("server.") and not self.on_account_page:
            self.banner.show_problem(None)
            self.launch_page.reload()
        else:
            self._next()
