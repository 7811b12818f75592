"""Files in the window: dropping, the card's buttons, the list of transfers, browsing. Qt without a screen."""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QPushButton, QTreeWidget, QWidget
from pytestqt.qtbot import QtBot

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.listed import State
from desktop_app.domain.files.transfer import Progress, Skipped, Summary, Wanted
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.reducer import ReportArrived
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.files.launch_uploads import HELD
from desktop_app.ui.controller import Controller
from desktop_app.ui.dialogs.files import FilesDialog
from desktop_app.ui.windows.session_list import SNAPSHOT
from remote_bootstrap.contract import OP_SYNC_WORKSPACE, RESTORING
from tests.ui import stage
from tests.ui.finding import find

COPY, LEFT, NONE = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def by_id(root: QWidget, identifier: str) -> Any:
    return find(root, identifier, QWidget)


def drag_of(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


@pytest.fixture
def card(face: Controller, core: stage.StagedCore):
    stored = {"done": True, "text": "The workspace is stored: 12 files, 3.4 MB."}
    core.world.machine.answers[OP_SYNC_WORKSPACE] = [dict(stored) for _ in range(3)]
    face.window.sidebar.select(stage.CONNECTED)
    return face.window.details.files


def transfer(core: stage.StagedCore):
    return core.transfers.of(stage.CONNECTED)[0]


SUMMARY = Summary("/home/me/session-files", 3, 1, 1_000_000_000)


def moved(go: threading.Event, _session, _paths, _to, tell: Callable[[Progress], None], cancel: Cancel) -> Summary:
    """Stand at 42 % until ``go``."""
    tell(Progress(1, 3, 420_000_000, 1_000_000_000, "data/train.parquet"))
    while not go.wait(0.01):
        cancel.check()
    return replace(SUMMARY, skipped=(Skipped("data/dangling", "a link that leads nowhere"),))


def restored(core: stage.StagedCore, session: SessionId) -> None:
    """The session says that it has a workspace."""
    report = core.store.get(session).facts.report
    core.apply(session, ReportArrived(replace(report, seconds={RESTORING: 1.0})))


def uploads(core: stage.StagedCore) -> list[tuple[object, ...]]:
    return [call[1:] for call in core.calls if call[0] == "files.upload"]


def test_what_is_dropped_on_the_details_is_uploaded(qtbot: QtBot, face: Controller, core, card) -> None:
    data, details = drag_of(Path("/etc/hosts"), Path("/etc/init.d")), face.window.details
    enter = QDragEnterEvent(QPoint(10, 10), COPY, data, LEFT, NONE)
    details.dragEnterEvent(enter)
    assert enter.isAccepted()
    details.dropEvent(QDropEvent(QPointF(10, 10), COPY, data, LEFT, NONE))
    qtbot.waitUntil(lambda: uploads(core) == [(stage.CONNECTED, ("/etc/hosts", "/etc/init.d"), "")])
    assert by_id(card, "transfer-text-1").isVisible()


def test_a_drop_on_the_list_goes_to_the_session_under_it(qtbot: QtBot, face: Controller, core, card) -> None:
    view = face.window.sidebar.view
    model = view.model()
    rows = {model.index(row, 0).data(SNAPSHOT).id: model.index(row, 0) for row in range(model.rowCount())}
    data = drag_of(Path("/etc/hosts"))

    def dragged(session) -> bool:
        move = QDragMoveEvent(view.visualRect(rows[session]).center(), COPY, data, LEFT, NONE)
        view.dragMoveEvent(move)
        return move.isAccepted()

    view.scrollTo(rows[stage.READY])
    assert dragged(stage.READY)
    assert not dragged(stage.STARTING)
    at = QPointF(view.visualRect(rows[stage.READY]).center())
    view.dropEvent(QDropEvent(at, COPY, data, LEFT, NONE))
    qtbot.waitUntil(lambda: uploads(core) == [(stage.READY, ("/etc/hosts",), "")])


def test_text_and_web_addresses_are_no_files(face: Controller, card) -> None:
    data = QMimeData()
    data.setUrls([QUrl("https://example.com/x")])
    enter = QDragEnterEvent(QPoint(10, 10), COPY, data, LEFT, NONE)
    enter.ignore()
    face.window.details.dragEnterEvent(enter)
    assert not enter.isAccepted()


def test_a_transfer_is_shown_cancelled_resumed_and_removed(qtbot: QtBot, core, card) -> None:
    go = threading.Event()
    core.answers["files.upload"] = partial(moved, go)
    core.transfers.upload(stage.CONNECTED, [Path("/data/a"), Path("/data/b")])
    text = lambda: by_id(card, "transfer-text-1").text()  # noqa: E731
    qtbot.waitUntil(lambda: bool(card._rows) and "42 %" in text() and "420 MB of 1.0 GB" in text())
    assert by_id(card, "transfer-progress-1").value() == 42
    assert by_id(card, "transfer-cancel-1").accessibleName() == "Cancel: Upload a and 1 more"
    by_id(card, "transfer-cancel-1").click()
    qtbot.waitUntil(lambda: transfer(core).state is State.CANCELLED and "kept" in text())
    go.set()
    by_id(card, "transfer-resume-1").click()
    qtbot.waitUntil(lambda: transfer(core).state is State.DONE and "left out" in text())
    assert "3 files" in text() and "data/dangling (a link that leads nowhere)" in text()
    by_id(card, "transfer-remove-1").click()
    qtbot.waitUntil(lambda: not core.transfers.of(stage.CONNECTED) and not card._rows)


def test_a_failed_transfer_says_why_and_can_be_tried_again(qtbot: QtBot, core, card) -> None:
    core.failures["files.upload"] = failure("ssh.auth", address="10.0.0.7")
    core.transfers.upload(stage.CONNECTED, [Path("/data/a")])
    qtbot.waitUntil(lambda: bool(card._rows) and "refused the key" in by_id(card, "transfer-text-1").text())
    assert by_id(card, "transfer-resume-1").isVisible()


def test_the_uploads_of_a_launch_wait_for_the_session_and_name_what_changed(qtbot: QtBot, core, card, tmp_path) -> None:
    (tmp_path / "a").write_text("now")
    wanted = (Wanted(str(tmp_path / "a"), 1, 1),)
    number = core.transfers.upload(stage.CONNECTED, [tmp_path / "a"], held=HELD, wanted=wanted)
    text = lambda: by_id(card, f"transfer-text-{number}").text()  # noqa: E731
    qtbot.waitUntil(lambda: bool(card._rows) and text() == HELD)
    assert by_id(card, f"transfer-cancel-{number}").isVisible()
    core.transfers.release(number)
    qtbot.waitUntil(lambda: transfer(core).state is State.DONE and text().endswith("changed since the launch: a"))


def test_a_third_transfer_waits_for_a_place(qtbot: QtBot, core, card) -> None:
    core.gates["files.upload"] = threading.Event()
    for name in "abc":
        core.transfers.upload(stage.CONNECTED, [Path("/data") / name])
    qtbot.waitUntil(lambda: next(one.state for one in core.transfers.of(stage.CONNECTED)) is State.WAITING)
    core.gates["files.upload"].set()
    qtbot.waitUntil(lambda: all(one.state is State.DONE for one in core.transfers.of(stage.CONNECTED)))


def test_the_workspace_button_is_there_where_there_is_one(qtbot: QtBot, face: Controller, core, card) -> None:
    button = by_id(card, "files-store")
    assert not button.isVisible()
    restored(core, stage.CONNECTED)
    qtbot.waitUntil(button.isVisible)
    button.click()
    qtbot.waitUntil(lambda: "12 files" in by_id(card, "files-stored").text())
    assert button.isEnabled()


def test_storing_belongs_to_the_session_that_stores(qtbot: QtBot, face: Controller, core, card) -> None:
    for session in (stage.CONNECTED, stage.READY):
        restored(core, session)
    button, text = by_id(card, "files-store"), by_id(card, "files-stored")
    qtbot.waitUntil(button.isVisible)
    core.gates["files.store_workspace"] = threading.Event()
    button.click()
    assert not button.isEnabled() and text.text() == "Storing the workspace…"
    face.window.sidebar.select(stage.READY)
    assert button.isEnabled() and not text.isVisible()
    face.window.sidebar.select(stage.CONNECTED)
    assert not button.isEnabled() and text.text() == "Storing the workspace…"
    face.window.sidebar.select(stage.STARTING)
    core.gates["files.store_workspace"].set()
    qtbot.waitUntil(lambda: "12 files" in face.window._toast.text.text())
    assert not button.isEnabled() and not text.text(), "a session that is not ready has nothing to store"
    face.window.sidebar.select(stage.CONNECTED)
    assert button.isEnabled() and "12 files" in text.text()


def test_browsing_and_downloading(
    qtbot: QtBot, face: Controller, core, card, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = core.world.machine.home / "session-files"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "current").symlink_to("checkpoints")
    (folder / "notes grüße.md").write_text("x" * 2048)
    with (folder / "model.safetensors").open("wb") as large:
        large.truncate(4_321_000_000)
    core.answers["files.download"] = SUMMARY
    by_id(card, "files-browse").click()
    dialog = face.window.findChild(FilesDialog)
    assert dialog is not None
    tree = dialog.findChild(QTreeWidget)
    qtbot.waitUntil(lambda: tree.topLevelItemCount() == 4)
    assert by_id(dialog, "files-path").text() == "/home/me/session-files"
    assert tree.topLevelItem(2).text(1) == "4.3 GB"
    tree.setCurrentItem(tree.topLevelItem(2))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: str(tmp_path))
    by_id(dialog, "files-download").click()
    wanted = ("files.download", stage.CONNECTED, ("/home/me/session-files/model.safetensors",), str(tmp_path))
    qtbot.waitUntil(lambda: wanted in core.calls)
    by_id(dialog, "files-up").click()
    qtbot.waitUntil(lambda: by_id(dialog, "files-path").text() == "/home/me" and tree.topLevelItemCount() == 1)
    data = drag_of(Path("/etc/hosts"))
    dialog.dropEvent(QDropEvent(QPointF(10, 10), COPY, data, LEFT, NONE))
    qtbot.waitUntil(lambda: uploads(core) == [(stage.CONNECTED, ("/etc/hosts",), "/home/me")])
    core.failures["files.browse"] = failure("files.denied", path="/root", why="Permission denied")
    dialog.show_folder("/root")
    hint = by_id(dialog, "files-dialog-hint")
    qtbot.waitUntil(lambda: "Permission denied" in hint.text())
    assert hint.property("role") == "error", "a failure does not look like a hint"
    by_id(dialog, "files-close").click()


def test_nothing_is_offered_before_there_is_a_folder(qtbot: QtBot, face: Controller, core, card) -> None:
    core.gates["files.browse"] = threading.Event()
    by_id(card, "files-browse").click()
    dialog = face.window.findChild(FilesDialog)
    upload, up = by_id(dialog, "files-upload-here"), by_id(dialog, "files-up")
    assert not upload.isEnabled() and not up.isEnabled()
    core.gates["files.browse"].set()
    qtbot.waitUntil(upload.isEnabled)
    dialog.activateWindow()
    qtbot.keyClick(dialog.findChild(QTreeWidget), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: by_id(dialog, "files-path").text() == "/home/me")
    dialog.done(0)


def test_every_button_has_a_name_and_takes_the_keyboard(core, card) -> None:
    for one in card.findChildren(QPushButton):
        assert one.text() and one.focusPolicy() & Qt.FocusPolicy.TabFocus
