"""What of the user's own the selected session gets: each kind with its consequence and a button. GUI thread.

The machine that everything goes to is named above the buttons: pressing Give is the consent. Asks the session when the
connection comes up, when its notice changes, and after each press.
"""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.handover import KINDS, Handover, HandoverKind, State
from desktop_app.domain.problems import Problem
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot, answers
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.look.text import tooltip
from desktop_app.ui.widgets.basics import Card, button, label
from desktop_app.ui.widgets.split_row import SplitRow

WORDS = 40  # characters: half a sentence
ASKING = "Asking the session…"
STATES = {
    State.NONE: "",
    State.ASKED: "Waits for your consent.",
    State.GIVEN: "Given; again after each reconnect.",
    State.WITHHELD: "Not given.",
}


class HandoverCard(Card):
    """Follows one session."""

    def __init__(self, core: Core, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__("Given to this session", parent)
        self._core, self._bridge = core, bridge
        self._session: SessionId | None = None
        self._notice: Problem | None = None
        self._up = self._busy = False
        self._named = False  # the session told which machine it is on
        self._place = label(ASKING, "muted", wrap=True)
        self._place.setAccessibleIdentifier("handover-place")
        self.body.addWidget(self._place)
        self._rows = {kind.key: HandoverRow(kind, self._give, self._withhold) for kind in KINDS}
        for row in self._rows.values():
            self.body.addWidget(row)

    def follow(self, snapshot: SessionSnapshot) -> None:
        up = answers(snapshot)
        news = snapshot.id != self._session or (up and not self._up) or snapshot.notice != self._notice
        if snapshot.id != self._session:
            self._forget()
        self._session, self._up, self._notice = snapshot.id, up, snapshot.notice
        self.setVisible(up)
        if up and news and not self._busy:
            self._ask("handover", self._core.handovers.view)

    def _forget(self) -> None:
        """Empty the card: what was agreed to for one machine must not be pressed under another one's name."""
        self._busy = self._named = False
        self._place.setText(ASKING)
        for row in self._rows.values():
            row.setEnabled(False)
            row.show_state(State.NONE, "")

    def _give(self, kind: HandoverKind) -> None:
        self._ask("give", lambda session, cancel: self._core.handovers.give(session, kind, cancel))

    def _withhold(self, kind: HandoverKind) -> None:
        self._ask("withhold", lambda session, cancel: self._core.handovers.withhold(session, kind, cancel))

    def _ask(self, name: str, what: Callable[[SessionId, Cancel], Handover]) -> None:
        session = self._session
        if session is None:
            return
        self._busy = True
        for row in self._rows.values():
            row.setEnabled(False)

        def answered(outcome: Outcome) -> None:
            if session != self._session:
                return
            self._busy = False
            if isinstance(outcome.value, Handover):
                self._show(outcome.value)
            elif outcome.problem is not None:
                self._place.setText(str(outcome.problem))
            for row in self._rows.values():
                row.setEnabled(self._named)

        self._bridge.submit(name, lambda cancel: what(session, cancel), answered, self)

    def _show(self, found: Handover) -> None:
        self._named = bool(found.place)
        self._place.setText(f"What you give goes to {found.place}, encrypted, and is never written into the task.")
        for item in found.items:
            if item.key in self._rows:
                self._rows[item.key].show_state(item.state, found.place)


class HandoverRow(SplitRow):
    """One kind: what it is for, how it stands, and the button for the other way."""

    def __init__(
        self, kind: HandoverKind, give: Callable[[HandoverKind], None], withhold: Callable[[HandoverKind], None]
    ) -> None:
        super().__init__(WORDS)
        self._kind = kind
        self._state = label("", "muted")
        self._state.setAccessibleIdentifier(f"handover-state-{kind.word}")
        self._give = button("Give", "", f"handover-give-{kind.word}")
        self._give.clicked.connect(lambda: give(kind))
        self._refuse = button("Don't give", "quiet", f"handover-refuse-{kind.word}")
        self._back = button("Take back", "quiet", f"handover-back-{kind.word}")
        for one in (self._refuse, self._back):
            one.clicked.connect(lambda: withhold(kind))
        self._lay_out()
        self.show_state(State.NONE, "")

    def _lay_out(self) -> None:
        self.words.addWidget(label(self._kind.label, "section"))
        self.words.addWidget(label(self._kind.effect, "muted", wrap=True))
        self.words.addWidget(self._state)
        for one in (self._give, self._refuse, self._back):
            self.tail.addWidget(one)

    def show_state(self, state: State, place: str) -> None:
        self._state.setText(STATES[state])
        self._state.setVisible(bool(STATES[state]))
        self._give.setVisible(state is not State.GIVEN)
        self._refuse.setVisible(state is State.ASKED)
        self._back.setVisible(state is State.GIVEN)
        for one, verb in ((self._give, "Give"), (self._refuse, "Don't give"), (self._back, "Take back")):
            one.setAccessibleName(f"{verb} {self._kind.what}")
        self._give.setToolTip(tooltip(f"Give {self._kind.what} to {place or 'the session'}"))
        self.arrange()
