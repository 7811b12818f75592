"""A whole outside world in memory: for ``sessiondock --demo`` and for tests. Touches no file, network or keyring."""
