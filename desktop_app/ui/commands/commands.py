"""What a click does: every action as one call of the core. GUI thread; blocking calls go through the bridge.

How the work runs, and what becomes of what failed, is in ``runner``; what a problem's button does in
``remedies``.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.sessions.snapshot import Action, Link, SessionId, allowed_actions
from desktop_app.services.core import Core
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands.access import Access
from desktop_app.ui.commands.runner import Work


class Commands(Work):
    """One for the whole window. Signals ask for what needs a view: a question, the log, the account form."""

    said = Signal(str)  # a short sentence of success
    ask_shut_down = Signal(object)  # SessionId
    ask_queue = Signal(object)  # SessionId
    ask_log = Signal(object)  # SessionId
    ask_doctor = Signal(object)  # SessionId
    ask_again = Signal(object)  # SessionId
    ask_sign_in = Signal(str)  # account id
    ask_route = Signal(str)  # account id
    ask_passphrase = Signal(object)  # SessionId

    def __init__(self, core: Core, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(bridge, parent)
        self._core = core
        self.access = Access(core, self, self.said.emit)
        self._table: dict[Action, Callable[[SessionId], None]] = {
            Action.TERMINAL: self.access.terminal,
            Action.COPY_SSH: self.access.copy_ssh,
            Action.COPY_PASSWORD: self.access.copy_password,
            Action.ATTACH: self.attach,
            Action.DETACH: self._detach,
            Action.RECONNECT: self.reconnect,
            Action.DIAGNOSE: self.ask_doctor.emit,
            Action.AGAIN: self.ask_again.emit,
            Action.SHUT_DOWN: self.ask_shut_down.emit,
            Action.CANCEL: self.stop,
            Action.OTHER_QUEUE: self.ask_queue.emit,
            Action.FORGET: self._forget,
        }

    def run(self, session: SessionId, action: Action, app: str = "") -> None:
        """Run the action; ``app`` is the application's key for Action.OPEN, the program's for Action.OPEN_IN."""
        if action is Action.OPEN:
            self.access.open_app(session, app)
        elif action is Action.OPEN_IN:
            self.access.open_in(session, app)
        else:
            self._table[action](session)

    # -- one per action

    def attach(self, session: SessionId) -> None:
        self._submit(session, Action.ATTACH, lambda cancel: self._core.connections.attach(session, cancel))

    def _detach(self, session: SessionId) -> None:
        self._submit(session, Action.DETACH, lambda _cancel: self._core.connections.detach(session))

    def reconnect(self, session: SessionId) -> None:
        self.dismiss(session)
        self._core.connections.reconnect(session)

    def _forget(self, session: SessionId) -> None:
        self._failures.pop(session, None)
        self._core.sessions.forget(session)

    def stop(self, session: SessionId) -> None:
        """Shut down or cancel, without asking again."""
        self._submit(session, Action.SHUT_DOWN, lambda cancel: self._core.sessions.stop(session, cancel))

    def end_anyway(self, session: SessionId) -> None:
        self._submit(session, Action.SHUT_DOWN, lambda cancel: self._core.sessions.end_anyway(session, cancel))

    def move(self, session: SessionId, queue: str) -> None:
        self._submit(
            session, Action.OTHER_QUEUE, lambda cancel: self._core.sessions.move_to_queue(session, queue, cancel)
        )

    def unlock(self, session: SessionId, passphrase: str) -> None:
        """Fetch the key of a session of another computer, then connect."""

        def work(cancel: Cancel) -> None:
            self._core.keys.unlock(session, passphrase, cancel)
            self._core.connections.attach(session, cancel)

        self._submit(session, Action.ATTACH, work)

    def reconnect_all(self) -> None:
        """Redial every broken link now; one that looks whole has to prove it."""
        for snapshot in self._core.store.all():
            if Action.RECONNECT in allowed_actions(snapshot):
                self.reconnect(snapshot.id)
            elif snapshot.link is Link.UP:
                self._core.connections.reconnect(snapshot.id)

    def _submit(
        self,
        session: SessionId,
        action: Action,
        work: Callable[[Cancel], object],
        then: Callable[[object], None] = lambda _value: None,
        app: str = "",
    ) -> None:
        self.do(session, action.value + app, work, then)
