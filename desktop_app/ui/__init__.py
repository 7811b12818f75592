"""The window and the tray. The only room that imports PySide6."""
