"""The SSH subsystem ``sessiondock``: joins the SSH channel (stdin, stdout) to the bootstrap's socket.

Started by the SSH server for each control channel, as ``relay.py SOCKET``. Standard library only and no import of this
package, so that it starts at once. Ends when either side closes.
"""

import os
import selectors
import socket
import sys
from pathlib import Path

CHUNK = 65536


def connect(path: str) -> socket.socket:
    """Connect to a socket whose path may be longer than the 108 bytes of a socket address (Linux)."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(str(Path(path).parent), os.O_RDONLY)
    try:
        connection.connect("/proc/self/fd/%d/%s" % (folder, Path(path).name))
    finally:
        os.close(folder)
    return connection


def main() -> None:
    try:
        connection = connect(sys.argv[1])
    except OSError as error:
        sys.exit("The session's control program does not answer: %s" % error)
    with connection, selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        ready.register(connection, selectors.EVENT_READ)
        while True:
            for key, _events in ready.select():
                if key.fd == 0:
                    data = os.read(0, CHUNK)
                    if not data:
                        return
                    connection.sendall(data)
                else:
                    data = connection.recv(CHUNK)
                    if not data:
                        return
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
