"""SessionDock user interface: dialogs."""
