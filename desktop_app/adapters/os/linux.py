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
    ("qterminal", ("-e",)),
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
# a word of XDG_CURRENT_DESKTOP -> the terminals that belong to it, the newest first
OF_DESKTOP: Mapping[str, tuple[str, ...]] = {
    "GNOME": ("ptyxis", "kgx", "gnome-terminal"),
    "Unity": ("gnome-terminal",),
    "KDE": ("konsole",),
    "XFCE": ("xfce4-terminal",),
    "MATE": ("mate-terminal",),
    "X-Cinnamon": ("gnome-terminal",),
    "LXQt": ("qterminal",),
}
BROWSERS = ("xdg-open", "gio", "sensible-browser", "firefox", "chromium", "google-chrome")

Which = Callable[[str], str | None]


def has_display(env: Mapping[str, str]) -> bool:
    return bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))


def terminal_command(
    argv: Sequence[str], env: Mapping[str, str], which: Which = shutil.which, chosen: str = ""
) -> list[str] | None:
    """Return the command that opens a terminal window running ``argv``; None when no terminal is installed.

    The user's choice first, then $TERMINAL, then the desktop's own.
    """
    between = dict(TERMINALS)
    for name in (chosen, env.get("TERMINAL", ""), *_names(env)):
        program = which(name) if name else None
        if program:
            return [program, *between.get(name, ("-e",)), *argv]
    return None


def _names(env: Mapping[str, str]) -> list[str]:
    words = env.get("XDG_CURRENT_DESKTOP", "").split(":")
    own = [name for word in words for name in OF_DESKTOP.get(word, ())]
    return [TERMINALS[0][0], *own, *(name for name, _ in TERMINALS)]


def terminals() -> tuple[str, ...]:
    """Return the terminal programs that are installed, those of this desktop first; some stand for another one."""
    return tuple(dict.fromkeys(name for name in _names(os.environ) if shutil.which(name)))


def open_terminal(argv: Sequence[str], chosen: str = "") -> bool:
    command = terminal_command(argv, os.environ, chosen=chosen)
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
