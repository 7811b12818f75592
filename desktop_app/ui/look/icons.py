"""Where the icons are, in a source tree and in a frozen app, and what stands in for one that is missing. GUI thread."""

import logging
import sys
from functools import cache
from pathlib import Path

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from desktop_app.domain.sessions.snapshot import Status
from desktop_app.ui.look.status import LOOK, Shape, TrayState, paint_shape
from desktop_app.ui.look.theme import LIGHT, Tone
from remote_bootstrap.contract.apps import APPS

APP_ICON = "sessiondock"
log = logging.getLogger(__name__)

ON_BOTH = {
    Tone.NEUTRAL: "#7d8896",
    Tone.BUSY: "#3f7ff0",
    Tone.GOOD: "#2a9d5f",
    Tone.WARN: "#c98210",
    Tone.BAD: "#e04b52",
}
_TRAY_LOOK = {
    TrayState.IDLE: (Tone.NEUTRAL, Shape.RING),
    TrayState.UP: (Tone.GOOD, Shape.DOT),
    TrayState.BUSY: (Tone.BUSY, Shape.ARC),
    TrayState.RETRYING: (Tone.WARN, Shape.LOOP),
    TrayState.PROBLEM: (Tone.BAD, Shape.WARNING),
}


def assets_folder() -> Path:
    """Return ``assets`` of the source tree, or where PyInstaller unpacked it."""
    bundle = getattr(sys, "_MEIPASS", None)
    return (Path(bundle) if bundle else Path(__file__).resolve().parents[3]) / "assets"


@cache
def pictures() -> tuple[Path, ...]:
    """Return every picture that is installed. Lists the folder, once in a process."""
    folder = assets_folder() / "icons"
    return tuple(sorted((path for path in folder.rglob("*.*") if path.suffix in (".svg", ".png")), reverse=True))


@cache
def files(stem: str) -> tuple[Path, ...]:
    """Return every picture of an icon: ``stem.svg``, ``stem.png``, ``stem-32.png``, ``32/stem.png``…"""
    return tuple(path for path in pictures() if path.stem == stem or _is_size_of(stem, path))


def _is_size_of(stem: str, path: Path) -> bool:
    size = path.stem.removeprefix(f"{stem}-")
    return path.suffix == ".png" and size != path.stem and size.replace("@", "x").isalnum()


@cache
def icon(stem: str) -> QIcon:
    """Return all sizes of an icon in one; a null icon where the file is missing (logged once)."""
    made = QIcon()
    every = files(stem)
    # Some desktops can't take SVG over D-Bus, so the bitmaps come first.
    for path in [path for path in every if path.suffix == ".png"] or every:
        made.addFile(str(path))
    if made.isNull():
        _missing(stem)
    return made


@cache
def _missing(stem: str) -> None:
    log.warning("icon %s is missing in %s", stem, assets_folder() / "icons")


@cache
def tray_icon(state: TrayState) -> QIcon:
    """Return the tray's icon; drawn here where its file is missing: a tray entry without a picture can't be found."""
    return icon(state.value) if files(state.value) else drawn_tray_icon(state)


def drawn_tray_icon(state: TrayState) -> QIcon:
    tone, shape = _TRAY_LOOK[state]
    return drawn(shape, QColor(ON_BOTH[tone]), (16, 22, 24, 32, 48, 64))


def app_stems() -> tuple[str, ...]:
    """Return the icon of each application in the table."""
    return tuple(spec.icon for spec in APPS)


def app_icon() -> QIcon:
    if files(APP_ICON):
        return icon(APP_ICON)
    return drawn(Shape.RING, QColor(LIGHT.accent), (16, 32, 48, 64, 128))


@cache
def status_icon(status: Status) -> QIcon:
    """Return an icon for native menus, whose background is not ours: in a colour that can be seen on light and dark."""
    tone, shape = LOOK[status]
    return drawn(shape, QColor(ON_BOTH[tone]), (16, 32))


def drawn(shape: Shape, colour: QColor, sizes: tuple[int, ...]) -> QIcon:
    made = QIcon()
    for size in sizes:
        pixmap = QPixmap(QSize(size, size))
        pixmap.fill(QColor(0, 0, 0, 0))
        painter = QPainter(pixmap)
        paint_shape(painter, QRectF(1, 1, size - 2, size - 2), shape, colour)
        painter.end()
        made.addPixmap(pixmap)
    return made
