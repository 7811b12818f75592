"""What the desktop may ask over the control channel: one file for each subject."""
