"""The two pages of the wizard, the title above and the buttons below them: which one is shown, and what it is called.

GUI thread.
"""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.banner import ProblemBanner
from desktop_app.ui.widgets.basics import Page, label
from desktop_app.ui.widgets.foot import Foot
from desktop_app.ui.wizard.account_page import AccountPage
from desktop_app.ui.wizard.finder import OptionFinder
from desktop_app.ui.wizard.launch_page import LaunchPage

TITLES = {
    "account": ("Where do your sessions run?", "Choose once; you can add other accounts later."),
    "launch": ("New session", "What you choose is remembered for the next time."),
    "again": ("Launch again", "Filled in as the earlier session was launched. Look it over, then launch."),
}
ACCOUNT, LAUNCH = range(2)


class WizardPages(QObject):
    """``stack`` shows one of the pages; ``account_only``: nothing is launched after it."""

    def __init__(
        self, account: AccountPage, launch: LaunchPage, stack: QStackedWidget, wizard: QWidget, *, account_only: bool
    ) -> None:
        super().__init__(wizard)
        self._account, self._launch, self.stack = account, launch, stack
        self._account_only = account_only
        self._launch_title = "launch"  # or "again"
        self._title, self._subtitle = label(role="title"), label(role="muted", wrap=True)
        self.finder = OptionFinder(launch.form, wizard)
        for page, name in ((account, "Account"), (launch, "Launch options")):
            scrolled = Page(name, SPACE_XL, 100)
            scrolled.body.addWidget(page)
            stack.addWidget(scrolled)

    def lay_out(self, wizard: QWidget, banner: ProblemBanner, foot: Foot) -> None:
        """Put everything into the wizard."""
        self._banner, self._foot = banner, foot
        foot.backward.connect(lambda: self.show_launch(self._launch_title))
        self._account.edited.connect(self._show_buttons)
        head = QVBoxLayout()
        head.setContentsMargins(SPACE_XL, SPACE_XL, SPACE_XL, SPACE_M)
        head.setSpacing(SPACE_S)
        first = QHBoxLayout()
        first.setSpacing(SPACE_L)
        first.addWidget(self._title)
        first.addStretch(1)
        first.addWidget(self.finder, 3)
        head.addLayout(first)
        for widget in (self._subtitle, banner):
            head.addWidget(widget)
        column = QVBoxLayout(wizard)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.stack, 1)
        column.addWidget(foot)

    @property
    def on_account(self) -> bool:
        """True while the account's page is shown."""
        return self.stack.currentIndex() == ACCOUNT

    def show_account(self) -> None:
        """Turn to the account's page."""
        self._turn_to(ACCOUNT, "account")

    def show_launch(self, title: str) -> None:
        """Turn to the launch's page, for a "launch" or for one "again"."""
        self._launch_title = title
        self._turn_to(LAUNCH, title)

    def _turn_to(self, index: int, title: str) -> None:
        self.stack.setCurrentIndex(index)
        self.finder.setVisible(False)  # beside the longer title it would widen the window
        self._title.setText(TITLES[title][0])
        self.finder.setVisible(not self.on_account)
        self._subtitle.setText(TITLES[title][1])
        self._banner.show_problem(None)
        self._show_buttons()

    def _show_buttons(self) -> None:
        # Back leads to the form as it was left; there is one once an account is known.
        self._foot.back.setVisible(self.on_account and bool(self._launch.account))
        if not self.on_account:
            text = "Launch"
        elif self._account.sandbox:
            text = "Use the sandbox"
        else:
            text = "Verify and continue" if not self._account_only else "Verify and save"
        self._foot.next.setText(text)
