"""``python -m desktop_app``, the command ``sessiondock``, and the frozen executable's entry. Main thread.

Dispatches what must not wait for the command line's imports: the sandbox's own process and the self-test.
"""

import os
import sys

from desktop_app import APP_NAME, SANDBOX_SERVE, __version__

SELF_TEST = "--self-test"
VERSION = "--version"
INTERRUPTED = 130


def clean_environment() -> None:
    """Give children of a frozen app on Linux the user's own library path, not ours (PyInstaller sets it for itself)."""
    if not getattr(sys, "frozen", False) or not sys.platform.startswith("linux"):
        return
    original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if original is not None:
        os.environ["LD_LIBRARY_PATH"] = original


def main() -> int:
    """Return the exit code: 0 done, 1 a problem, 2 wrong usage, 130 interrupted."""
    try:
        return _run()
    except KeyboardInterrupt:  # before a command began, or after it was done
        if sys.stderr is not None:
            sys.stderr.write("Interrupted.\n")
        return INTERRUPTED


def _is_written(text: str) -> bool:
    """Write a line to standard output; False where that fails, which the command line then tells as it always does."""
    if sys.stdout is None:
        return False
    try:
        os.write(sys.stdout.fileno(), text.encode())
    except (OSError, ValueError):
        return False
    return True


def _run() -> int:
    clean_environment()
    arguments = sys.argv[1:]
    # Imports are lazy on purpose: each way in loads only what it needs (the sandbox no window, the window no server).
    if arguments[:1] == [SANDBOX_SERVE]:
        from desktop_app.sandbox.__main__ import main as serve

        return serve(["serve", *arguments[1:]])
    if arguments == [VERSION] and _is_written(f"{APP_NAME} {__version__}\n"):
        return 0
    if SELF_TEST in arguments[:1]:
        from desktop_app.self_test import main as self_test

        return self_test(arguments[1:])
    from desktop_app import window_start

    if window_start.asks_for_window(arguments):
        hidden, demo = window_start.HIDDEN in arguments, window_start.demo_in(arguments)
        return window_start.open_window(arguments, hidden=hidden, demo=demo)
    from desktop_app.cli.main import main as command_line

    return command_line(arguments)


if __name__ == "__main__":
    sys.exit(main())
