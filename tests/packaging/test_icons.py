"""The committed PNGs are what the SVG files say, in every size that panels ask for; states differ without colour."""

import importlib.util
import itertools
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from desktop_app.domain.access.open_in import OPENERS
from desktop_app.ui.look.status import TrayState
from remote_bootstrap.contract.apps import APPS
from tests.support.paths import REPOSITORY

ICONS = REPOSITORY / "assets" / "icons"
TRAY = [state.value for state in TrayState]


@pytest.fixture(scope="module")
def renderer() -> ModuleType:
    # Loaded by path: a package named "packaging" would shadow the library of that name.
    spec = importlib.util.spec_from_file_location("render_icons", REPOSITORY / "packaging" / "render_icons.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def grey(image: QImage) -> list[int]:
    """Grey values of the picture on a dark panel, row by row."""
    canvas = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    flat = canvas.convertToFormat(QImage.Format.Format_RGB32).convertToFormat(QImage.Format.Format_Grayscale8)
    return [flat.pixelColor(x, y).value() for y in range(flat.height()) for x in range(flat.width())]


def difference(one: QImage, other: QImage) -> float:
    """Mean difference of two pictures' grey values, 0 to 255."""
    pairs = list(zip(grey(one), grey(other), strict=True))
    return sum(abs(a - b) for a, b in pairs) / len(pairs)


@pytest.mark.parametrize("svg", sorted(ICONS.glob("*.svg")), ids=lambda svg: svg.stem)
def test_every_size_is_committed_and_true(svg: Path, renderer: ModuleType, qapp: QApplication) -> None:
    for size in renderer.sizes_of(svg):
        committed = QImage(str(renderer.png_of(svg, size)))
        assert (committed.width(), committed.height()) == (size, size)
        assert committed.pixelColor(0, 0).alpha() == 0, "the corners are transparent"
        # Another version of Qt may smooth an edge a little differently.
        assert difference(committed, renderer.render(svg, size)) < 1.0, "run make icons"


def test_no_picture_without_a_drawing(renderer: ModuleType) -> None:
    drawn = {renderer.png_of(svg, size) for svg in ICONS.glob("*.svg") for size in renderer.sizes_of(svg)}
    assert set(ICONS.glob("*.png")) == drawn


def test_every_named_icon_exists() -> None:
    names = {*TRAY, *(app.icon for app in APPS), *(opener.icon for opener in OPENERS), "sessiondock"}
    assert names == {svg.stem for svg in ICONS.glob("*.svg")}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(TRAY, 2)))
@pytest.mark.parametrize("size", [16, 22])
def test_tray_states_differ_without_colour(one: str, other: str, size: int, qapp: QApplication) -> None:
    assert difference(QImage(str(ICONS / f"{one}-{size}.png")), QImage(str(ICONS / f"{other}-{size}.png"))) > 10
