"""Files between this computer and a session: one file, whole trees, the list of transfers."""
