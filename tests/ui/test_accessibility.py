"""Every control in every window can be reached by keyboard and has a name; server text is never markup."""

from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QWidget,
)

from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import Action
from tests.ui import stage
from tests.ui.finding import dialog, find

CONTROLS = (QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QAbstractSpinBox)
OWN = ("qt_spinbox_lineedit",)  # inner widgets that speak through their owner


def shown_windows(face):
    """The main window on every kind of session, and every dialog, one after another."""
    window = face.window
    for session in stage.EVERY_STATE:
        window.sidebar.select(session)
        yield window
    face.accounts.open_wizard()
    for fold in [w for w in face.accounts.wizard.findChildren(QAbstractButton) if w.isCheckable() and "fold" in
                 w.accessibleIdentifier()]:  # fmt: skip
        fold.setChecked(True)
    yield face.accounts.wizard
    face.accounts.wizard.done(0)
    face.accounts.open_account(stage.TEAM.id)
    yield face.accounts.wizard
    face.accounts.wizard.done(0)
    asking = ((Action.SHUT_DOWN, "confirm-shut-down"), (Action.OTHER_QUEUE, "queue-dialog"))
    for action, name in asking:
        face.commands.run(stage.QUEUED, action)
        yield dialog(name)
        dialog(name).done(0)
    face.window.quit_asked.emit()
    yield dialog("confirm-quit")
    dialog("confirm-quit").done(0)
    face.window.app_log.emit()
    yield dialog("app-log")
    dialog("app-log").done(0)
    face._core.finish(FinishedSession("a" * 32, "x"), FinishedSession("b" * 32, "y"))
    for signal, name in ((face.window.earlier, "earlier-dialog"), (face.window.clean_up, "cleanup-dialog")):
        signal.emit()
        yield dialog(name)
        dialog(name).done(0)


def visible(root: QWidget, kind):
    return [
        w for w in root.findChildren(QWidget) if isinstance(w, kind) and w.isVisible() and w.objectName() not in OWN
    ]


def spoken(widget: QWidget) -> str:
    buddies = [w.text() for w in widget.window().findChildren(QLabel) if w.buddy() is widget]
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text or " ".join(buddies)


def describe(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.accessibleIdentifier() or widget.objectName()!r} in {widget.window()}"


def test_every_control_has_a_name_and_takes_the_keyboard(face):
    count = 0
    for root in shown_windows(face):
        for widget in visible(root, CONTROLS):
            count += 1
            assert spoken(widget).strip(), f"no name: {describe(widget)}"
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, f"not reachable by Tab: {describe(widget)}"
    assert count > 150


def test_every_label_is_plain_text(face):
    for root in shown_windows(face):
        for label in visible(root, QLabel):
            assert label.textFormat() is Qt.TextFormat.PlainText or not label.text(), f"{label.text()} in {root}"


def test_tab_walks_through_the_window_and_comes_back(qtbot, face):
    face.window.sidebar.select(stage.CONNECTED)
    face.window.activateWindow()
    start = find(face.window, "new-session", QAbstractButton)
    start.setFocus()
    seen: list[QWidget] = []
    for _ in range(60):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        focus = QApplication.focusWidget()
        if focus is start:
            break
        seen.append(focus)
    else:
        pytest.fail("Tab does not come back to where it began")
    names = [w.accessibleIdentifier() for w in seen]
    wanted = [w for w in visible(face.window, CONTROLS) if w.isEnabled() and w is not start]
    missed = [describe(w) for w in wanted if w not in seen]
    assert not missed
    for earlier, later in (("session-list", "action-detach"), ("action-detach", "task-log"),
                           ("log-find", "task-log")):  # fmt: skip
        assert names.index(earlier) < names.index(later), names


def test_tab_walks_through_the_wizard_from_top_to_bottom(qtbot, face):
    face.accounts.open_wizard()
    wizard = face.accounts.wizard
    find(wizard, "show-all-options", QAbstractButton).click()
    qtbot.waitUntil(find(wizard, "option-queue", QComboBox).isEnabled)
    start = find(wizard, "find-option", QLineEdit)
    start.setFocus()
    seen: list[QWidget] = [start]
    for _ in range(120):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        if QApplication.focusWidget() is start:
            break
        seen.append(QApplication.focusWidget())
    else:
        pytest.fail("Tab does not come back to where it began")
    assert {w.accessibleIdentifier() for w in seen} >= {"launch-account", "option-queue", "option-cli_compatible"}
    assert seen[-1].accessibleIdentifier() == "wizard-next"
    heights = [w.mapTo(wizard.launch_page, w.rect().center()).y() for w in seen if wizard.launch_page.isAncestorOf(w)]
    assert all(later > earlier - 30 for earlier, later in pairwise(heights)), "never upwards"


def test_arrows_choose_a_session_and_the_menu_key_opens_its_actions(qtbot, face):
    view = face.window.sidebar.view
    view.setFocus()
    first = face.window.details.session
    qtbot.keyClick(view, Qt.Key.Key_Down)
    second = face.window.details.session
    assert first == stage.CONNECTED and second == stage.STARTING
    view.customContextMenuRequested.emit(view.visualRect(view.currentIndex()).center())
    menu = next(w for w in face.window.findChildren(QMenu) if w.isVisible())
    assert any(action.text() == "Shut down" for action in menu.actions() if action.isVisible())
    menu.close()


def test_scroll_areas_are_named(face):
    for root in shown_windows(face):
        for area in visible(root, QAbstractScrollArea):
            # A combo box's list speaks through the combo box.
            if area.focusPolicy() is not Qt.FocusPolicy.NoFocus and not isinstance(area.parent().parent(), QComboBox):
                assert area.accessibleName(), describe(area)
