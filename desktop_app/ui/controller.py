"""Ties core, bridge, window and tray together: what follows what. GUI thread.

The views emit what the user wants; this file answers with another view or with a command.
"""

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from desktop_app import APP_NAME
from desktop_app.domain.problems import Problem
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.services.state.notices import Notice
from desktop_app.ui.account_switcher import Accounts
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands.actions import ActionBook
from desktop_app.ui.commands.commands import Commands
from desktop_app.ui.commands.remedies import Remedies
from desktop_app.ui.look import icons
from desktop_app.ui.look.theme import Scheme, Theme
from desktop_app.ui.open_in import OpenIn
from desktop_app.ui.questions import Questions
from desktop_app.ui.state import WindowState
from desktop_app.ui.tray import Tray, TrayMenu
from desktop_app.ui.windows.main_window import MainWindow

AGES_TICK_MS = 30_000  # so that “2 min ago” stays true


class Controller(QObject):
    """The face of one core. ``leaving`` asks app.py to end the program."""

    leaving = Signal()

    def __init__(self, core: Core, theme: Theme, state: WindowState, window: MainWindow | None = None) -> None:
        """``window``: its frame, where that is on the screen already."""
        super().__init__()
        self._core, self._theme, self._state = core, theme, state
        self.bridge = Bridge(core, self)
        self.commands = Commands(core, self.bridge, self)
        self.book = ActionBook(self.commands, self)
        self.window = MainWindow(state) if window is None else window
        QApplication.setWindowIcon(icons.app_icon())
        self.window.furnish(core, self.bridge, self.commands, self.book)
        self.menu = TrayMenu(self.book)
        self.tray = Tray(self.menu, self)
        self.accounts = Accounts(core, self.bridge, self.window, state, self)
        self.remedies = Remedies(core, self.commands)
        self.questions = Questions(core, self.bridge, self.commands, self.window)
        self.open_in = OpenIn(core, self.bridge, self.remedies, self.window, state, self)
        self._wanted: SessionId | None = None  # to be selected as soon as the store has it
        self._tick = QTimer(self)
        self._tick.setInterval(AGES_TICK_MS)
        self._tick.timeout.connect(self._refresh_list)
        self._connect()

    def _connect(self) -> None:
        window, commands, questions = self.window, self.commands, self.questions
        self.bridge.sessions_changed.connect(self.refresh)
        self.bridge.accounts_changed.connect(self._refresh_list)
        self.bridge.noticed.connect(self._notice)
        self.bridge.activated.connect(window.bring_up)
        commands.changed.connect(lambda _session: window.show_current())
        commands.failed.connect(self._command_failed)
        commands.said.connect(window.say)
        commands.ask_shut_down.connect(questions.shut_down)
        commands.ask_queue.connect(questions.queue)
        commands.ask_log.connect(self._show_log)
        commands.ask_doctor.connect(questions.examine)
        commands.ask_again.connect(self.accounts.open_again)
        commands.ask_sign_in.connect(self.accounts.open_account)
        commands.ask_route.connect(self.accounts.ask_route)
        commands.ask_passphrase.connect(questions.passphrase)
        self.open_in.found.connect(self.book.show_installed)
        self.accounts.changed.connect(self.refresh)
        self.accounts.launched.connect(self._show_launched)
        window.new_session.connect(self.accounts.open_wizard)
        window.sidebar.narrowed.connect(self._refresh_list)
        window.earlier.connect(self.accounts.open_earlier)
        window.closing.connect(self._window_closing)
        window.quit_asked.connect(lambda: questions.quit(self.leaving.emit))
        window.reconnect_all.connect(commands.reconnect_all)
        window.app_log.connect(questions.show_app_log)
        window.clean_up.connect(lambda: questions.clean_up(self.accounts.chosen))
        window.details.remedy.connect(self.remedies.apply)
        window.scheme_chosen.connect(self._choose_scheme)
        self._connect_tray()
        self._connect_looks()

    def _connect_looks(self) -> None:
        """Ask the servers at once when the user looks; they are asked seldom while nothing moves."""
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.applicationStateChanged.connect(self._glance)
        self.menu.aboutToShow.connect(self._core.glance)

    def _glance(self, state: Qt.ApplicationState) -> None:
        if state is Qt.ApplicationState.ApplicationActive:
            self._core.glance()

    def _connect_tray(self) -> None:
        self.menu.new_session.triggered.connect(self.accounts.open_wizard)
        self.menu.show_window.triggered.connect(self.window.bring_up)
        self.menu.reconnect_all.triggered.connect(self.commands.reconnect_all)
        self.menu.quit.triggered.connect(self.leaving)  # said twice already: the menu, then its last entry
        self.tray.clicked.connect(self.window.bring_up)
        self.tray.notice_clicked.connect(self.show_session)

    def start(self, *, hidden: bool) -> None:
        """Show the window; with ``hidden`` only the tray, where there is one to come back from."""
        self.window.show_scheme(self._theme.scheme)
        self.book.refresh(self._core.store.all())
        self._refresh_list()
        QTimer.singleShot(0, self, self.refresh)  # the tray's menu is not seen yet
        self.open_in.look()
        self._tick.start()
        if not (hidden and self.tray.usable):
            self.window.show()
            self.window.sidebar.view.setFocus()
            if not self._core.accounts.all():
                self.accounts.open_wizard()

    def started(self, outcome: Outcome) -> None:
        """Say why the core could not start, if it could not."""
        if outcome.problem is not None:
            self.window.say(str(outcome.problem))

    # -- following the core

    def refresh(self) -> None:
        snapshots = self._core.store.all()
        self.book.refresh(snapshots)
        self.tray.refresh(snapshots)
        self.menu.refresh(snapshots)
        self._refresh_list()

    def _refresh_list(self) -> None:
        self.accounts.refresh()
        chosen = self.accounts.chosen
        shown = tuple(s for s in self._core.store.all() if chosen in ("", s.id.account) and self.book.knows(s.id))
        labels = {one.id: "Sandbox" if one.sandbox else one.label for one in self._core.accounts.all()}
        self.window.refresh(shown, labels, several=not chosen)
        if self._wanted is not None and self.window.sidebar.select(self._wanted):
            self._wanted = None

    def _notice(self, notice: Notice) -> None:
        """Notify a user who does not look at one of our windows."""
        if QApplication.activeWindow() is None and not self.tray.notify(notice):
            QApplication.alert(self.window)

    def _command_failed(self, session: SessionId, problem: Problem) -> None:
        """Say what failed where the details, which show it, can't be seen."""
        if self.open_in.asks_for(session, problem):
            return
        if not self.window.isVisible():
            self._notice(Notice(problem.title, problem.detail, session, urgent=True))
        elif self.window.details.session != session:
            self.window.say(f"{self.questions.name_of(session)}: {problem.title}")

    def _show_launched(self, session: SessionId) -> None:
        """Show the new session, and give the keyboard to the list: the button that began this may be gone by now."""
        self.show_session(session)
        self.window.sidebar.view.setFocus()

    def show_session(self, session: SessionId | None) -> None:
        if session is not None and self.accounts.chosen not in ("", session.account):
            self.accounts.choose(session.account)
        self.window.bring_up()
        self.window.sidebar.search.clear()  # it might hide the session
        self._wanted = session
        self.refresh()

    # -- sessions

    def _show_log(self, session: SessionId) -> None:
        self.show_session(session)
        self.window.details.log.show_log()

    # -- the window itself

    def _choose_scheme(self, scheme: Scheme) -> None:
        self._theme.choose(scheme)
        self._state.scheme = scheme
        self.window.show_scheme(scheme)

    def _window_closing(self) -> None:
        """Hide where a tray can bring the window back right now; elsewhere closing means leaving."""
        self.remember()
        if not self.tray.usable:
            self.questions.quit(self.leaving.emit)
            return
        self.window.hide()
        if self._state.tell_once("closing-hides"):
            self.tray.notify(Notice(f"{APP_NAME} keeps running", "Open or quit it from the tray icon."))

    def remember(self) -> None:
        self.window.remember_layout(self._state)

    def close(self) -> None:
        """Take everything off the screen and stop listening; the core may be closed afterwards."""
        self.remember()
        self._tick.stop()
        self.bridge.close()
        for widget in QApplication.topLevelWidgets():
            if widget.windowType() is not Qt.WindowType.Desktop:
                widget.hide()
        self.tray.close()
