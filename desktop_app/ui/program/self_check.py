"""Whether Qt and the icons are all here, asked of the installed program by ``--self-test``. Main thread, no screen."""

import sys
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QPluginLoader, qVersion
from PySide6.QtGui import QGuiApplication, QImage

from desktop_app.ui.look.icons import APP_ICON, files
from desktop_app.ui.look.status import TrayState
from remote_bootstrap.contract.apps import APPS

PLATFORMS = {
    "linux": ("platforms/*qxcb*", "platforms/*qwayland*", "platforms/*qoffscreen*", "xcbglintegrations/*"),
    "darwin": ("platforms/*qcocoa*",),
    "win32": ("platforms/*qwindows*",),
}
PICTURES = ("iconengines/*qsvgicon*", "imageformats/*qsvg*")


def plugins() -> str:
    """Load each Qt plugin that the window needs. Raises RuntimeError that names what is missing or does not load."""
    folder = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath))
    for pattern in (*PLATFORMS[sys.platform], *PICTURES):
        found = list(folder.glob(pattern))
        if not found:
            raise RuntimeError(f"Qt plugin {pattern} is missing in {folder}")
        for path in found:
            loader = QPluginLoader(str(path))
            if not loader.load():
                raise RuntimeError(f"Qt plugin {path.name} does not load: {loader.errorString()}")
    return f"Qt {qVersion()}"


def icons() -> str:
    """Read every icon, SVG and PNG. Raises RuntimeError that names the first that can't be shown."""
    app = QGuiApplication.instance() or QGuiApplication(["sessiondock", "-platform", "offscreen"])
    names = (APP_ICON, *(state.value for state in TrayState), *(spec.icon for spec in APPS))
    pictures = [picture for name in names for picture in _pictures(name)]
    unreadable = [picture.name for picture in pictures if QImage(str(picture)).isNull()]
    del app
    if unreadable:
        raise RuntimeError(f"icons that Qt can't read: {', '.join(unreadable)}")
    return f"{len(pictures)} pictures of {len(names)} icons"


def _pictures(name: str) -> tuple[Path, ...]:
    found = files(name)
    if {path.suffix for path in found} != {".svg", ".png"}:
        raise RuntimeError(f"icon {name} is not complete: {[path.name for path in found]}")
    return found
