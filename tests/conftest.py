"""Settings for all tests: the guards, Qt without a screen, and end-to-end tests last."""

import os
import signal

import pytest

# Read before any test replaces HOME: the places of what `make setup` installed belong to the real user.
import tests.support.paths  # noqa: F401

pytest_plugins = ["tests.support.guards"]

# Widget tests need no display; end-to-end tests give the programs that they start a display of their own.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

# A shell ignores Ctrl-C for what it starts in the background, and the programs that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "leaves_threads(prefix, ...): threads with these names may outlive the test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests tell of a mistake first; those that launch sessions come last."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is not None)
