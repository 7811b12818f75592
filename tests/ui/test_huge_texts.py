"""Half a million characters where a name should be: never measured, and the window goes on."""

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication

from desktop_app.domain.sessions.snapshot import Remote
from desktop_app.ui.look.measure import MOST, advance, elided
from desktop_app.ui.look.text import menu_text, tooltip
from desktop_app.ui.widgets.basics import ElidedLabel
from desktop_app.ui.windows.cards.log_panel import MAX_COLUMNS, _shown
from tests.ui import stage

HUGE = "long " * 100_000


class Ruler(QFontMetrics):
    """Remembers the longest text that anybody measured."""

    longest = 0

    def elidedText(self, text: str, mode: Qt.TextElideMode, width: int, flags: int = 0) -> str:
        Ruler.longest = max(Ruler.longest, len(text))
        return super().elidedText(text, mode, width, flags)

    def horizontalAdvance(self, text: str, length: int = -1) -> int:  # type: ignore[override]  # one of three overloads
        Ruler.longest = max(Ruler.longest, len(text))
        return super().horizontalAdvance(text, length)


def test_text_is_measured_up_to_what_can_be_shown(qapp: QApplication) -> None:
    ruler = Ruler(qapp.font())
    shown = elided(ruler, HUGE, 300)
    assert shown.endswith("…") and Ruler.longest <= 301
    assert elided(ruler, "short", 300) == "short"
    assert elided(ruler, HUGE, -5) == ""
    assert advance(ruler, HUGE) > 0 and Ruler.longest <= MOST


def test_labels_menus_and_tooltips_keep_what_can_be_read(qapp: QApplication) -> None:
    label = ElidedLabel()
    label.setText(HUGE)
    assert len(label.text()) <= MOST and len(label.toolTip()) <= MOST + 20
    assert len(tooltip(HUGE)) <= MOST + 20 and len(menu_text(HUGE)) == 60
    label.deleteLater()


def test_a_line_of_the_log_is_cut_and_the_next_one_is_there() -> None:
    first, second = _shown(f"{HUGE}\nnext").split("\n")
    assert len(first) == MAX_COLUMNS and second == "next"


@pytest.mark.parametrize("field", ["name", "queue", "project", "worker", "owner", "message"])
def test_a_session_with_a_huge_field_is_drawn(qtbot, face, core, field: str) -> None:
    name = stage.session_id(81)
    huge: dict[str, Any] = {field: HUGE}
    facts = replace(stage.facts(Remote.STARTING, "theirs"), **huge)
    core.store.see(name, facts)
    qtbot.waitUntil(lambda: face.window.model.index_of(name).isValid())
    face.show_session(name)
    QApplication.processEvents()
    assert face.window.details.session == name
