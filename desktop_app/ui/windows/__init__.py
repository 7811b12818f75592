"""SessionDock user interface: windows."""
