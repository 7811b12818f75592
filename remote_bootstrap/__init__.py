"""The program that a SessionDock task runs on the remote machine (Python >= 3.8, standard library + clearml SDK)."""

__version__ = "0.1.0"  # of SessionDock; the desktop has the same
