"""What the window asks the user and shows beside itself: about one session, about all, and before it goes. GUI thread.

Each is a dialog of its own; what the user answers becomes a command.
"""

from collections.abc import Callable

from desktop_app.domain.sessions.snapshot import Link, SessionId
from desktop_app.services.core import Core
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands.commands import Commands
from desktop_app.ui.dialogs.app_log import AppLogDialog
from desktop_app.ui.dialogs.cleanup import CleanupDialog
from desktop_app.ui.dialogs.confirm import ask
from desktop_app.ui.dialogs.doctor import DoctorDialog
from desktop_app.ui.dialogs.passphrase import PassphraseDialog
from desktop_app.ui.dialogs.queue import QueueDialog
from desktop_app.ui.look.text import count, shortened
from desktop_app.ui.windows.main_window import MainWindow, top_level


class Questions:
    """One for the whole window."""

    def __init__(self, core: Core, bridge: Bridge, commands: Commands, window: MainWindow) -> None:
        self._core = core
        self._bridge = bridge
        self._commands = commands
        self._window = window

    def name_of(self, session: SessionId) -> str:
        """Return what a sentence calls the session: one line, not too long."""
        snapshot = self._core.store.get(session)
        return shortened(" ".join((snapshot.name if snapshot else session.task[:8]).split()), 60)

    # -- about one session

    def shut_down(self, session: SessionId) -> None:
        """Ask whether to end the session, and end it."""
        title = f"Shut down “{self.name_of(session)}”?"
        text = "Its applications and terminals end and the agent becomes free. What was not saved there is lost."
        ask(top_level(self._window), title, text, "Shut down", lambda: self._commands.stop(session),
            identifier="confirm-shut-down")  # fmt: skip

    def queue(self, session: SessionId) -> None:
        """Ask for another queue, and put the session there."""
        snapshot = self._core.store.get(session)
        verb = "Put" if snapshot is not None and snapshot.facts.unplaced else "Move"
        dialog = QueueDialog(
            self._core, self._bridge, session.account, self.name_of(session), top_level(self._window), verb
        )
        dialog.chosen.connect(lambda queue: self._commands.move(session, queue))
        dialog.open()

    def passphrase(self, session: SessionId) -> None:
        """Ask for the passphrase of a session of another computer, and connect with it."""
        dialog = PassphraseDialog(self.name_of(session), top_level(self._window))
        dialog.given.connect(lambda passphrase: self._commands.unlock(session, passphrase))
        dialog.open()

    def examine(self, session: SessionId) -> None:
        """Show what keeps the session from being used."""
        DoctorDialog(self._core, self._bridge, session, self.name_of(session), top_level(self._window)).open()

    # -- about all

    def clean_up(self, account: str) -> None:
        """Ask which finished sessions of this account to delete; of the first one where none is chosen ("")."""
        accounts = self._core.accounts.all()
        account = account or (accounts[0].id if accounts else "")
        if not account:
            self._window.say("There is no account yet.")
            return
        dialog = CleanupDialog(self._core, self._bridge, account, top_level(self._window))
        dialog.done_with.connect(self._window.say)
        dialog.open()

    def show_app_log(self) -> None:
        """Show the newest lines of the program's own log."""
        AppLogDialog(self._core, self._window).open()

    def quit(self, leave: Callable[[], None]) -> None:
        """Leave, after asking if that cuts connections. Remote sessions go on either way."""
        connected = sum(snapshot.link is not Link.OFF for snapshot in self._core.store.all())
        if not connected:
            leave()
            return
        text = "The sessions go on running, but their local addresses stop until you start SessionDock again."
        ask(top_level(self._window), f"Quit and disconnect {count(connected, 'session')}?", text, "Quit", leave,
            identifier="confirm-quit")  # fmt: skip
