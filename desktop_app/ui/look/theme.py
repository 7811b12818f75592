"""Colours, type and spacing: one light and one dark table, and how they reach Qt. GUI thread.

Plain Linux desktops ignore ``QStyleHints.setColorScheme`` (the scheme stays Unknown and the palette light), so the
window always sets a palette of its own on Fusion and follows the desktop where it tells light from dark.
"""

from dataclasses import dataclass
from enum import Enum
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

SPACE_XS, SPACE_S, SPACE_M, SPACE_L, SPACE_XL = 4, 8, 12, 16, 24
PLAIN_FAMILIES = ("Sans Serif", "DejaVu Sans", "")  # what Qt names when no desktop chose a font
NICER_FAMILIES = ["Inter", "Noto Sans", "Cantarell", "Ubuntu", "DejaVu Sans"]


class Scheme(Enum):
    """What the user chose; the value is the label."""

    SYSTEM = "Same as system"
    LIGHT = "Light"
    DARK = "Dark"


class Tone(Enum):
    """What a colour says. Always shown together with a shape or a word, never alone."""

    NEUTRAL = "neutral"
    BUSY = "busy"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Shade:
    """A tone as colours: text and glyphs in ``ink`` on ``wash``."""

    ink: str
    wash: str


@dataclass(frozen=True, slots=True)
class Colours:
    """Every colour of one scheme. Text reaches a contrast of 4.5:1 on each ground that it is used on."""

    window: str
    surface: str
    sunken: str
    border: str
    strong_border: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    accent_wash: str
    tones: dict[Tone, Shade]


LIGHT = Colours(
    window="#f4f6f9",
    surface="#ffffff",
    sunken="#eef1f5",
    border="#dfe4eb",
    strong_border="#7d8999",
    text="#18202c",
    muted="#566273",
    accent="#1f5fd6",
    accent_hover="#184eb3",
    on_accent="#ffffff",
    accent_wash="#e8f0fe",
    tones={
        Tone.NEUTRAL: Shade("#4d5868", "#e9edf2"),
        Tone.BUSY: Shade("#1a4fb4", "#e3edfd"),
        Tone.GOOD: Shade("#11663a", "#dcf4e5"),
        Tone.WARN: Shade("#844a06", "#fdf0d5"),
        Tone.BAD: Shade("#a8222b", "#fde6e6"),
    },
)
DARK = Colours(
    window="#12161c",
    surface="#1a2029",
    sunken="#0e1217",
    border="#2b3440",
    strong_border="#6f7d8f",
    text="#e7ecf3",
    muted="#9ba8b9",
    accent="#6ea4ff",
    accent_hover="#8db8ff",
    on_accent="#0a1a35",
    accent_wash="#1c2c47",
    tones={
        Tone.NEUTRAL: Shade("#b3bfce", "#2a323d"),
        Tone.BUSY: Shade("#9cc2ff", "#1d3053"),
        Tone.GOOD: Shade("#76dba0", "#14382a"),
        Tone.WARN: Shade("#f3c469", "#40301a"),
        Tone.BAD: Shade("#ff9c9c", "#482327"),
    },
)


def colours() -> Colours:
    """Return the table in use, for painters. It is the application's: the stylesheet bends a widget's own palette."""
    return DARK if QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def make_palette(table: Colours) -> QPalette:
    """Return a palette with every role set: what is left out comes from the platform and may be of the other scheme."""
    role = QPalette.ColorRole
    palette = QPalette()
    for target, value in {
        role.Window: table.window,
        role.WindowText: table.text,
        role.Base: table.surface,
        role.AlternateBase: table.sunken,
        role.Text: table.text,
        role.Button: table.surface,
        role.ButtonText: table.text,
        role.BrightText: table.on_accent,
        role.ToolTipBase: table.surface,
        role.ToolTipText: table.text,
        role.PlaceholderText: table.muted,
        role.Highlight: table.accent,
        role.HighlightedText: table.on_accent,
        role.Accent: table.accent,
        role.Link: table.accent,
        role.LinkVisited: table.accent,
        role.Light: table.surface,
        role.Midlight: table.border,
        role.Mid: table.border,
        role.Dark: table.strong_border,
        role.Shadow: table.sunken,
    }.items():
        palette.setColor(target, QColor(value))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(table.strong_border))
    return palette


STYLE = Template("""
QWidget { selection-background-color: $accent; selection-color: $on_accent; }
QToolTip { background: $surface; color: $text; border: 1px solid $border; padding: 6px; }
#sidebar { background: $window; border-right: 1px solid $border; }
#details, #detailsBody, #page { background: $window; }
QFrame[card="true"] { background: $surface; border: 1px solid $border; border-radius: 10px; }
QLabel[role="title"] { font-size: ${title_pt}pt; font-weight: 600; }
QLabel[role="heading"] { font-size: ${heading_pt}pt; font-weight: 600; }
QLabel[role="section"] { font-weight: 600; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="mono"] { font-family: monospace; }
QLabel[role="error"] { color: $bad; }
QLabel[role="note"] { color: $warn; }
QPushButton, QToolButton { background: $surface; color: $text; border: 1px solid $border; border-radius: 7px;
  padding: 7px 14px; min-height: 18px; }
QPushButton:hover, QToolButton:hover { border-color: $strong_border; }
QPushButton:pressed, QToolButton:pressed { background: $sunken; }
QPushButton:focus, QToolButton:focus { border: 2px solid $accent; padding: 6px 13px; }
QPushButton:disabled, QToolButton:disabled { color: $strong_border; background: $window; border-color: $border; }
QPushButton[kind="primary"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QPushButton[kind="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[kind="primary"]:focus { border: 2px solid $text; }
QPushButton[kind="primary"]:disabled { background: $neutral_wash; color: $muted; border-color: $border; }
QPushButton[kind="danger"] { color: $bad; }
QPushButton[kind="danger"]:hover { background: $bad_wash; border-color: $bad; }
QPushButton[kind="danger"]:disabled { color: $strong_border; }
QPushButton[kind="destructive"] { background: $bad; color: $surface; border-color: $bad; font-weight: 600; }
QPushButton[kind="destructive"]:hover { border-color: $text; }
QPushButton[kind="destructive"]:focus { border: 2px solid $text; }
QPushButton[kind="destructive"]:disabled { background: $neutral_wash; color: $muted; border-color: $border; }
QPushButton[kind="quiet"], QToolButton[kind="quiet"] { background: transparent; border-color: transparent; }
QPushButton[kind="quiet"]:hover, QToolButton[kind="quiet"]:hover { background: $sunken; }
QPushButton[kind="quiet"]:focus, QToolButton[kind="quiet"]:focus { border: 2px solid $accent; }
QPushButton[kind="fold"] { background: transparent; border-color: transparent; text-align: left; padding-left: 26px; }
QPushButton[kind="fold"]:hover { background: $sunken; }
QPushButton[kind="fold"]:focus { border: 2px solid $accent; padding-left: 25px; }
QPushButton[kind="link"] { background: transparent; border-color: transparent; color: $muted; padding: 7px 4px; }
QPushButton[kind="link"]:hover { background: $sunken; color: $accent; }
QPushButton[kind="link"]:focus { border: 2px solid $accent; padding: 6px 3px; }
QPushButton::menu-indicator, QToolButton::menu-indicator { image: none; width: 0; }
QLineEdit, QPlainTextEdit, QSpinBox, QComboBox { background: $surface; color: $text; border: 1px solid $field_border;
  border-radius: 7px; padding: 6px 10px; min-height: 20px; }
QPlainTextEdit { padding: 6px; }
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QComboBox:focus { border: 2px solid $accent; padding: 5px 9px; }
QPlainTextEdit:focus { padding: 5px; }
QLineEdit[wrong="true"], QPlainTextEdit[wrong="true"], QSpinBox[wrong="true"], QComboBox[wrong="true"] {
  border-color: $bad; }
QLineEdit QToolButton { background: transparent; border: none; padding: 0; min-height: 0; }
QLineEdit:disabled, QComboBox:disabled { color: $muted; background: $window; }
QComboBox::drop-down { border: none; width: 28px; }
QComboBox::down-arrow { image: none; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $border; padding: 4px; outline: 0; }
#plain { background: transparent; border: none; padding: 0; min-height: 0; }
#log { background: $surface; border: 1px solid $border; border-radius: 10px; padding: 8px; }
#log:focus { border: 2px solid $accent; padding: 7px; }
QTreeView, QListWidget { background: $surface; color: $text; border: 1px solid $field_border; border-radius: 7px;
  outline: 0; padding: 4px; }
QTreeView:focus, QListWidget:focus { border: 2px solid $accent; padding: 3px; }
QTreeView::item, QListWidget::item { padding: 5px 8px; border: none; }
QTreeView::item:selected { background: $accent; color: $on_accent; }
QListWidget::item:selected { background: $accent_wash; color: $text; }
QHeaderView::section { background: $surface; color: $muted; border: none; border-bottom: 1px solid $border;
  padding: 5px 8px; }
QListView#sessions { background: transparent; border: none; outline: 0; }
QMenu { background: $surface; border: 1px solid $border; padding: 6px; }
QMenu::item { padding: 7px 24px 7px 14px; border-radius: 5px; }
QMenu::item:selected { background: $accent_wash; color: $text; }
QMenu::item:disabled { color: $strong_border; }
QMenu::separator { height: 1px; background: $border; margin: 6px 4px; }
QMenu::icon { padding-left: 8px; }
QFrame[banner="warn"] { background: $warn_wash; border: 1px solid $warn; border-radius: 10px; }
QFrame[banner="bad"] { background: $bad_wash; border: 1px solid $bad; border-radius: 10px; }
QScrollArea { background: transparent; border: none; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 2px; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 2px; }
QScrollBar::handle { background: $border; border-radius: 4px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: $strong_border; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }
QSplitter::handle { background: transparent; }
QProgressBar { background: $sunken; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
""")


def stylesheet(table: Colours, points: float = 10.0) -> str:
    """Return the one stylesheet of the application; ``points`` is the size of its font, which titles grow with."""
    plain = {name: value for name in table.__slots__ if isinstance(value := getattr(table, name), str)}
    field_border = table.strong_border
    tones = {"bad": table.tones[Tone.BAD].ink, "warn": table.tones[Tone.WARN].ink}
    washes = {f"{tone.value}_wash": table.tones[tone].wash for tone in (Tone.BAD, Tone.WARN, Tone.NEUTRAL)}
    sizes = {"title_pt": f"{points * 1.8:.1f}", "heading_pt": f"{points * 1.2:.1f}"}
    return STYLE.substitute(plain, field_border=field_border, **tones, **washes, **sizes)


def base_font() -> QFont:
    """Return the desktop's own font; where no desktop chose one, the nicest that is installed, a little larger."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if font.family() in PLAIN_FAMILIES:
        font.setFamilies(NICER_FAMILIES)
        font.setPointSizeF(max(10.0, font.pointSizeF()))
    return font


def fixed_font() -> QFont:
    """Return the desktop's font for code and logs, as large as the text around it where the desktop's is smaller."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(max(font.pointSizeF(), 0.9 * QApplication.font().pointSizeF()))
    return font


class Theme(QObject):
    """Applies a scheme to the application and follows the desktop while the choice is SYSTEM."""

    changed = Signal()

    def __init__(self, app: QApplication, scheme: Scheme = Scheme.SYSTEM) -> None:
        super().__init__(app)
        self._app = app
        self._scheme = scheme
        app.setStyle("Fusion")
        font = base_font()
        app.setFont(font)
        self._points = font.pointSizeF() if font.pointSizeF() > 0 else 10.0
        app.styleHints().colorSchemeChanged.connect(self._desktop_changed)
        self.choose(scheme)

    @property
    def scheme(self) -> Scheme:
        return self._scheme

    @property
    def dark(self) -> bool:
        """True if the dark table is shown now."""
        if self._scheme is not Scheme.SYSTEM:
            return self._scheme is Scheme.DARK
        return self._app.styleHints().colorScheme() is Qt.ColorScheme.Dark

    def choose(self, scheme: Scheme) -> None:
        self._scheme = scheme
        hints = self._app.styleHints()
        if scheme is Scheme.SYSTEM:
            hints.unsetColorScheme()
        else:  # window frames and native menus follow where the platform can
            hints.setColorScheme(Qt.ColorScheme.Dark if scheme is Scheme.DARK else Qt.ColorScheme.Light)
        self._apply()

    def _desktop_changed(self, _scheme: Qt.ColorScheme) -> None:
        self._apply()

    def _apply(self) -> None:
        table = DARK if self.dark else LIGHT
        self._app.setPalette(make_palette(table))
        if (
            style := stylesheet(table, self._points)
        ) != self._app.styleSheet():  # setting it polishes every widget again
            self._app.setStyleSheet(style)
        self.changed.emit()
