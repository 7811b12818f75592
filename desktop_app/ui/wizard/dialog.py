"""First run and New session in one dialog: account, then options, then launch. GUI thread; work runs as jobs.

With an account that is known it opens on the options, filled with the last launch: a second session is two clicks.
"""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

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
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.basics import Page, label
from desktop_app.ui.widgets.screen import fit_screen
from desktop_app.ui.wizard.account_page import AccountPage
from desktop_app.ui.wizard.finder import OptionFinder
from desktop_app.ui.wizard.launch_page import LaunchPage

TITLES = {
    "account": ("Where do your sessions run?", "Choose once; you can add other accounts later."),
    "launch": ("New session", "What you choose is remembered for the next time."),
    "again": ("Launch again", "Filled in as the earlier session was launched. Look it over, then launch."),
}
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
        self._launch_title = "launch"  # or "again"
        known = {one.id: one for one in core.accounts.all()}
        self._known: Account | None = known.get(account)
        self.account_page = AccountPage(core, bridge, self._known if account_only else None)
        self.launch_page = LaunchPage(core, bridge)
        self._build()
        self._show_first(account, tuple(known))
        if like is not None and account in known:
            self._read_earlier()

    # -- building

    def _build(self) -> None:
        self.setWindowTitle("New session" if not self._account_only else "Account")
        self.setAccessibleIdentifier("wizard")
        fit_screen(self, 660, 720)
        self._title, self._subtitle = label(role="title"), label(role="muted", wrap=True)
        self.banner.remedy.connect(self._remedy)
        self.finder = OptionFinder(self.launch_page.form, self)
        self.foot.onward.connect(self._next)
        self.foot.backward.connect(lambda: self._turn_to(1, self._launch_title))
        self._stack.addWidget(self._scrolled(self.account_page, "Account"))
        self._stack.addWidget(self._scrolled(self.launch_page, "Launch options"))
        self.account_page.edited.connect(self._show_buttons)
        self.account_page.chosen.connect(self._sign_in)
        self.launch_page.other_account.connect(lambda: self._show_account())
        self.launch_page.switched.connect(lambda: self._show_launch_title("launch"))
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
        self._show_launch_title("launch")
        self.launch_page.show_account(account)
        self.foot.next.setFocus()

    def _read_earlier(self) -> None:
        like = self._like
        if like is not None:
            self.start("again", READING, lambda cancel: self._core.history.again(like, cancel), self._show_earlier)

    def _show_earlier(self, value: object) -> None:
        if isinstance(value, Again):
            self._like = None
            self._show_launch_title("again")
            self.setWindowTitle(TITLES["again"][0])
            self.launch_page.show_again(value)
            self.foot.next.setFocus()

    def _show_launch_title(self, title: str) -> None:
        self._launch_title = title
        self._turn_to(1, title)

    def _turn_to(self, index: int, title: str) -> None:
        self._stack.setCurrentIndex(index)
        self.finder.setVisible(False)  # beside the longer title it would widen the window
        self._title.setText(TITLES[title][0])
        self.finder.setVisible(not self.on_account_page)
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
