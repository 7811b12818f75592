"""Which user of this computer is at the other end of a loopback connection. Linux tells; any thread.

Every user of a computer reaches 127.0.0.1, and sees the command lines of others: the address of a login page too.
"""

import os
from enum import Enum, auto
from pathlib import Path

ROOT = 0  # may read everything anyway; on WSL the Windows browser's connections come from root's relay
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_TIME_WAIT = "06"  # such an entry belongs to nobody
_ORPHAN = ("0", "0")  # user and inode of a socket that its program has closed: the kernel calls it root's
_TRIES = 3  # the kernel's list may miss an entry while others come and go


class Peer(Enum):
    """Who is there. Only OURS is to be served."""

    OURS = auto()
    STRANGER = auto()  # a program of another user
    GONE = auto()  # it left before anybody looked, or hides


def whose(client_port: int, server_port: int) -> Peer:
    """Whose the client of our loopback listener is; OURS where the system doesn't tell."""
    for _ in range(_TRIES):
        try:
            lines = [line for table in _TABLES if table.exists() for line in _lines(table)]
        except OSError:
            return Peer.OURS
        owner = owner_of(lines, client_port, server_port)
        if owner is not None:
            return Peer.OURS if owner in (ROOT, os.getuid()) else Peer.STRANGER
    return Peer.GONE if any(table.exists() for table in _TABLES) else Peer.OURS


def owner_of(lines: list[str], client_port: int, server_port: int) -> int | None:
    """The user id of the socket with these ports, from lines as ``proc_pid_net(5)`` describes them."""
    for line in lines:
        words = line.split()
        if len(words) < 10 or words[3] == _TIME_WAIT or (words[7], words[9]) == _ORPHAN:
            continue
        if _port(words[1]) == client_port and _port(words[2]) == server_port:
            return int(words[7])
    return None


def _lines(table: Path) -> list[str]:
    return table.read_text("ascii").splitlines()[1:]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
