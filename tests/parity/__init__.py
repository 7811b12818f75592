"""docs/parity.md against the tests that prove it."""
