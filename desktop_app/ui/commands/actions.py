"""One set of QActions per session: buttons, context menu and tray show the same objects. GUI thread.

Which are offered comes from ``domain.allowed_actions`` alone; this file only names, orders and wires them.
"""

from collections.abc import Container
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from desktop_app.domain.access.open_in import BY_KEY, OPENERS
from desktop_app.domain.sessions.snapshot import Action, SessionId, SessionSnapshot, allowed_actions, openable
from desktop_app.ui.commands.commands import Commands
from desktop_app.ui.look import icons
from desktop_app.ui.look.text import tooltip
from remote_bootstrap.contract.apps import APPS, AppSpec

BROWSER_APPS: tuple[AppSpec, ...] = tuple(spec for spec in APPS if spec.opens == "browser")

SHORTCUTS = {
    Action.TERMINAL: "Ctrl+T",
    Action.COPY_SSH: "Ctrl+Shift+C",
    Action.ATTACH: "Ctrl+E",
    Action.DETACH: "Ctrl+D",
    Action.RECONNECT: "Ctrl+R",
    Action.SHUT_DOWN: "Ctrl+Shift+X",
    Action.AGAIN: "Ctrl+Shift+N",
    Action.FORGET: "Ctrl+Backspace",
}

HELP = {
    Action.TERMINAL: "Open a terminal that is logged in to the session",
    Action.COPY_SSH: "Copy a command that logs in to the session while it is attached",
    Action.COPY_PASSWORD: "Copy the password with which other SSH programs log in to the session",
    Action.ATTACH: "Open the tunnel from this computer to the session",
    Action.DETACH: "Close the tunnel; the session goes on running",
    Action.RECONNECT: "Dial again now instead of waiting",
    Action.DIAGNOSE: "Examine every step from this computer to the session's applications",
    Action.SHUT_DOWN: "End the session and free its agent",
    Action.CANCEL: "Take the session out of its queue and end it",
    Action.OTHER_QUEUE: "Let another queue's agents run the session",
    Action.AGAIN: "Launch another session with the same options, after a look at them",
    Action.FORGET: "Remove the ended session from the list",
}

ICONS = {Action.TERMINAL: next(spec.icon for spec in APPS if spec.opens == "terminal")}

# The order in menus; None is a separator.
MENU_ORDER: tuple[Action | None, ...] = (
    Action.OPEN,
    Action.TERMINAL,
    Action.COPY_SSH,
    Action.COPY_PASSWORD,
    Action.OPEN_IN,
    None,
    Action.ATTACH,
    Action.DETACH,
    Action.RECONNECT,
    Action.DIAGNOSE,
    None,
    Action.AGAIN,
    Action.OTHER_QUEUE,
    Action.CANCEL,
    Action.SHUT_DOWN,
    Action.FORGET,
)

NEXT = (Action.ATTACH, Action.RECONNECT, Action.OPEN, Action.AGAIN)


@dataclass(frozen=True, slots=True)
class Key:
    """Names one QAction of a session; ``app`` is set for OPEN and OPEN_IN only."""

    action: Action
    app: str = ""

    @property
    def identifier(self) -> str:
        """Return a stable name for tests and screen-reader scripts: ``action-attach``, ``action-open-<app>``."""
        name = f"action-{self.action.name.lower()}"
        return f"{name}-{self.app}" if self.app else name


def keys_of(action: Action) -> tuple[Key, ...]:
    if action is Action.OPEN:
        return tuple(Key(action, spec.key) for spec in BROWSER_APPS)
    if action is Action.OPEN_IN:
        return tuple(Key(action, opener.key) for opener in OPENERS)
    return (Key(action),)


ALL_KEYS = tuple(key for action in Action for key in keys_of(action))


class SessionActions(QObject):
    """The QActions of one session; ``update`` follows its snapshot."""

    can_open_in = Signal(bool)  # whether its "Open in" menus are of use

    def __init__(self, session: SessionId, commands: Commands, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._commands = commands
        self._actions = {key: self._make(key) for key in ALL_KEYS}
        self._opens_in = False

    def _make(self, key: Key) -> QAction:
        made = QAction(self)
        made.setObjectName(key.identifier)
        if key.action is Action.OPEN:
            spec = next(spec for spec in BROWSER_APPS if spec.key == key.app)
            made.setText(f"{key.action.value} {spec.label}")
            made.setIcon(icons.icon(spec.icon))
            made.setToolTip(tooltip(f"Open {spec.label} in the browser, logged in"))
            made.setShortcut(QKeySequence(f"Ctrl+{BROWSER_APPS.index(spec) + 1}"))
        elif key.action is Action.OPEN_IN:
            opener = BY_KEY[key.app]
            made.setText(opener.label)
            made.setIcon(icons.icon(opener.icon))
            made.setToolTip(tooltip(opener.help))
        else:
            made.setText(key.action.value)
            if key.action in ICONS:
                made.setIcon(icons.icon(ICONS[key.action]))
            made.setToolTip(tooltip(HELP[key.action]))
            made.setShortcut(QKeySequence(SHORTCUTS.get(key.action, "")))
        made.triggered.connect(lambda: self._commands.run(self.session, key.action, key.app))
        return made

    def get(self, key: Key) -> QAction:
        return self._actions[key]

    def all(self) -> tuple[QAction, ...]:
        return tuple(self._actions.values())

    def update(self, snapshot: SessionSnapshot, installed: Container[str]) -> None:
        """Follow the snapshot; ``installed``: keys of the programs that this computer has."""
        allowed = allowed_actions(snapshot)
        if self._opens_in is not (Action.OPEN_IN in allowed):
            self._opens_in = not self._opens_in
            self.can_open_in.emit(self._opens_in)
        for key, action in self._actions.items():
            enabled = key.action in allowed and _is_there(key, snapshot, installed)
            action.setEnabled(enabled and not self._commands.doing(self.session, key.action.value + key.app))
            action.setVisible(enabled or self._promised(snapshot, key))

    @staticmethod
    def _promised(snapshot: SessionSnapshot, key: Key) -> bool:
        """Shown though not yet possible: what the session was launched for."""
        return (
            key.action is Action.OPEN
            and Action.DETACH in allowed_actions(snapshot)
            and bool(snapshot.endpoint(key.app))
        )

    def do_next(self) -> None:
        """Do what a double click means: get connected; once connected, open the first application that is ready; once
        it has ended, launch another one like it."""
        for action in NEXT:
            for key in keys_of(action):
                if self._actions[key].isEnabled():
                    self._actions[key].trigger()
                    return

    def fill(self, menu: QMenu) -> None:
        for action in MENU_ORDER:
            if action is None:
                menu.addSeparator()
            elif action is Action.OPEN_IN:
                self.fill_open_in(submenu := menu.addMenu(action.value))
                submenu.menuAction().setVisible(self._opens_in)
                self.can_open_in.connect(submenu.menuAction().setVisible)
            else:
                menu.addActions([self._actions[key] for key in keys_of(action)])

    def fill_open_in(self, menu: QMenu) -> None:
        """Add everything that the session can be opened in: the browser, a terminal, programs of this computer."""
        menu.setToolTipsVisible(True)
        for spec in BROWSER_APPS:
            menu.addAction(Mirror(self._actions[Key(Action.OPEN, spec.key)], f"{spec.label} in the browser", menu))
        menu.addAction(Mirror(self._actions[Key(Action.TERMINAL)], "Terminal", menu))
        menu.addSeparator()
        menu.addActions([self._actions[key] for key in keys_of(Action.OPEN_IN)])

    @property
    def opens_in(self) -> bool:
        """True if the "Open in" menus are of use now."""
        return self._opens_in


class Mirror(QAction):
    """An action under another name, for a menu where its own would not read well."""

    def __init__(self, action: QAction, text: str, parent: QObject) -> None:
        super().__init__(action.icon(), text, parent)
        self._action = action
        self.setToolTip(action.toolTip())
        self.triggered.connect(action.trigger)
        action.changed.connect(self._follow)  # a bound method: Qt forgets it with this object
        self._follow()

    def _follow(self) -> None:
        self.setEnabled(self._action.isEnabled())
        self.setVisible(self._action.isVisible())


def _is_there(key: Key, snapshot: SessionSnapshot, installed: Container[str]) -> bool:
    if key.action is Action.OPEN:
        return openable(snapshot, key.app)
    return key.action is not Action.OPEN_IN or key.app in installed


class ActionBook(QObject):
    """The sets of all sessions; one is made when the user looks at its session, since there may be thousands."""

    changed = Signal()

    def __init__(self, commands: Commands, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands = commands
        self._sets: dict[SessionId, SessionActions] = {}
        self._snapshots: dict[SessionId, SessionSnapshot] = {}
        self._installed: frozenset[str] = frozenset()
        commands.changed.connect(self._command_changed)

    def knows(self, session: SessionId) -> bool:
        return session in self._snapshots

    def of(self, session: SessionId) -> SessionActions:
        if session not in self._sets:
            snapshot = self._snapshots[session]
            self._sets[session] = SessionActions(session, self._commands, self)
            self._sets[session].update(snapshot, self._installed)
        return self._sets[session]

    def refresh(self, snapshots: tuple[SessionSnapshot, ...]) -> None:
        """Follow the store: make, update and drop sets."""
        before, self._snapshots = self._snapshots, {snapshot.id: snapshot for snapshot in snapshots}
        for session in [known for known in self._sets if known not in self._snapshots]:
            self._sets.pop(session).deleteLater()
        for snapshot in snapshots:
            if snapshot.id in self._sets and before.get(snapshot.id) != snapshot:
                self._sets[snapshot.id].update(snapshot, self._installed)
        self._commands.prune(frozenset(self._snapshots))
        self.changed.emit()

    def show_installed(self, programs: frozenset[str]) -> None:
        """Show what this computer has of ``domain.access.open_in``."""
        if programs != self._installed:
            self._installed = programs
            for session in self._sets:
                self._command_changed(session)

    def _command_changed(self, session: SessionId) -> None:
        if session in self._sets:
            self._sets[session].update(self._snapshots[session], self._installed)
