"""The peer of ``make bench-app``: the least that a PySide6 program shows, a window with a list of 60 rows."""

import sys

from PySide6.QtWidgets import QApplication, QListWidget, QMainWindow

ROWS = 60


def main() -> int:
    """Show the window until it is ended."""
    app = QApplication(sys.argv)
    window = QMainWindow()
    rows = QListWidget()
    rows.addItems([f"Row {number}" for number in range(ROWS)])
    window.setCentralWidget(rows)
    window.resize(1160, 780)
    window.show()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
