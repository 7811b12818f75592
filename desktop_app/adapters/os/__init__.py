"""What differs between operating systems: opening a web address and a terminal window. Blocking for seconds at most.

``open_url`` and ``open_terminal`` of this system; each answers whether something was started. Children are detached:
they outlive SessionDock and belong to no terminal of ours.
"""

import sys

if sys.platform == "win32":
    from desktop_app.adapters.os.windows import open_terminal, open_url
elif sys.platform == "darwin":
    from desktop_app.adapters.os.macos import open_terminal, open_url
else:
    from desktop_app.adapters.os.linux import open_terminal, open_url

__all__ = ["open_terminal", "open_url"]
