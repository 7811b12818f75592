"""The other SessionDock processes of this user, and the messages that this one sends them. Any thread; blocking.

They are answered in ``peer_requests``.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from desktop_app.boundary.peers import WINDOW, Holder, PeerNames, owned_by
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import SessionId

HAND_OVER_S = 5.0
GONE_S = 1.0  # from the broken answer of a process that ends to its end

_log = logging.getLogger(__name__)

OP_ATTACH = "attach"
OP_DETACH = "detach"
OP_GIVE_UP = "give-up"  # a window asks a command line to hand its tunnel over
OP_ACTIVATE = "activate"
OP_LOOK = "look"  # something has changed on the server


class Peers:
    """Finds the process that holds a session (or the window) and asks it. Problems: tunnel.owned, and the holder's."""

    def __init__(self, names: PeerNames) -> None:
        self._names = names

    def of(self, session: SessionId) -> Holder | None:
        """Return the other process that holds this session's connection, None where none does."""
        return self._names.holder(session.text)

    def window(self) -> Holder | None:
        """Return the other process whose window is open, None where none is."""
        return self._names.holder(WINDOW)

    def take(self, session: SessionId) -> Holder | None:
        """Make the session ours; a window has command lines hand theirs over. Return who refuses to, else None."""
        if self._names.claim(session.text):
            return None
        holder = self.of(session)
        if holder is not None and self._names.role == WINDOW and holder.role != WINDOW:
            self._ask_to_let_go(holder, OP_GIVE_UP, session)
        seconds = HAND_OVER_S if holder and self._names.role == WINDOW else 1.0
        if _wait_claim(self._names, session.text, seconds):
            return None
        return self.of(session) or holder or Holder(0)

    def window_attaches(self, window: Holder, session: SessionId) -> None:
        """Have that window attach the session. Problems: tunnel.owned, and its own"""
        self.ask(window, OP_ATTACH, session)

    def detach(self, holder: Holder, session: SessionId) -> None:
        """Have that process detach the session. Problems: tunnel.owned"""
        self._ask_to_let_go(holder, OP_DETACH, session)

    def _ask_to_let_go(self, holder: Holder, op: str, session: SessionId) -> None:
        """Ask; a command line that lets go ends at once, often before it has answered, which is answer enough."""
        try:
            self.ask(holder, op, session)
        except AppError as error:
            if error.problem.code != "tunnel.owned" or not self._gone(holder, session):
                raise

    def _gone(self, holder: Holder, session: SessionId) -> bool:
        end = time.monotonic() + GONE_S
        while (current := self.of(session)) is not None and current.pid == holder.pid:
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        return True

    def claim_window(self) -> bool:
        """Become the one window; False after bringing up the one that there is."""
        if self._names.claim(WINDOW):
            return True
        self.show_window()
        return False

    def show_window(self) -> None:
        """Bring up the window that is open."""
        window = self.window()
        if window is not None:
            self._names.ask(window, OP_ACTIVATE, WINDOW)

    def tell_window(self, session: SessionId) -> None:
        """Have the window of another process look at the session's server now. A window that is just closing, or does
        not answer, will look by itself."""
        window = self.window()
        if window is None or not window.address:
            return
        try:
            self.ask(window, OP_LOOK, session)
        except AppError as error:
            _log.info("the window was not told of %s: %s", session.text, error)

    def ask(self, holder: Holder, op: str, session: SessionId, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to one message about a session. Problems: tunnel.owned, and the holder's own"""
        if not holder.address:
            raise owned_by(holder.pid)
        return self._names.ask(holder, op, session.text, args)


def _wait_claim(names: PeerNames, name: str, seconds: float) -> bool:
    """Claim a name that its holder is about to give up; True once it is ours."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if names.claim(name, 0.2):
            return True
    return False
