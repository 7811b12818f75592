"""Local ports: opens listeners on 127.0.0.1, finds another port where one is taken, and names who holds it.

Runs on the caller's thread; holds no state. Decision 0027.
"""

import os
import socket
import sys
from collections.abc import Iterator

import psutil

LOOPBACK = "127.0.0.1"
NEIGHBOURS = 200  # how far upward a replacement is looked for before any free port will do
OURSELVES = "another session of SessionDock"
UNKNOWN_PROGRAM = "another program"
_LOCAL = (LOOPBACK, "0.0.0.0", "::", "::ffff:127.0.0.1")  # noqa: S104 - addresses that would clash with ours


def listen(port: int) -> socket.socket | None:
    """Return a listener on 127.0.0.1, None when the port can't be had. ``port`` 0 = any."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # There SO_REUSEADDR would let two programs share the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Connections of an earlier run that linger in TIME_WAIT must not move our port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
        listener.setblocking(False)
    except OSError:
        listener.close()
        return None
    return listener


def open_near(wanted: int) -> tuple[socket.socket, str] | None:
    """Return a listener on ``wanted``, else the next free port upward, else any; and the name of who holds
    ``wanted``."""
    holder = ""
    for port in _candidates(wanted):
        listener = listen(port)
        if listener is not None:
            return listener, holder
        holder = holder or holder_of(wanted)
    return None


def _candidates(wanted: int) -> Iterator[int]:
    if wanted:
        yield from range(wanted, min(wanted + NEIGHBOURS, 65536))
    yield 0


def holder_of(port: int) -> str:
    """Return the program that listens on the port, as users know it: ``python3 (process 4711)``."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):  # macOS shows other users' sockets to root only
        return UNKNOWN_PROGRAM
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or connection.laddr.port != port:
            continue
        if connection.laddr.ip in _LOCAL and connection.pid:
            return _program(connection.pid)
    return UNKNOWN_PROGRAM


def _program(pid: int) -> str:
    if pid == os.getpid():
        return OURSELVES
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.Error:
        return UNKNOWN_PROGRAM
