"""What a click does: every action and remedy as one call of the core. GUI thread; blocking calls go through the bridge.

How the work runs, and what becomes of what failed, is in work.py.
"""

from collections.abc import Callable

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QGuiApplication

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import Remedy
from desktop_app.domain.sessions.snapshot import Action, Link, SessionId, SessionSnapshot, allowed_actions
from desktop_app.services.core import Core
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.command_runner import Work

CLIPBOARD_HINT = "x-kde-passwordManagerHint"  # clipboard managers that know it keep no history of a secret


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
        self._table: dict[Action, Callable[[SessionId], None]] = {
            Action.TERMINAL: self._terminal,
            Action.COPY_SSH: self._copy_ssh,
            Action.COPY_PASSWORD: self._copy_password,
            Action.ATTACH: self._attach,
            Action.DETACH: self._detach,
            Action.RECONNECT: self._reconnect,
            Action.DIAGNOSE: self.ask_doctor.emit,
            Action.AGAIN: self.ask_again.emit,
            Action.SHUT_DOWN: self.ask_shut_down.emit,
            Action.CANCEL: self.stop,
            Action.OTHER_QUEUE: self.ask_queue.emit,
            Action.FORGET: self._forget,
        }

    def run(self, session: SessionId, action: Action, app: str = "") -> None:
        """``app`` is the application's key for Action.OPEN, the program's for Action.OPEN_IN."""
        if action is Action.OPEN:
            self._open(session, app)
        elif action is Action.OPEN_IN:
            self._open_in(session, app)
        else:
            self._table[action](session)

    def busy(self, session: SessionId, action: Action, app: str = "") -> bool:
        """True while this very action is under way, so that a second click does nothing."""
        return self.doing(session, action.value + app)

    # -- one per action

    def _open(self, session: SessionId, app: str) -> None:
        self._submit(session, Action.OPEN, lambda cancel: self._core.open_in.open_app(session, app, cancel), app=app)

    def _open_in(self, session: SessionId, key: str) -> None:
        self._submit(session, Action.OPEN_IN, lambda cancel: self._core.open_in.open(session, key, cancel), app=key)

    def let_ssh_find(self, session: SessionId) -> None:
        """A person agreed: change the ssh configuration, then do what needed it."""
        failure = self._failures.get(session)
        again = failure.again if failure else lambda: None
        self.do(session, "ssh-config", lambda _cancel: self._core.aliases.install(), lambda _changed: again())

    def _terminal(self, session: SessionId) -> None:
        self._submit(session, Action.TERMINAL, lambda cancel: self._core.open_in.open_terminal(session, cancel))

    def _copy_ssh(self, session: SessionId) -> None:
        def copied(value: object) -> None:
            QGuiApplication.clipboard().setText(str(value))
            self.said.emit("The ssh command is on the clipboard.")

        self._submit(session, Action.COPY_SSH, lambda cancel: self._core.open_in.ssh_command(session, cancel), copied)

    def _copy_password(self, session: SessionId) -> None:
        def copied(value: object) -> None:
            content = QMimeData()
            content.setText(str(value))
            content.setData(CLIPBOARD_HINT, b"secret")
            QGuiApplication.clipboard().setMimeData(content)
            self.said.emit("The SSH password is on the clipboard.")

        self._submit(session, Action.COPY_PASSWORD, lambda _cancel: self._core.passwords.of(session), copied)

    def _attach(self, session: SessionId) -> None:
        self._submit(session, Action.ATTACH, lambda cancel: self._core.connections.attach(session, cancel))

    def _detach(self, session: SessionId) -> None:
        self._submit(session, Action.DETACH, lambda _cancel: self._core.connections.detach(session))

    def _reconnect(self, session: SessionId) -> None:
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

    def _trust(self, session: SessionId) -> None:
        """The shown host key is confirmed; connect."""
        snapshot = self._core.store.get(session)
        problem = snapshot.problem if snapshot is not None else None

        def work(_cancel: Cancel) -> None:
            if problem is not None:
                self._core.keys.trust_host(session, problem.cause)
            self._core.connections.reconnect(session)

        self._submit(session, Action.RECONNECT, work)

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
                self._reconnect(snapshot.id)
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

    # -- remedies

    def remedy(self, session: SessionId, remedy: Remedy) -> None:
        """What a problem's button does."""
        table: dict[Remedy, Callable[[], None]] = {
            Remedy.RETRY: lambda: self._retry(session),
            # Asking the keyring again is what makes the system show its own unlock prompt.
            Remedy.UNLOCK_KEYRING: lambda: self._retry(session),
            Remedy.SIGN_IN: lambda: self.ask_sign_in.emit(session.account),
            Remedy.ROUTE: lambda: self.ask_route.emit(session.account),
            Remedy.OTHER_QUEUE: lambda: self.ask_queue.emit(session),
            Remedy.ENQUEUE: lambda: self.ask_queue.emit(session),
            Remedy.CANCEL_LAUNCH: lambda: self.stop(session),
            Remedy.REMOVE: lambda: self.stop(session),
            Remedy.SHOW_LOG: lambda: self.ask_log.emit(session),
            Remedy.ATTACH: lambda: self._attach(session),
            Remedy.END_ANYWAY: lambda: self.end_anyway(session),
            Remedy.WITH_IMAGE: lambda: self.ask_again.emit(session),
            Remedy.SHUT_DOWN: lambda: self.ask_shut_down.emit(session),
            Remedy.TRUST_HOST: lambda: self._trust(session),
            Remedy.ACCEPT_RUN: lambda: self._trust(session),
            Remedy.SSH_CONFIG: lambda: self.let_ssh_find(session),
            Remedy.ENTER_PASSPHRASE: lambda: self.ask_passphrase.emit(session),
        }
        table[remedy]()

    def _retry(self, session: SessionId) -> None:
        failure = self._failures.pop(session, None)
        if failure is not None:
            failure.again()
            return
        snapshot: SessionSnapshot | None = self._core.store.get(session)
        if snapshot is not None and Action.RECONNECT in allowed_actions(snapshot):
            self._core.connections.reconnect(session)
        elif snapshot is not None and Action.ATTACH in allowed_actions(snapshot):
            self._attach(session)
