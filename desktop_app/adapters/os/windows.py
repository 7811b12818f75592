"""Windows. Any thread; blocks for seconds at most."""

import shutil
import webbrowser
from collections.abc import Sequence

from desktop_app.adapters.os.start import start_detached

WINDOWS_TERMINAL, CONSOLE = "Windows Terminal", "Console window"


def terminal_command(argv: Sequence[str], windows_terminal: str | None) -> list[str]:
    """Return the command: Windows Terminal where it is installed (it splits commands at ``;``), else a console
    window."""
    if windows_terminal:
        return [windows_terminal, "new-tab", *(word.replace(";", "\\;") for word in argv)]
    return ["cmd.exe", "/c", "start", "", *argv]


def terminals() -> tuple[str, ...]:
    """Return the terminal programs that are installed."""
    return (*((WINDOWS_TERMINAL,) if shutil.which("wt.exe") else ()), CONSOLE)


def open_terminal(argv: Sequence[str], chosen: str = "") -> bool:
    return start_detached(terminal_command(argv, None if chosen == CONSOLE else shutil.which("wt.exe")))


def open_url(url: str) -> bool:
    """Hand the address to the default browser. It may hold a nonce, never a token."""
    return webbrowser.open(url)


def open_announcements() -> None:
    """Return None: Windows tells only windows (WM_POWERBROADCAST); the clock, which runs on while it sleeps, and the
    addresses show the same within a second."""
