"""What sessions were given, for the window's tests: stands for core.handovers."""

from collections.abc import Callable
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.handover import GIT, KINDS, Handover, HandoverItem, HandoverKind, State
from desktop_app.domain.sessions.snapshot import SessionId


class FakeHandovers:
    """``call`` notes what was asked for, waits and fails as the test says (``FakeCore``)."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        states = {GIT.key: State.ASKED}
        self.found = Handover(
            "agent-1 at 10.0.0.5", tuple(HandoverItem(k.key, states.get(k.key, State.NONE)) for k in KINDS)
        )

    def view(self, session: SessionId, cancel: Cancel) -> Handover:
        self._call("handovers.view", cancel, session)
        return self.found

    def give(self, session: SessionId, kind: HandoverKind, cancel: Cancel) -> Handover:
        self._call("handovers.give", cancel, session, kind.key)
        return self._change(kind, State.GIVEN)

    def withhold(self, session: SessionId, kind: HandoverKind, cancel: Cancel) -> Handover:
        self._call("handovers.withhold", cancel, session, kind.key)
        return self._change(kind, State.WITHHELD)

    def _change(self, kind: HandoverKind, state: State) -> Handover:
        items = tuple(replace(item, state=state) if item.key == kind.key else item for item in self.found.items)
        self.found = replace(self.found, items=items)
        return self.found
