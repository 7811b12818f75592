"""What differs between operating systems: opening a web address and a terminal window, and what the system announces.

``open_url`` and ``open_terminal`` of this system (blocking for seconds at most) answer whether something was started;
``terminals`` are those that the user may choose from. Children are detached: they outlive SessionDock and belong to no
terminal of ours. ``open_announcements`` gives the system's own word on waking and network changes, or None where the
clock and the addresses have to do. ``Keyboard`` waits for what the user types in the terminal that we run in.
"""

import sys

if sys.platform == "win32":
    from desktop_app.adapters.os.keyboard_windows import Keyboard
    from desktop_app.adapters.os.windows import open_announcements, open_terminal, open_url, terminals
elif sys.platform == "darwin":
    from desktop_app.adapters.os.keyboard_posix import Keyboard
    from desktop_app.adapters.os.macos import open_announcements, open_terminal, open_url, terminals
else:
    from desktop_app.adapters.os.keyboard_posix import Keyboard
    from desktop_app.adapters.os.linux import open_announcements, open_terminal, open_url, terminals

__all__ = ["Keyboard", "open_announcements", "open_terminal", "open_url", "terminals"]
