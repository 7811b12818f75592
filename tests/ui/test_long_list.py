"""Many sessions of several accounts: found by a word, told apart by their account."""

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyleOptionViewItem

from desktop_app.domain.sessions.snapshot import Remote
from desktop_app.ui.look.theme import LIGHT, SPACE_L, SPACE_M, SPACE_XS, Tone
from desktop_app.ui.widgets.search_line import SearchLine
from desktop_app.ui.windows.session_delegate import how_many_fit
from desktop_app.ui.windows.session_list import ACCOUNT
from tests.ui import stage
from tests.ui.conftest import faces
from tests.ui.finding import find


@pytest.fixture
def line(face) -> SearchLine:
    return find(face.window, "find-session", SearchLine)


def names(face) -> list[str]:
    model = face.window.model
    return [model.index(row).data() for row in range(model.rowCount())]


def test_a_word_leaves_the_sessions_that_match(face, line):
    assert line.isVisible(), "twelve are more than a window shows"
    line.setText("vision")
    assert names(face) == ["vision-experiments"]
    line.setText("queued")
    assert names(face) == ["nightly-debug", "data cleaning"]
    assert face.window.details.session == stage.QUEUED, "what is shown is in the list"
    line.setText("xyzzy")
    assert names(face) == [] and face.window.empty.isVisible()
    assert face.window.empty._title.text() == "No session matches"
    line.clear()
    assert len(names(face)) == len(stage.EVERY_STATE) and not face.window.empty.isVisible()


def test_the_keyboard_leads_there_and_back_to_the_list(qtbot, face, line):
    face.window.activateWindow()
    face.window.sidebar.view.setFocus()
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_F, modifiers)
    assert line.hasFocus()
    qtbot.keyClicks(line, "vision")
    qtbot.keyClick(line, Qt.Key.Key_Down)
    assert face.window.sidebar.view.hasFocus() and face.window.details.session == stage.CONNECTED
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert len(names(face)) == len(stage.EVERY_STATE)


@pytest.fixture
def short_face(theme):
    core = stage.staged_core(stage.CONNECTED, stage.READY)
    yield from faces(core, theme)
    core.end()


def test_a_short_list_is_not_searched_unless_somebody_asks(qtbot, short_face):
    line = find(short_face.window, "find-session", SearchLine)
    assert not line.isVisible()
    short_face.window.activateWindow()
    short_face.window.sidebar.ask_find()
    qtbot.waitUntil(line.hasFocus)
    short_face.refresh()
    assert line.isVisible(), "not while somebody types"


def test_a_session_that_is_to_be_shown_is_not_hidden_by_the_search(face, line):
    line.setText("vision")
    face.show_session(stage.READY)
    assert line.text() == "" and face.window.details.session == stage.READY


def test_sessions_of_several_accounts_say_which(qtbot, face, core):
    core.store.see(stage.session_id(80, "acme"), stage.facts(Remote.QUEUED, "theirs"))
    qtbot.waitUntil(lambda: "theirs" in names(face))
    index = face.window.model.index_of(stage.session_id(80, "acme"))
    assert index.data(ACCOUNT) == "acme.example"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole).endswith(", acme.example")
    face.window.sidebar.account_chosen.emit("acme")
    assert names(face) == ["theirs"]
    assert face.window.model.index(0).data(ACCOUNT) == "", "the switcher says it already"


@pytest.mark.parametrize(("width", "line"), [(420, 0), (250, 2)], ids=["wide", "narrow"])
def test_in_a_narrow_list_the_name_has_its_line_for_itself(face, width, line):
    """The status is painted at the end of the first line, or of the third."""
    view = face.window.sidebar.view
    index = face.window.model.index_of(stage.CONNECTED)
    option = QStyleOptionViewItem()
    view.initViewItemOption(option)
    option.rect = QRect(0, 0, width, view.itemDelegate().sizeHint(option, index).height())
    option.state = QStyle.StateFlag.State_None
    picture = QImage(option.rect.size(), QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.white)
    painter = QPainter(picture)
    view.itemDelegate().paint(painter, option, index)
    painter.end()
    wash = QColor(LIGHT.tones[Tone.GOOD].wash).rgb()
    height = QFontMetricsF(option.font).height() + SPACE_XS
    rows = [y for y in range(picture.height()) if picture.pixel(width - SPACE_L - 12, y) == wash]
    assert rows and int((sum(rows) / len(rows) - SPACE_XS - SPACE_M) // height) == line


@pytest.mark.parametrize(("room", "shown"), [(320, 3), (319, 2), (231, 2), (230, 2), (229, 1), (10, 0)])
def test_applications_without_room_are_counted_and_the_count_has_room(room, shown):
    assert how_many_fit([100, 100, 100], room, 10, 10) == shown
