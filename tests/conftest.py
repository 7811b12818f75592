"""Settings for all tests: the guards, Qt without a screen, and end-to-end tests last."""

import os
import signal

import pytest

# Read before any test replaces HOME: the places of what `make setup` installed belong to the real user.
import tests.support.paths  # noqa: F401

pytest_plugins = ["tests.support.guards", "tests.support.request_guard"]

# Widget tests need no display; end-to-end tests give the programs that they start a display of their own.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

# A shell ignores Ctrl-C for what it starts in the background, and the programs that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# nohup does the same with the end of a terminal.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "leaves_threads(prefix, ...): threads with these names may outlive the test")


NEEDS_ROOT = pytest.StashKey[int]()  # how many tests an ordinary user can't run


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Quick tests tell of a mistake first; those that launch sessions come last. Containers are for root."""
    if os.geteuid() != 0:
        left_out = [item for item in items if item.get_closest_marker("engine")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
        config.stash[NEEDS_ROOT] = len(left_out)
    items.sort(key=lambda item: item.get_closest_marker("e2e") is not None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(NEEDS_ROOT, 0)
    if left_out:
        terminalreporter.write_line(
            f"NOT RUN: {left_out} tests of sessions in Docker containers. Only root can start the engine that they"
            " need; run the same command as root to have them, too (CONTRIBUTING.md).",
            yellow=True,
        )
