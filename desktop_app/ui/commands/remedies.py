"""What a problem's button does: every remedy as a command, or as a question that the window asks. GUI thread."""

from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import Remedy
from desktop_app.domain.sessions.snapshot import Action, SessionId, allowed_actions
from desktop_app.services.core import Core
from desktop_app.ui.commands.commands import Commands


class Remedies:
    """One for the whole window."""

    def __init__(self, core: Core, commands: Commands) -> None:
        self._core, self._commands = core, commands
        self._table: dict[Remedy, Callable[[SessionId], None]] = {
            Remedy.RETRY: self._retry,
            # Asking the keyring again is what makes the system show its own unlock prompt.
            Remedy.UNLOCK_KEYRING: self._retry,
            Remedy.SIGN_IN: lambda session: commands.ask_sign_in.emit(session.account),
            Remedy.ROUTE: lambda session: commands.ask_route.emit(session.account),
            Remedy.OTHER_QUEUE: commands.ask_queue.emit,
            Remedy.ENQUEUE: commands.ask_queue.emit,
            Remedy.CANCEL_LAUNCH: commands.stop,
            Remedy.REMOVE: commands.stop,
            Remedy.SHOW_LOG: commands.ask_log.emit,
            Remedy.ATTACH: commands.attach,
            Remedy.END_ANYWAY: commands.end_anyway,
            Remedy.WITH_IMAGE: commands.ask_again.emit,
            Remedy.SHUT_DOWN: commands.ask_shut_down.emit,
            Remedy.TRUST_HOST: self._trust,
            Remedy.ACCEPT_RUN: self._trust,
            Remedy.SSH_CONFIG: self._let_ssh_find,
            Remedy.ENTER_PASSPHRASE: commands.ask_passphrase.emit,
        }

    def apply(self, session: SessionId, remedy: Remedy) -> None:
        """Do what the button says about that session."""
        self._table[remedy](session)

    def _retry(self, session: SessionId) -> None:
        """Run again what failed; where nothing did, connect."""
        again = self._commands.again_of(session)
        snapshot = self._core.store.get(session)
        allowed = allowed_actions(snapshot) if snapshot is not None else frozenset()
        if again is not None:
            again()
        elif Action.RECONNECT in allowed:
            self._core.connections.reconnect(session)
        elif Action.ATTACH in allowed:
            self._commands.attach(session)

    def _trust(self, session: SessionId) -> None:
        """Confirm the shown host key, and connect."""
        snapshot = self._core.store.get(session)
        problem = snapshot.problem if snapshot is not None else None

        def work(_cancel: Cancel) -> None:
            if problem is not None:
                self._core.keys.trust_host(session, problem.cause)
            self._core.connections.reconnect(session)

        self._commands.do(session, Action.RECONNECT.value, work)

    def _let_ssh_find(self, session: SessionId) -> None:
        """Change the user's ssh configuration, as they agreed to, then do what needed it."""
        again = self._commands.again_of(session)

        def then(_changed: object) -> None:
            if again is not None:
                again()

        self._commands.do(session, "ssh-config", lambda _cancel: self._core.aliases.install(), then)
