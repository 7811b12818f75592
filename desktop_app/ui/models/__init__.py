"""SessionDock user interface: models."""
