"""SessionDock user interface: wizard."""
