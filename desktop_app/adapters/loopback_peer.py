"""Which user of this computer is at the other end of a loopback connection. Linux tells; any thread.

Every user of a computer reaches 127.0.0.1, and sees the command lines of others: the address of a login page too.
"""

import os
from pathlib import Path

ROOT = 0  # may read everything anyway; on WSL the Windows browser's connections come from root's relay
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_TIME_WAIT = "06"  # such an entry belongs to nobody
_TRIES = 3  # the kernel's list may miss an entry while others come and go


def is_ours(client_port: int, server_port: int) -> bool:
    """Whether the client of our loopback listener runs as this user; True where the system doesn't tell."""
    for _ in range(_TRIES):
        try:
            lines = [line for table in _TABLES if table.exists() for line in _lines(table)]
        except OSError:
            return True
        owner = owner_of(lines, client_port, server_port)
        if owner is not None:
            return owner in (ROOT, os.getuid())
    return not any(table.exists() for table in _TABLES)  # somebody who hides is nobody of ours


def owner_of(lines: list[str], client_port: int, server_port: int) -> int | None:
    """The user id of the socket with these ports, from lines as ``proc_pid_net(5)`` describes them."""
    for line in lines:
        words = line.split()
        if len(words) < 8 or words[3] == _TIME_WAIT:
            continue
        if _port(words[1]) == client_port and _port(words[2]) == server_port:
            return int(words[7])
    return None


def _lines(table: Path) -> list[str]:
    return table.read_text("ascii").splitlines()[1:]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
