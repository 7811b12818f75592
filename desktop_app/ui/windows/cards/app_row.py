"""One application of a session in the details: its state, its local address and what can be done with it. GUI thread.

Which buttons an application gets follows from its spec (``opens``), never from which application it is.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from desktop_app.domain.sessions.snapshot import Action, Endpoint, local_address
from desktop_app.ui.commands.actions import Key, SessionActions
from desktop_app.ui.look import icons
from desktop_app.ui.look.status import Shape, app_look
from desktop_app.ui.look.text import tooltip
from desktop_app.ui.look.theme import SPACE_XS, Tone
from desktop_app.ui.widgets.basics import ActionButton, Glyph, button, label
from desktop_app.ui.widgets.split_row import SplitRow

ICON_SIDE = 28
WORDS = 22  # characters: “Installing: 3 of 6”, or a name
KINDS = {Action.OPEN: "primary"}  # what most users came for


def keys_for(endpoint: Endpoint) -> tuple[Key, ...]:
    """Return the actions that belong to this application."""
    spec = endpoint.spec
    if spec is None:
        return ()
    if spec.opens == "browser":
        return (Key(Action.OPEN, spec.key),)
    return (Key(Action.TERMINAL), Key(Action.COPY_SSH))


def state_text(word: str, detail: str) -> str:
    """Return “Installing: 3 of 6”; a detail that says the state itself stands alone."""
    if not detail:
        return word
    if detail.casefold().startswith(word.casefold()):
        return detail[0].upper() + detail[1:]
    return f"{word}: {detail}"


class AppRow(SplitRow):
    """Follows one endpoint. ``copied`` asks to put the address on the clipboard."""

    copied = Signal(str)

    def __init__(self, endpoint: Endpoint, parent: QWidget | None = None) -> None:
        super().__init__(WORDS, _picture(endpoint), parent)
        self._address = ""
        self._glyph = Glyph(Shape.CLOCK, Tone.NEUTRAL, 14)
        self._name = label(endpoint.label, "section")
        self._state = label(role="muted", wrap=True)
        self._state.setAccessibleIdentifier(f"app-state-{endpoint.app}")
        self._where = button("", "link", f"app-address-{endpoint.app}")
        self._where.clicked.connect(lambda: self.copied.emit(self._address))
        self._buttons = {key: ActionButton(KINDS.get(key.action, "")) for key in keys_for(endpoint)}
        self._lay_out()

    def _lay_out(self) -> None:
        state = QHBoxLayout()
        state.setSpacing(SPACE_XS + 2)
        state.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        state.addWidget(self._state, 1)
        self.words.addStretch()
        self.words.addWidget(self._name)
        self.words.addLayout(state)
        self.words.addStretch()
        for one in (self._where, *self._buttons.values()):
            self.tail.addWidget(one)

    def follow(self, endpoint: Endpoint, actions: SessionActions) -> None:
        tone, shape, word = app_look(endpoint.state)
        self._glyph.show_shape(shape, tone)
        self._state.setText(state_text(word, endpoint.detail))
        self._address = local_address(endpoint.app, endpoint.local_port)
        self._where.setText(self._address)
        self._where.setVisible(bool(self._address))
        self._where.setAccessibleName(f"{self._address}, copy the local address of {endpoint.label}")
        self._where.setToolTip(tooltip(f"Copy {self._address}"))
        for key, one in self._buttons.items():
            one.bind(actions.get(key))
        self.arrange()


def _picture(endpoint: Endpoint) -> QLabel:
    made = QLabel()
    made.setFixedSize(ICON_SIDE, ICON_SIDE)
    if endpoint.spec is not None:
        made.setPixmap(icons.icon(endpoint.spec.icon).pixmap(ICON_SIDE, ICON_SIDE))
    return made
