"""Rows of the details in wide and narrow windows: nothing is cut that has room, and what has none is wrapped."""

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QPushButton, QWidget

from desktop_app.domain.sessions.snapshot import SessionSnapshot
from desktop_app.services.ports.view import PortView
from desktop_app.ui.widgets.split_row import SplitRow
from desktop_app.ui.widgets.wrapped_text import WrappedText
from desktop_app.ui.windows.cards.facts_card import FactsCard
from desktop_app.ui.windows.cards.port_row import PortRow
from tests.ui import stage
from tests.ui.finding import find

COMMAND = "python bin/tensorboard --logdir … --port 6006 --host localhost"


@pytest.fixture
def port_row(qtbot, theme):
    row = PortRow(PortView(6006, "TensorBoard", "tensorboard", "tensorboard", 4711, COMMAND, True, local_port=6006))
    qtbot.addWidget(row)
    row.follow(row._view, up=True, busy=False)
    return row


def at_width(widget: QWidget, width: int) -> None:
    widget.resize(width, widget.sizeHint().height())
    widget.show()
    for _ in range(3):  # the row chooses its direction when it is resized, and is laid out again
        widget.resize(width, max(widget.heightForWidth(width), widget.sizeHint().height()))
        QApplication.processEvents()


def test_a_wide_row_has_room_for_the_whole_command(port_row):
    at_width(port_row, 900)
    about = find(port_row, "port-about-6006", QLabel)
    assert not port_row.below
    assert about.width() >= about.fontMetrics().horizontalAdvance(about.text())


def test_in_a_narrow_row_the_buttons_are_below_and_whole(port_row):
    at_width(port_row, 330)
    about = find(port_row, "port-about-6006", QLabel)
    assert port_row.below and about.width() == port_row.width()
    for one in port_row.findChildren(QPushButton):
        if one.isVisible():
            assert port_row.rect().contains(one.geometry()), one.accessibleName()
            assert one.geometry().top() > about.geometry().bottom() and one.width() >= one.minimumSizeHint().width()
    at_width(port_row, 900)
    assert not port_row.below


def test_rows_follow_what_their_tail_shows(port_row):
    """Stop and the address are more than Forward: the row looks again."""
    at_width(port_row, port_row.tail.sizeHint().width() + 100)
    assert port_row.below
    port_row.follow(replace(port_row._view, local_port=0, service=""), up=True, busy=False)
    assert not port_row.below


def test_every_row_of_the_details_fits_a_small_window(qtbot, face):
    face.window.resize(800, 600)
    face.window.sidebar.select(stage.CONNECTED)
    rows = face.window.details.findChildren(SplitRow)
    qtbot.waitUntil(lambda: any(row.below for row in rows))
    for row in rows:
        for one in row.findChildren(QPushButton):
            if one.isVisible():
                assert row.rect().contains(one.geometry()), one.accessibleName()


# -- the facts


@pytest.fixture
def facts(qtbot, theme):
    card = FactsCard()
    qtbot.addWidget(card)
    card.follow(SessionSnapshot(stage.CONNECTED, 1, stage.ready(1, "x")), "sd-" + "a-long-name-" * 5)
    return card


def test_a_long_name_wraps_and_is_not_cut(facts):
    at_width(facts, 330)
    for name in ("fact-task", "fact-name-for-ssh", "fact-machine"):
        value = find(facts, name, WrappedText)
        text = value.document().size()
        assert text.width() <= value.viewport().width() and text.height() <= value.height(), name
    task = find(facts, "fact-name-for-ssh", WrappedText)
    assert task.height() > 1.5 * task.fontMetrics().lineSpacing()


def test_a_long_fact_has_its_row_for_itself(facts):
    at_width(facts, 700)
    alias, queue, agent = (find(facts, f"fact-{name}", WrappedText) for name in ("name-for-ssh", "queue", "agent"))
    assert queue.y() == agent.y(), "short ones are side by side"
    assert alias.width() > 1.5 * queue.width()
    others = [w for w in facts.findChildren(WrappedText) if w is not alias]
    assert alias.y() not in {w.y() for w in others}


def test_a_fact_stands_beside_its_name(facts):
    """Also after the card was narrow for a moment, when it needed more lines."""
    for width in (300, 640, 330, 420):
        at_width(facts, width)
    for caption in [w for w in facts.findChildren(QLabel) if w.buddy() is not None]:
        value = caption.buddy()
        assert abs(value.y() - caption.y()) <= 1 and value.height() <= value.heightForWidth(value.width()), (
            caption.text()
        )


def test_a_fact_that_did_not_change_keeps_its_selection(facts):
    task = find(facts, "fact-task", WrappedText)
    task.selectAll()
    facts.follow(SessionSnapshot(stage.CONNECTED, 2, stage.ready(1, "y")), "sd-y")
    assert task.textCursor().selectedText() == stage.CONNECTED.task


# -- what stands out


def test_only_what_opens_in_the_browser_is_a_primary_button(face):
    face.window.sidebar.select(stage.CONNECTED)
    kinds = {one.accessibleIdentifier(): one.property("kind") for one in face.window.details.findChildren(QPushButton)}
    assert kinds["action-open-jupyterlab"] == kinds["action-open-vscode"] == "primary"
    assert kinds["action-terminal"] == kinds["action-copy_ssh"] == ""


def test_everything_that_a_session_opens_in_has_a_picture(face):
    menu = QMenu()
    face.book.of(stage.CONNECTED).fill_open_in(menu)
    assert [entry.text() for entry in menu.actions() if not entry.isSeparator() and entry.icon().isNull()] == []
