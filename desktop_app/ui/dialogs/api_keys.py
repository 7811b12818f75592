"""The API keys of an account: which one is in use, which ones the server refuses; adding and removing them. GUI thread.

A secret is typed in the wizard's account page, never here.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.domain.accounts.account import Account, ApiKey
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.dialogs.confirm import ask
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.look.text import shortened
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.basics import ElidedLabel, button, label

HELP = (
    "The first key is in use. Where the server refuses it, everything goes on with the next one. Sessions, their keys, "
    "git logins and ports belong to the account and stay as long as it has a key."
)
SHOWN = 40  # characters of a key


class ApiKeysDialog(QDialog):
    """``changed`` after a key was removed; ``add_asked`` when the user wants to give another one."""

    changed = Signal()
    add_asked = Signal()

    def __init__(self, core: Core, bridge: Bridge, account: Account, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("API keys")
        self.setAccessibleIdentifier("api-keys-dialog")
        fit_screen(self, 560, 340)
        self._core, self._bridge, self._account = core, bridge, account
        self._rows = QVBoxLayout()
        self._rows.setSpacing(SPACE_S)
        self._problem = label(role="error", wrap=True)
        self._problem.setAccessibleIdentifier("api-keys-problem")
        self._problem.setVisible(False)
        self._build()
        self._fill()

    def _build(self) -> None:
        add = button("Add a key…", "primary", "api-keys-add")
        add.clicked.connect(self._add)
        close = button("Close", identifier="api-keys-close")
        close.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.setSpacing(SPACE_S)
        foot.addWidget(add)
        foot.addStretch()
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(ElidedLabel(f"API keys of {self._account.label}", "heading"))
        column.addWidget(label(HELP, "muted", wrap=True))
        column.addLayout(self._rows)
        column.addWidget(self._problem)
        column.addStretch()
        column.addLayout(foot)

    def _fill(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for number, key in enumerate(self._account.all_keys):
            self._rows.addWidget(self._row(number, key))

    def _row(self, number: int, key: ApiKey) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACE_M)
        line.addWidget(ElidedLabel(f"{shortened(key.shown, SHOWN)} · {state_of(number, key)}"), 1)
        remove = button("Remove…", identifier=f"api-keys-remove-{number}")
        remove.setAccessibleName(f"Remove the key {shortened(key.shown, SHOWN)}")
        remove.clicked.connect(lambda: self._ask_remove(key))
        line.addWidget(remove)
        return row

    def _add(self) -> None:
        self.accept()
        self.add_asked.emit()

    def _ask_remove(self, key: ApiKey) -> None:
        text = "Sessions and everything else of the account stay. To make the key useless, revoke it in ClearML, too."
        if len(self._account.all_keys) == 1:
            text = "It is the only one, so SessionDock forgets the account; its sessions go on running."
        ask(self, f"Remove the key {shortened(key.shown, SHOWN)}?", text, "Remove",
            lambda: self._remove(key), identifier="confirm-remove-key")  # fmt: skip

    def _remove(self, key: ApiKey) -> None:
        core, account = self._core, self._account.id
        self._bridge.submit("remove-key", lambda cancel: core.sign_in.remove_key(account, key.access_key, cancel),
                            self._removed, self)  # fmt: skip

    def _removed(self, outcome: Outcome) -> None:
        self._problem.setVisible(outcome.problem is not None)
        if outcome.problem is not None:
            self._problem.setText(str(outcome.problem))
            return
        self.changed.emit()
        if isinstance(outcome.value, Account):
            self._account = outcome.value
            self._fill()
        elif not outcome.cancelled:  # that was the last one
            self.accept()


def state_of(number: int, key: ApiKey) -> str:
    """Return what is known of a key, in words; ``number`` counts from the one in use."""
    if key.refused:
        return f"refused by the server since {key.refused[:16].replace('T', ' ')} UTC"
    return "in use" if number == 0 else "waits until the one in use is refused"
