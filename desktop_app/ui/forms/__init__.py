"""SessionDock user interface: forms."""
