"""What this computer has to open sessions in, and what the user decides about it: which terminal, and whether ssh may
know the sessions (a switch in the menu, one question when a program needs it). GUI thread; looking goes through jobs.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import Problem, Remedy
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.services.ssh.open_in import Installed
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands.remedies import Remedies
from desktop_app.ui.dialogs.confirm import ask
from desktop_app.ui.state import WindowState
from desktop_app.ui.windows.main_window import MainWindow, top_level

SWITCH = "Let ssh and editors find sessions"
SWITCH_HELP = "Adds one line to your ssh configuration, so that ssh sd-NAME, git and editors reach a session"
OWN_TERMINAL = "The desktop's own"
QUESTION = "Let ssh and editors find your sessions?"


class OpenIn(QObject):
    """Looks when the window starts, and whenever its menu opens. ``found``: keys of the programs that there are."""

    found = Signal(object)

    def __init__(
        self, core: Core, bridge: Bridge, remedies: Remedies, window: MainWindow, state: WindowState, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._core, self._bridge, self._remedies = core, bridge, remedies
        self._window, self._state = window, state
        self._looking = False
        self._build()

    def _build(self) -> None:
        menu, before = self._window.menu, self._window.menu.end
        self._terminals = QMenu("Terminal program", menu)
        self._switch = QAction(SWITCH, menu, checkable=True)
        self._switch.setObjectName("ssh-switch")
        self._switch.setToolTip(SWITCH_HELP)
        self._switch.triggered.connect(self._switched)
        menu.insertMenu(before, self._terminals)
        menu.insertAction(before, self._switch)
        menu.aboutToShow.connect(self.look)

    # -- looking

    @property
    def busy(self) -> bool:
        """True if it is looking right now."""
        return self._looking

    def look(self) -> None:
        if not self._looking:
            self._looking = True
            self._bridge.submit("look for programs", self._core.open_in.look, self._looked, self)

    def _looked(self, outcome: Outcome) -> None:
        self._looking = False
        if isinstance(outcome.value, Installed):
            self._switch.setChecked(outcome.value.ssh_ready)
            self._show_terminals(outcome.value)
            self.found.emit(frozenset(outcome.value.programs))

    def _show_terminals(self, installed: Installed) -> None:
        self._terminals.clear()
        self._terminals.menuAction().setVisible(len(installed.terminals) > 1)
        group = QActionGroup(self._terminals)
        for name in ("", *installed.terminals):
            entry = QAction(name or OWN_TERMINAL, group, checkable=True)
            entry.setChecked(name == installed.terminal)
            entry.triggered.connect(lambda _on=False, name=name: self._choose_terminal(name))
            self._terminals.addAction(entry)

    # -- deciding

    def _choose_terminal(self, name: str) -> None:
        self._do(lambda _cancel: self._core.open_in.choose_terminal(name), "SSH terminals open in the chosen program.")

    def _switched(self, on: bool) -> None:
        if on:
            self._do(lambda _cancel: self._core.aliases.install(), "Your ssh and editors know the sessions now.")
        else:
            self._do(lambda _cancel: self._core.aliases.remove(), "Your ssh configuration is as it was.")

    def _do(self, work: Callable[[Cancel], object], said: str) -> None:
        def done(outcome: Outcome) -> None:
            self._window.say(str(outcome.problem) if outcome.problem else said)
            self.look()

        self._bridge.submit("open-in settings", work, done, self)

    def asks_for(self, session: SessionId, problem: Problem) -> bool:
        """Ask once, in the moment when the answer matters; later the problem's own button is there. Whether it does."""
        if Remedy.SSH_CONFIG not in problem.remedies or not self._state.tell_once("ssh-config"):
            return False
        ask(top_level(self._window), QUESTION, problem.detail, Remedy.SSH_CONFIG.value,
            lambda: self._remedies.apply(session, Remedy.SSH_CONFIG),
            identifier="confirm-ssh-config", kind="primary")  # fmt: skip
        return True
