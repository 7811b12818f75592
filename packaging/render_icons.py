"""Draws assets/icons/*.png from the SVG files beside them (``make icons``), with Qt's own SVG renderer. One thread.

Panels and menus get bitmaps of the sizes that they ask for: StatusNotifierItem carries pixels, and not every desktop
reads SVG. The PNGs are committed; tests/packaging/test_icons.py holds them against the SVG files.
"""

import os
import sys
from pathlib import Path

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ICONS = Path(__file__).resolve().parents[1] / "assets" / "icons"
SIZES = (16, 22, 24, 32, 48, 64, 128)
SIZES_OF_THE_APP = (*SIZES, 256)
APP_ICON = "sessiondock"


def sizes_of(svg: Path) -> tuple[int, ...]:
    """Edge lengths in pixels."""
    return SIZES_OF_THE_APP if svg.stem == APP_ICON else SIZES


def png_of(svg: Path, size: int) -> Path:
    return svg.with_name(f"{svg.stem}-{size}.png")


def render(svg: Path, size: int) -> QImage:
    """The picture as ARGB; needs a QGuiApplication. Raises ValueError for a file that Qt cannot read."""
    renderer = QSvgRenderer(str(svg))
    if not renderer.isValid():
        raise ValueError(f"{svg} is not an SVG file that Qt can draw")
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return image


def main() -> int:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QGuiApplication(sys.argv)
    for svg in sorted(ICONS.glob("*.svg")):
        for size in sizes_of(svg):
            if not render(svg, size).save(str(png_of(svg, size))):
                raise OSError(f"{png_of(svg, size)} could not be written")
    app.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
