"""How applications get onto the machine: one file per application. Run on the remote only, never by the desktop."""
