"""Which user of this computer is at the other end of a loopback connection.

Every user of a computer reaches 127.0.0.1, and sees the command lines of others: the address of a login page too. Both
addresses and both ports decide, exactly: another user may come from 127.0.0.2 with a port that a program of ours has.
``glance`` takes microseconds and is for loops, ``whose`` may take a second; both on the caller's thread.
"""

import socket
import sys
from collections.abc import Callable, Sequence

from desktop_app.adapters.os.sockets import Address, Peer, Untold, look_through_processes

__all__ = ["Peer", "glance", "whose"]

Look = Callable[[Address, Address], Peer]  # (client's end, our end) -> whose the client is; raises Untold

if sys.platform == "linux":
    from desktop_app.adapters.os.sockets_linux import ask_kernel, read_tables

    QUICK: tuple[Look, ...] = (ask_kernel,)
    SLOW: tuple[Look, ...] = (read_tables, look_through_processes)
else:
    QUICK = ()
    SLOW = (look_through_processes,)


def glance(accepted: socket.socket, looks: Sequence[Look] = QUICK) -> Peer | None:
    """Return whose the client of a connection is that a listener of ours accepted; None where only ``whose`` can
    tell."""
    ends = _ends(accepted)
    if ends is None:
        return Peer.GONE
    for look in looks:
        try:
            found = look(*ends)
        except Untold:
            continue
        # While our end stands, nobody else can have had these two addresses and ports.
        return found if _ends(accepted) == ends else Peer.GONE
    return None


def whose(accepted: socket.socket, looks: Sequence[Look] = (*QUICK, *SLOW)) -> Peer:
    """Return the same as ``glance`` by all means that the system has; OURS where it does not tell."""
    return glance(accepted, looks) or Peer.OURS


def _ends(accepted: socket.socket) -> tuple[Address, Address] | None:
    """Return the client's end and ours; None once it left."""
    try:
        return _plain(accepted.getpeername()), _plain(accepted.getsockname())
    except OSError:
        return None


def _plain(name: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    return name[0].removeprefix("::ffff:").partition("%")[0], name[1]
