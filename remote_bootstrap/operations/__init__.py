"""What the desktop may ask of a running session over the control channel: one file per subject, listed in ``table``."""
