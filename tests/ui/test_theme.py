"""Light and dark are both whole, readable, and can be switched while the window is open."""

import pytest
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from desktop_app.domain.sessions.snapshot import Status
from desktop_app.ui.look.status import LOOK
from desktop_app.ui.look.theme import DARK, LIGHT, Colours, Scheme, Tone, colours, fixed_font, make_palette, stylesheet

TABLES = pytest.mark.parametrize("table", [LIGHT, DARK], ids=["light", "dark"])


def luminance(name: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    colour = QColor(name)
    red, green, blue = (linear(p) for p in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@TABLES
def test_text_is_readable_everywhere_it_is_used(table: Colours):
    grounds = (table.window, table.surface, table.accent_wash)
    pairs = [(table.text, ground) for ground in grounds] + [(table.muted, ground) for ground in grounds]
    pairs += [(shade.ink, shade.wash) for shade in table.tones.values()]
    pairs += [(table.tones[tone].ink, table.surface) for tone in Tone]
    pairs += [(table.text, shade.wash) for shade in table.tones.values()]
    pairs += [(table.on_accent, table.accent), (table.on_accent, table.accent_hover)]
    weak = [(ink, ground, round(contrast(ink, ground), 2)) for ink, ground in pairs if contrast(ink, ground) < 4.5]
    assert not weak


@TABLES
def test_edges_of_fields_can_be_seen(table: Colours):
    for ground in (table.surface, table.window):
        assert contrast(table.strong_border, ground) >= 3.0, "WCAG 1.4.11"
        assert contrast(table.accent, ground) >= 3.0


@TABLES
def test_the_palette_leaves_nothing_to_the_platform(table: Colours):
    palette = make_palette(table)
    groups = (QPalette.ColorGroup.Active, QPalette.ColorGroup.Inactive, QPalette.ColorGroup.Disabled)
    for role in QPalette.ColorRole:
        if role not in (QPalette.ColorRole.NoRole, QPalette.ColorRole.NColorRoles):
            assert all(palette.isBrushSet(group, role) for group in groups), role


@TABLES
def test_the_stylesheet_is_filled(table: Colours):
    assert "$" not in stylesheet(table)


def test_every_status_has_a_look_of_its_own():
    assert set(LOOK) == set(Status)
    shapes = {}
    for status, look in LOOK.items():
        shapes.setdefault(look, []).append(status)
    shared = {look: found for look, found in shapes.items() if len(found) > 1}
    assert list(shared.values()) == [[Status.STARTING, Status.CONNECTING]], "told apart by their word only"
    assert len({shape for _tone, shape in LOOK.values()}) >= 8


def test_switching_while_the_window_is_open(qtbot, face, theme):
    def ground() -> float:
        return face.window.grab().toImage().pixelColor(450, 12).lightnessF()

    assert colours() is LIGHT and ground() > 0.8
    with qtbot.waitSignal(theme.changed):
        face.window.scheme_chosen.emit(Scheme.DARK)
    assert colours() is DARK and ground() < 0.2
    assert QApplication.palette().color(QPalette.ColorRole.Window) == QColor(DARK.window)
    face.window.scheme_chosen.emit(Scheme.LIGHT)
    assert colours() is LIGHT and ground() > 0.8


def test_the_choice_is_remembered(face):
    face.window.scheme_chosen.emit(Scheme.DARK)
    from desktop_app.ui.state import WindowState

    assert WindowState().scheme is Scheme.DARK


def test_logs_are_as_large_as_the_text_around_them(qapp, theme):
    before = qapp.font()
    large = QFont(before)
    large.setPointSizeF(20)
    qapp.setFont(large)
    assert fixed_font().pointSizeF() >= 18
    qapp.setFont(before)
