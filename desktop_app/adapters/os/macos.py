"""macOS. Any thread; blocks for seconds at most."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from desktop_app.adapters.os.start import start_detached

ITERM = "iTerm"


def terminal_command(argv: Sequence[str], chosen: str = "") -> list[str]:
    """Return the AppleScript that runs ``argv`` in a new terminal window: quoted for the shell, then for
    AppleScript."""
    line = shlex.join(argv).replace("\\", "\\\\").replace('"', '\\"')
    if chosen == ITERM:
        said = f'tell application "iTerm" to create window with default profile command "{line}"'
        return ["osascript", "-e", said, "-e", 'tell application "iTerm" to activate']
    return [
        "osascript",
        "-e",
        f'tell application "Terminal" to do script "{line}"',
        "-e",
        'tell application "Terminal" to activate',
    ]


def terminals() -> tuple[str, ...]:
    """Return the terminal programs that are installed."""
    return ("Terminal", *((ITERM,) if Path("/Applications/iTerm.app").exists() else ()))


def open_terminal(argv: Sequence[str], chosen: str = "") -> bool:
    return start_detached(terminal_command(argv, chosen if chosen in terminals() else ""))


def open_url(url: str) -> bool:
    """Hand the address to the default browser. It may hold a nonce, never a token."""
    return start_detached(["open", url])


def open_announcements() -> None:
    """Return None: macOS tells only programs with a Cocoa run loop (NSWorkspace); the clock and the addresses show the
    same within a second."""
