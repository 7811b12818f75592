"""Small files of this computer: what SessionDock remembers, and what other programs keep."""
