"""What the computer already holds: a row per set of credentials, with the button that uses it. GUI thread.

Looking happens on a job's thread, and nothing is used before its button was pressed.
"""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop_app.domain.accounts.credentials import Credentials, Offer
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.look.text import shortened
from desktop_app.ui.look.theme import SPACE_M, SPACE_S, SPACE_XS
from desktop_app.ui.widgets.basics import Card, ElidedLabel, button, label, retire

TITLE = "Found on this computer"
KEY_SHOWN = 6  # characters of the access key, to tell keys apart


class FoundCard(Card):
    """Hidden until something was found. ``chosen`` carries Credentials."""

    chosen = Signal(object)

    def __init__(self, core: Core, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(TITLE, parent)
        self._core, self._bridge = core, bridge
        self.setAccessibleName(TITLE)
        self.setAccessibleIdentifier("found-credentials")
        self._rows: list[QWidget] = []
        self.setVisible(False)

    def look(self) -> None:
        """Look again, and show what is there."""
        self._bridge.submit("find-credentials", self._core.credentials.found, self._show, self)

    def _show(self, outcome: Outcome) -> None:
        if not isinstance(outcome.value, Offer):
            return
        for row in self._rows:
            retire(row)
        self._rows = [self._row(number, found) for number, found in enumerate(outcome.value.found)]
        self._rows += [label(str(problem), "muted", wrap=True) for problem in outcome.value.problems]
        for row in self._rows:
            self.body.addWidget(row)
        self.setVisible(bool(self._rows))

    def _row(self, number: int, found: Credentials) -> QWidget:
        server = found.api_url.partition("://")[2] or found.api_url
        name = ElidedLabel(server, "section")
        name.setAccessibleIdentifier(f"found-server-{number}")
        words = QVBoxLayout()
        words.setSpacing(SPACE_XS)
        words.addWidget(name)
        words.addWidget(ElidedLabel(origin(found), "muted"))
        if found.warning:
            words.addWidget(self._warning(found.warning))
        use = button("Use this key" if found.access_key else "Use this token", "", f"found-use-{number}")
        use.setAccessibleName(f"{use.text()}: {server}, {origin(found)}")
        use.clicked.connect(lambda: self.chosen.emit(found))
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, SPACE_S, 0, 0)
        line.setSpacing(SPACE_M)
        line.addLayout(words, 1)
        line.addWidget(use)
        return row

    @staticmethod
    def _warning(text: str) -> QLabel:
        made = label(text, "error", wrap=True)
        made.setAccessibleIdentifier("found-warning")
        return made


def origin(found: Credentials) -> str:
    """Return where they are from, and which key it is."""
    key = f"key {shortened(found.access_key, KEY_SHOWN)}" if found.access_key else "access token"
    return f"{key} · from {found.source}"
