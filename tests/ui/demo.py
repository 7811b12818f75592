"""The window over a staged core, to look at: ``python -m tests.ui.demo``.

Options: --dark, --system (the desktop's scheme), --empty, --hidden, --locked (the keyring is), --shot FOLDER,
--quit-soon (as a dock or the end of a session asks).
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QDeadlineTimer, QEventLoop, QMetaObject, QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QWidget

from desktop_app.domain.sessions.snapshot import Action
from desktop_app.ui.controller import Controller
from desktop_app.ui.look.theme import Scheme, Theme
from desktop_app.ui.program.app import make_application, run
from desktop_app.ui.state import WindowState
from desktop_app.ui.widgets.controls import Fold
from desktop_app.ui.wizard.dialog import Wizard
from tests.ui import stage


def grab(widget: QWidget, folder: Path, name: str) -> None:
    deadline = QDeadlineTimer(900)
    while not deadline.hasExpired():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)
    widget.grab().save(str(folder / f"{name}.png"))


def shots(controller: Controller, core: stage.StagedCore, folder: Path, prefix: str) -> None:
    """Save a picture of every view."""
    window = controller.window
    for name in ("CONNECTED", "STARTING", "NO_AGENT", "BLOCKED", "RETRYING", "READY", "FAILED"):
        window.sidebar.select(getattr(stage, name))
        grab(window, folder, f"{prefix}-{name.lower()}")
    dialog_shots(controller, folder, prefix)
    window.sidebar.select(stage.BLOCKED)
    window.resize(640, 400)
    grab(window, folder, f"{prefix}-small")
    window.resize(1160, 780)
    controller.window.sidebar.account_chosen.emit("sandbox")
    for session in [snapshot.id for snapshot in core.store.all()]:
        core.store.remove(session)
    grab(window, folder, f"{prefix}-empty")
    QApplication.exit(0)


def dialog_shots(controller: Controller, folder: Path, prefix: str) -> None:
    for name, show in (
        ("wizard-launch", controller.accounts.open_wizard),
        ("wizard-account", lambda: controller.accounts.open_account("")),
        ("route", lambda: controller.window.sidebar.route_asked.emit("acme")),
        ("queue", lambda: controller.commands.run(stage.QUEUED, Action.OTHER_QUEUE)),
        ("confirm", lambda: controller.commands.run(stage.CONNECTED, Action.SHUT_DOWN)),
        ("log", controller.window.app_log.emit),
    ):
        show()
        shown = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible())
        grab(shown, folder, f"{prefix}-{name}")
        if isinstance(shown, Wizard) and not shown.on_account_page:
            shown.foot.next.setEnabled(True)
            for field in shown.launch_page.form.fields.values():
                if field.name == "name" and isinstance(field.target, QLineEdit):
                    field.target.setText("a")
            grab(shown, folder, f"{prefix}-{name}-error")
            for fold in shown.findChildren(Fold):
                fold.setChecked(True)
            grab(shown.launch_page.form, folder, f"{prefix}-{name}-all")
        shown.done(0)
        shown.hide()


class QuietCore(stage.StagedCore):
    """Does not poll, which would change the states."""

    def start(self) -> None:
        self.notes.call("start", None)
        if "--quit-soon" in sys.argv:
            QMetaObject.invokeMethod(QApplication.instance(), "quit", Qt.ConnectionType.QueuedConnection)


def talk(call: tuple[object, ...]) -> None:
    """Print what the window asks for, so that a test can watch from outside."""
    if call[0] not in ("log", "ports.look"):
        print("call", *call, flush=True)


class DemoSource:
    """A core that is there already."""

    def __init__(self, core: stage.StagedCore) -> None:
        self.make = lambda: core

    def on_activate(self, _bring_up: Callable[[], None]) -> None:
        """No second start comes here."""


def demo_core() -> QuietCore:
    core = QuietCore() if "--empty" in sys.argv else stage.fill(QuietCore(stage.SANDBOX, stage.TEAM))
    if "--locked" in sys.argv:
        core.failures["attach"] = stage.failing("keyring.locked")
    core.notes.on_call = talk
    return core


def main() -> int:
    settings = tempfile.mkdtemp(prefix="sessiondock-demo-")
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, settings)
    scheme = Scheme.DARK if "--dark" in sys.argv else Scheme.SYSTEM if "--system" in sys.argv else Scheme.LIGHT
    WindowState().scheme = scheme
    core = demo_core()
    if "--shot" not in sys.argv:
        return run(DemoSource(core), sys.argv[:1], hidden="--hidden" in sys.argv)
    app = make_application(sys.argv[:1])
    controller = Controller(core, Theme(app, scheme), WindowState())
    controller.start(hidden=False)
    folder = Path(sys.argv[sys.argv.index("--shot") + 1])
    folder.mkdir(parents=True, exist_ok=True)
    QTimer.singleShot(600, lambda: shots(controller, core, folder, scheme.name.lower()))
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
