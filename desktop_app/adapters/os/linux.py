"""Linux and other systems with the freedesktop conventions. Any thread; blocks for seconds at most."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence

from desktop_app.adapters.os.linux_bus import open_announcements
from desktop_app.adapters.os.start import start_detached

__all__ = ["open_announcements", "open_terminal", "open_url"]

# program -> what stands between it and the command that it shall run; the desktop's own choice comes first
TERMINALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("xdg-terminal-exec", ()),
    ("gnome-terminal", ("--",)),
    ("kgx", ("--",)),
    ("ptyxis", ("--",)),
    ("konsole", ("-e",)),
    ("xfce4-terminal", ("-x",)),
    ("mate-terminal", ("-x",)),
    ("tilix", ("-e",)),
    ("kitty", ()),
    ("alacritty", ("-e",)),
    ("foot", ()),
    ("wezterm", ("start", "--")),
    ("x-terminal-emulator", ("-e",)),
    ("xterm", ("-e",)),
)
BROWSERS = ("xdg-open", "gio", "sensible-browser", "firefox", "chromium", "google-chrome")

Which = Callable[[str], str | None]


def has_display(env: Mapping[str, str]) -> bool:
    return bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))


def terminal_command(argv: Sequence[str], env: Mapping[str, str], which: Which = shutil.which) -> list[str] | None:
    """The command that opens a terminal window running ``argv``; None when no terminal is installed."""
    chosen = env.get("TERMINAL", "")
    wanted = ((chosen, ("-e",)), *TERMINALS) if chosen else TERMINALS
    for name, between in wanted:
        program = which(name)
        if program:
            return [program, *between, *argv]
    return None


def open_terminal(argv: Sequence[str]) -> bool:
    command = terminal_command(argv, os.environ)
    return command is not None and has_display(os.environ) and start_detached(command)


def open_url(url: str) -> bool:
    """Hand the address to the desktop's browser. It may hold a nonce, never a token."""
    if not has_display(os.environ):
        return False
    for name in BROWSERS:
        program = shutil.which(name)
        if program and start_detached([program, *(("open",) if name == "gio" else ()), url]):
            return True
    return False
