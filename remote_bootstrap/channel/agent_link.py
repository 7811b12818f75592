"""The SSH subsystem ``sessiondock-agent``: while the desktop keeps it open, the user's SSH agent serves the session.

Started by the SSH server as ``agent_link.py LINK``, with the socket that it forwards in SSH_AUTH_SOCK. LINK, which
every program of the session knows, leads there until stdin ends. Standard library only and no import of this package.
"""

import contextlib
import os
import sys
from pathlib import Path

CHUNK = 4096


def main() -> None:
    target, link = os.environ.get("SSH_AUTH_SOCK", ""), Path(sys.argv[1])
    if not target or target == str(link):
        sys.exit("The SSH server forwards no agent.")
    fresh = link.with_name("%s.%d" % (link.name, os.getpid()))
    fresh.symlink_to(target)
    fresh.replace(link)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        while os.read(0, CHUNK):
            pass
    finally:
        with contextlib.suppress(OSError):
            if os.readlink(str(link)) == target:  # Path.readlink came with 3.9; another target: a newer connection's
                link.unlink()


if __name__ == "__main__":
    main()
