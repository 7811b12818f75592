"""Which user made a TCP socket, through psutil: macOS, Windows, and what the systems' own ways share. Any thread.

Slow (it looks through processes). Only processes of this user can be looked into on macOS, which is enough to tell
whether a socket is ours.
"""

import os
import sys
from collections import deque
from enum import Enum, auto
from typing import Protocol

import psutil

Address = tuple[str, int]  # host and port
_lately: deque[int] = deque(maxlen=16)  # processes that came lately: most likely it is one of them again


class Peer(Enum):
    """Who is there. Only OURS is to be served."""

    OURS = auto()
    STRANGER = auto()  # a program of another user
    GONE = auto()  # it left before anybody looked, or hides


class Connection(Protocol):
    """As psutil describes one."""

    @property
    def laddr(self) -> object: ...
    @property
    def raddr(self) -> object: ...


class Untold(Exception):
    """The system does not tell whose a socket is."""


def look_through_processes(client: Address, server: Address) -> Peer:
    """Return whose the socket is that connects ``client`` to ``server``, which is one of ours. Raises Untold when not
    even that one can be seen."""
    owners = _of_this_user(client, server) if sys.platform == "darwin" else _of_everybody(client, server)
    if server not in owners:
        raise Untold
    return owners.get(client, Peer.GONE)


def _of_everybody(client: Address, server: Address) -> dict[Address, Peer]:
    """Return near end -> whose, of the two sockets."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return _of_this_user(client, server)
    mine = psutil.Process().username()
    found: dict[Address, Peer] = {}
    for one in connections:
        near = _between(one, client, server)
        if near is not None and one.pid:
            found[near] = Peer.OURS if _user(one.pid) == mine else Peer.STRANGER
    return found


def _of_this_user(client: Address, server: Address) -> dict[Address, Peer]:
    """Return those that are ours only. What can't be looked into is not known to be ours."""
    mine = psutil.Process().username()
    found: dict[Address, Peer] = {}
    for pid in dict.fromkeys((os.getpid(), *_lately, *psutil.pids())):
        try:
            process = psutil.Process(pid)
            connections = process.net_connections("tcp") if process.username() == mine else []
        except (psutil.Error, OSError):
            continue  # it ended, or is the system's
        for near in (_between(one, client, server) for one in connections):
            if near is not None:
                found[near] = Peer.OURS
            if near == client and pid not in _lately:
                _lately.append(pid)
        if len(found) == 2:
            break
    return found


def _between(one: Connection, client: Address, server: Address) -> Address | None:
    """Return the near end of a connection between the two, else None."""
    near, far = _address(one.laddr), _address(one.raddr)
    return near if (near, far) in ((client, server), (server, client)) else None


def _user(pid: int) -> str:
    try:
        return psutil.Process(pid).username()
    except psutil.Error:
        return ""


def _address(address: object) -> Address | None:
    if not isinstance(address, tuple) or len(address) != 2:
        return None
    host, port = address
    return str(host).removeprefix("::ffff:"), int(port)
