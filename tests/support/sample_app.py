"""A small Qt program with a window and a tray icon, for the tests of the rig itself. Its GUI thread does everything."""

import sys
from pathlib import Path

import keyring
from PySide6.QtCore import QUrl
from PySide6.QtGui import QColor, QDesktopServices, QGuiApplication, QIcon, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSystemTrayIcon,
    QWidget,
)

SERVICE = "rig sample"


class Window(QWidget):
    """One of each kind of widget that the drivers know."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Rig sample")
        self.line = QLineEdit()
        self.box = QCheckBox("Keep running")
        self.combo = QComboBox()
        self.combo.addItems(["cpu", "gpu", "large"])
        self.combo.setAccessibleIdentifier("queue")
        self.label = QLabel("nothing yet")
        self.label.setAccessibleIdentifier("result")
        self.scheme = QLabel()
        self.scheme.setAccessibleIdentifier("scheme")
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(lambda scheme: self.scheme.setText(scheme.name))
        self.scheme.setText(hints.colorScheme().name)
        store, link = QPushButton("Store"), QPushButton("Open link")
        store.clicked.connect(self.store)
        link.clicked.connect(lambda: QDesktopServices.openUrl(QUrl("http://127.0.0.1:9/page?a=1")))
        disabled = QPushButton("Never")
        disabled.setEnabled(False)
        form = QFormLayout(self)
        form.addRow("Host name", self.line)
        for widget in (self.box, self.combo, store, link, disabled, self.label, self.scheme):
            form.addRow(widget)

    def store(self) -> None:
        try:
            keyring.set_password(SERVICE, "user", self.line.text())
            self.label.setText("stored " + str(keyring.get_password(SERVICE, "user")))
        except keyring.errors.KeyringError as error:
            self.label.setText(type(error).__name__)


def make_tray(window: Window) -> QSystemTrayIcon:
    pixmap = QPixmap(24, 24)
    pixmap.fill(QColor("#10a040"))
    tray = QSystemTrayIcon(QIcon(pixmap))
    tray.setToolTip("all is well")
    menu = QMenu(window)
    sessions = menu.addMenu("&Sessions")
    # Qt hands an underscore on as it is and panels take it for the mark of an access key: it has to be written twice.
    sessions.addAction("alpha__1", lambda: window.label.setText("tray chose alpha_1"))
    sessions.addAction("off").setEnabled(False)
    menu.addAction("&Notify", lambda: tray.showMessage("Session ready", "alpha_1 can be used"))
    menu.addSeparator()
    menu.addAction("Quit", QApplication.quit)
    tray.messageClicked.connect(lambda: window.label.setText("notification clicked"))
    tray.setContextMenu(menu)
    return tray


def main() -> int:
    app = QApplication(sys.argv)
    app.setApplicationName("rig-sample")
    app.setQuitOnLastWindowClosed(False)
    window = Window()
    window.show()
    tray = make_tray(window)
    tray.show()
    print("home is", Path.home(), flush=True)
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
