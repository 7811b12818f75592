"""Frozen data, declarative tables and pure functions. Standard library only, no I/O, any thread."""
