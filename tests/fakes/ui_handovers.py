"""What sessions were given, for the window's tests: implements services.api.Handovers in memory."""

from collections.abc import Callable
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.handover import GIT, KINDS, Gift, GiftKind, Handover, State
from desktop_app.domain.sessions.snapshot import SessionId


class FakeHandovers:
    """``call`` notes what was asked for, waits and fails as the test says (``FakeCore``)."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        states = {GIT.key: State.ASKED}
        self.found = Handover("agent-1 at 10.0.0.5", tuple(Gift(k.key, states.get(k.key, State.NONE)) for k in KINDS))

    def view(self, session: SessionId, cancel: Cancel) -> Handover:
        self._call("handovers.view", cancel, session)
        return self.found

    def give(self, session: SessionId, kind: GiftKind, cancel: Cancel) -> Handover:
        self._call("handovers.give", cancel, session, kind.key)
        return self._change(kind, State.GIVEN)

    def withhold(self, session: SessionId, kind: GiftKind, cancel: Cancel) -> Handover:
        self._call("handovers.withhold", cancel, session, kind.key)
        return self._change(kind, State.WITHHELD)

    def _change(self, kind: GiftKind, state: State) -> Handover:
        gifts = tuple(replace(gift, state=state) if gift.key == kind.key else gift for gift in self.found.gifts)
        self.found = replace(self.found, gifts=gifts)
        return self.found
