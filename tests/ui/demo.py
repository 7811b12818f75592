"""The window over the fake core, to look at: ``python -m tests.ui.demo [--dark] [--empty] [--shot FOLDER]``."""

import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QDeadlineTimer, QEventLoop, QSettings, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.ui.app import make_application
from desktop_app.ui.controller import Controller
from desktop_app.ui.state import WindowState
from desktop_app.ui.theme import Scheme, Theme
from tests.fakes import ui_core


def grab(widget: QWidget, folder: Path, name: str) -> None:
    deadline = QDeadlineTimer(400)
    while not deadline.hasExpired():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)
    widget.grab().save(str(folder / f"{name}.png"))


def shots(controller: Controller, core: ui_core.FakeCore, folder: Path, prefix: str) -> None:
    """Save a picture of every view."""
    window = controller.window
    for name in ("CONNECTED", "STARTING", "NO_AGENT", "BLOCKED", "RETRYING", "READY", "FAILED"):
        window.sidebar.select(getattr(ui_core, name))
        grab(window, folder, f"{prefix}-{name.lower()}")
    controller.open_wizard()
    assert controller.wizard is not None
    grab(controller.wizard, folder, f"{prefix}-wizard-launch")
    controller.wizard.reject()
    controller.open_account("")
    assert controller.wizard is not None
    grab(controller.wizard, folder, f"{prefix}-wizard-account")
    controller.wizard.reject()
    for session in [snapshot.id for snapshot in core.store.all()]:
        core.store.drop(session)
    grab(window, folder, f"{prefix}-empty")
    QApplication.quit()


def main() -> int:
    settings = tempfile.mkdtemp(prefix="sessiondock-demo-")
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, settings)
    app = make_application(sys.argv[:1])
    dark = "--dark" in sys.argv
    core = ui_core.FakeCore() if "--empty" in sys.argv else ui_core.every_state_core()
    controller = Controller(core, Theme(app, Scheme.DARK if dark else Scheme.LIGHT), WindowState())
    controller.leaving.connect(app.quit)
    controller.start(hidden=False)
    if "--shot" in sys.argv:
        folder = Path(sys.argv[sys.argv.index("--shot") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        QTimer.singleShot(600, lambda: shots(controller, core, folder, "dark" if dark else "light"))
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
