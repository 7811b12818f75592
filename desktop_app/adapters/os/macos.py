"""macOS. Any thread; blocks for seconds at most."""

import shlex
from collections.abc import Sequence

from desktop_app.adapters.os.start import start_detached


def terminal_command(argv: Sequence[str]) -> list[str]:
    """AppleScript that runs ``argv`` in a new Terminal window: quoted for the shell, then for AppleScript."""
    line = shlex.join(argv).replace("\\", "\\\\").replace('"', '\\"')
    return [
        "osascript",
        "-e",
        f'tell application "Terminal" to do script "{line}"',
        "-e",
        'tell application "Terminal" to activate',
    ]


def open_terminal(argv: Sequence[str]) -> bool:
    return start_detached(terminal_command(argv))


def open_url(url: str) -> bool:
    """Hand the address to the default browser. It may hold a nonce, never a token."""
    return start_detached(["open", url])


def open_announcements() -> None:
    """macOS tells only programs with a Cocoa run loop (NSWorkspace); the clock and the addresses show the same
    within a second."""
