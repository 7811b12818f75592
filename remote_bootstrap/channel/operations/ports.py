"""Listening sockets: what of this machine the desktop could forward, read from /proc. Operation thread; no state.

Only TCP sockets of processes that this user may look into: those of others have no name here, and are not our affair.
"""

import contextlib
import os
import signal
import socket
import struct
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Set, Tuple

from remote_bootstrap.channel.operations.operation import Host, OperationError
from remote_bootstrap.machine import shown_command
from remote_bootstrap.process import processes

TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
LISTENING = "0A"
MAX_ROWS = 200
MAX_COMMAND_BYTES = 64 * 1024
SCAN_SECONDS = 3.0  # a machine with very many processes: what was found until then


@dataclass(frozen=True)
class Row:
    """One listening socket."""

    port: int
    address: str
    pid: int
    process: str
    command: str  # see argv.shown
    session: bool  # started in this session


def listening(host: Host, _args: Dict[str, Any]) -> Dict[str, Any]:
    """{"ports": rows, those of the session first, "more": how many were left out}."""
    sockets = open_sockets(_lines(TABLES))
    owners = owners_of(set(sockets))
    own = processes.marked(processes.SESSION_VARIABLE, host.context.task) | processes.descendants(os.getpid())
    rows = [_row(sockets[inode], pid, pid in own) for inode, pid in owners.items()]
    rows.sort(key=lambda row: (not row.session, row.port, row.address))
    return {"ports": [asdict(row) for row in rows[:MAX_ROWS]], "more": max(0, len(rows) - MAX_ROWS)}


def release(host: Host, args: Dict[str, Any]) -> Dict[str, Any]:
    """End the SSH connection of a desktop that went away and still listens on a port here: {"released": bool}.

    Until its server notices, such a connection would keep the port from its own successor. Only an sshd of this session
    is ended, never another program; with a server that is one process for all connections there is nothing to end.
    """
    port = args.get("port")
    if port in {app.port for app in host.progress.current().apps.values()}:
        raise OperationError("Port %s belongs to the session itself." % port)
    sockets = open_sockets(_lines(TABLES))
    holders = set(owners_of({inode for inode, (_address, at) in sockets.items() if at == port}).values())
    released = False
    for pid in holders & processes.descendants(os.getpid()):
        if _name(pid).startswith("sshd"):
            with contextlib.suppress(OSError):  # it ended by itself
                os.kill(pid, signal.SIGTERM)
                released = True
    return {"released": released}


def open_sockets(lines: Iterable[str]) -> Dict[int, Tuple[str, int]]:
    """Inode -> (address, port) of every listening socket in lines of /proc/net/tcp{,6}; others are skipped."""
    found = {}
    for line in lines:
        words = line.split()
        if len(words) < 10 or words[3] != LISTENING:
            continue
        with contextlib.suppress(ValueError, OverflowError, OSError):  # the table's head, or nothing that we know
            address, _, port = words[1].rpartition(":")
            found[int(words[9])] = (_address(address), int(port, 16))
    return found


def _address(text: str) -> str:
    """The kernel prints 32-bit words in the machine's own byte order."""
    raw = bytes.fromhex(text)
    swapped = struct.pack(">%dI" % (len(raw) // 4), *struct.unpack("=%dI" % (len(raw) // 4), raw))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, swapped)


def owners_of(inodes: Set[int]) -> Dict[int, int]:
    """Inode -> the oldest process that has the socket, as far as this user may see."""
    wanted = {"socket:[%d]" % inode: inode for inode in inodes}
    found: Dict[int, int] = {}
    end = time.monotonic() + SCAN_SECONDS
    for pid in sorted(processes.pids()):
        if len(found) == len(inodes) or time.monotonic() > end:
            break
        for name in _descriptors(pid):
            inode = wanted.get(name)
            if inode is not None:
                found.setdefault(inode, pid)
    return found


def _descriptors(pid: int) -> List[str]:
    found = []
    # suppress: gone meanwhile, or another user's
    with contextlib.suppress(OSError), os.scandir("/proc/%d/fd" % pid) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found.append(os.readlink(entry.path))  # noqa: PTH115  Path.readlink came with 3.9
    return found


def _row(where: Tuple[str, int], pid: int, session: bool) -> Row:
    words = _read("/proc/%d/cmdline" % pid, MAX_COMMAND_BYTES).decode("utf-8", "replace").rstrip("\0").split("\0")
    return Row(where[1], where[0], pid, shown_command.name_of(words, _name(pid)), shown_command.shown(words), session)


def _name(pid: int) -> str:
    return _read("/proc/%d/comm" % pid, 64).decode("utf-8", "replace").strip()


def _read(path: str, size: int) -> bytes:
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        return file.read(size)
    return b""


def _lines(paths: Iterable[str]) -> List[str]:
    found: List[str] = []
    for path in paths:
        with contextlib.suppress(OSError):  # no IPv6 here
            found += Path(path).read_text("ascii", "replace").splitlines()
    return found
