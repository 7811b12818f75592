"""How the machines of an account's sessions are reached: the dialog that changes it. GUI thread.

A proxy's password lives in its field only until it was handed to the core.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.domain.access.route import DIRECT, Kind, Route, parse_route
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.problems import AppError
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.basics import ElidedLabel, button, label
from desktop_app.ui.widgets.line_field import LineField

HELP = (
    "Empty: straight to the machine\n"
    "ssh-config: as your ssh configuration says\n"
    "ssh://me@bastion:22, ssh://next: through jump hosts\n"
    "http://me@proxy:3128 or socks5://me@proxy:1080: through a proxy"
)
JUMP_HELP = "The jump host must be in your known_hosts, and your ssh-agent or key file must open it."


class RouteDialog(QDialog):
    """``saved`` carries the new Route."""

    saved = Signal(object)

    def __init__(self, core: Core, bridge: Bridge, account: Account, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Route to the sessions' machines")
        self.setAccessibleIdentifier("route-dialog")
        fit_screen(self, 520, 340)
        self._core, self._bridge, self._account = core, bridge, account
        self.route = LineField("Route", "route-text", "direct")
        self.password = LineField("Proxy password", "route-password", "unchanged", secret=True)
        self._note = label(JUMP_HELP, "muted", wrap=True)
        self._save = button("Save", "primary", "route-save")
        self._build()
        self.route.line.textChanged.connect(self._edited)
        self.route.line.setText(account.route)
        self._edited()

    def _build(self) -> None:
        self._save.setDefault(True)
        self._save.clicked.connect(self._saved)
        cancel = button("Cancel", identifier="route-cancel")
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addStretch()
        row.addWidget(cancel)
        row.addWidget(self._save)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(ElidedLabel(f"Route of {self._account.label}", "heading"))
        for widget in (self.route, label(HELP, "muted", wrap=True), self.password, self._note):
            column.addWidget(widget)
        column.addStretch()
        column.addLayout(row)

    def _edited(self) -> None:
        """Say what is wrong when Save is pressed, not while the user types."""
        self.route.show_error("")
        route = self._parsed() or DIRECT
        self.password.setVisible(route.takes_password)
        self._note.setVisible(route.kind is Kind.JUMP)

    def _parsed(self) -> Route | None:
        try:
            return parse_route(self.route.text)
        except AppError:
            return None

    def _saved(self) -> None:
        core, account, text, password = self._core, self._account, self.route.text, self.password.line.text()
        self._save.setEnabled(False)
        self._bridge.submit("set-route", lambda cancel: core.routes.set(account, text, password, cancel),
                            self._done, self)  # fmt: skip

    def _done(self, outcome: Outcome) -> None:
        self._save.setEnabled(True)
        if outcome.problem is not None:
            self.route.show_error(outcome.problem.detail or outcome.problem.title)
            self.route.line.setFocus()
        elif not outcome.cancelled:
            self.password.line.clear()
            self.saved.emit(outcome.value)
            self.accept()
