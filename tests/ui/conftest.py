"""Fixtures of the window's tests: one QApplication, private settings, a face over a staged core."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtWidgets import QApplication

from desktop_app.ui.bridge import Bridge
from desktop_app.ui.controller import Controller
from desktop_app.ui.look.theme import Scheme, Theme
from desktop_app.ui.state import WindowState
from desktop_app.ui.wizard.dialog import Wizard
from tests.ui.finding import open_dialogs
from tests.ui.gui_thread import GuiThread
from tests.ui.stage import StagedCore, bare_core, staged_core


@pytest.fixture(autouse=True)
def private_settings(tmp_path: Path) -> None:
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture(scope="session")
def gui_thread() -> GuiThread:
    return GuiThread()


@pytest.fixture(autouse=True)
def gui_thread_guard(gui_thread: GuiThread, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test in which the window's code touches a file, a lock, the network or a program on the GUI thread."""
    with gui_thread.watched(monkeypatch.setattr) as breaches:
        yield
    if breaches:
        pytest.fail("on the GUI thread:\n" + "\n".join(dict.fromkeys(breaches)), pytrace=False)


@pytest.fixture(scope="session")
def one_theme(qapp: QApplication) -> Theme:
    return Theme(qapp, Scheme.LIGHT)


@pytest.fixture
def theme(one_theme: Theme) -> Iterator[Theme]:
    yield one_theme
    one_theme.choose(Scheme.LIGHT)


@pytest.fixture
def core() -> Iterator[StagedCore]:
    """A session in every state."""
    made = staged_core()
    yield made
    made.end()


@pytest.fixture
def face(qapp: QApplication, core: StagedCore, theme: Theme) -> Iterator[Controller]:
    yield from faces(core, theme)


def faces(core: StagedCore, theme: Theme) -> Iterator[Controller]:
    """A started face, and its end."""
    controller = Controller(core, theme, WindowState())
    controller.start(hidden=False)
    yield controller
    for dialog in open_dialogs():
        dialog.done(0)
    controller.close()
    controller.window.deleteLater()
    controller.menu.deleteLater()
    controller.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def bare() -> Iterator[StagedCore]:
    """No account yet."""
    made = bare_core()
    yield made
    made.end()


@pytest.fixture
def open_wizard(qtbot, theme):
    """Opens wizards; closes them and their bridges at the end."""
    opened: list[tuple[Wizard, Bridge]] = []

    def open_one(core, account="", **options):
        bridge = Bridge(core)
        wizard = Wizard(core, bridge, account, **options)
        opened.append((wizard, bridge))
        wizard.show()
        return wizard

    yield open_one
    for wizard, bridge in opened:
        wizard.done(0)
        bridge.close()
        wizard.deleteLater()
