"""Sessions in real containers."""
