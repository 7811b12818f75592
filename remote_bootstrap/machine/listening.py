"""Listening TCP sockets of this machine and the processes that hold them, read from /proc. Linux; any thread; no state.

Other users' sockets are in the kernel's table, but what their processes hold is not for this user to see.
"""

import contextlib
import ipaddress
import os
import socket
import struct
import time
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Set, Tuple

from remote_bootstrap.machine.network import ANY, LOOPBACK, is_loopback

TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
LISTENING = "0A"
SCAN_SECONDS = 3.0  # a machine with very many processes: what was found until then

Sockets = Dict[int, Tuple[str, int]]  # inode -> (address, port)


def sockets() -> Sockets:
    """Return every listening socket of this machine; empty where the kernel doesn't tell (not Linux)."""
    lines: List[str] = []
    for table in TABLES:
        with contextlib.suppress(OSError):  # no IPv6 here
            lines += Path(table).read_text("ascii", "replace").splitlines()
    return open_sockets(lines)


def open_sockets(lines: Iterable[str]) -> Sockets:
    """Return the listening sockets in lines of /proc/net/tcp{,6}; other lines are skipped."""
    listening = {}
    for line in lines:
        words = line.split()
        if len(words) < 10 or words[3] != LISTENING:
            continue
        with contextlib.suppress(ValueError, OverflowError, OSError):  # the table's head, or nothing that we know
            address, _, port = words[1].rpartition(":")
            listening[int(words[9])] = (_address(address), int(port, 16))
    return listening


def _address(text: str) -> str:
    """Return the address as users write it. The kernel prints 32-bit words in the machine's own byte order."""
    raw = bytes.fromhex(text)
    swapped = struct.pack(">%dI" % (len(raw) // 4), *struct.unpack("=%dI" % (len(raw) // 4), raw))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, swapped)


def owners_of(inodes: Set[int], pids: Iterable[int]) -> Dict[int, int]:
    """Return inode -> the first of ``pids`` that has the socket, as far as this user may see."""
    links = {_link(inode): inode for inode in inodes}
    owners: Dict[int, int] = {}
    end = time.monotonic() + SCAN_SECONDS
    for pid in pids:
        if len(owners) == len(inodes) or time.monotonic() > end:
            break
        with contextlib.suppress(OSError):  # it ended, or is another user's
            for held in _held_by(pid) & links.keys():
                owners.setdefault(links[held], pid)
    return owners


def listens(pid: int, port: int) -> bool:
    """True if this process listens on that TCP port, and where the kernel doesn't tell (not Linux, or a process that
    guards itself)."""
    if not _kernel_tells():
        return True
    try:
        return bool(_links(port) & _held_by(pid))
    except PermissionError:
        return True
    except OSError:
        return False  # it ended


def group_listens(group: int, port: int) -> bool:
    """True if a process of that group listens on that TCP port, and where the kernel doesn't tell (not Linux, or a
    process that guards itself).

    Between a port's choice and its server's start another user of the machine may take it, and be told the server's
    password by the next browser.
    """
    links = _links(port) if _kernel_tells() else set()
    if not links:
        return True
    for pid in _members(group):
        try:
            if links & _held_by(pid):
                return True
        except PermissionError:
            return True
        except OSError:
            continue  # it ended
    return False


def strays(group: int, host: str, port: int) -> List[str]:
    """Return where processes of that group listen though they were told to listen at ``host`` and ``port`` only, as
    "address:port"; loopback is never wrong. Empty where the kernel doesn't tell (not Linux)."""
    places = {_link(inode): (_plain(address), at) for inode, (address, at) in sockets().items()}
    wrong = set()
    for pid in _members(group):
        with contextlib.suppress(OSError):  # it ended, or is another user's
            for held in _held_by(pid):
                address, at = places.get(held, (LOOPBACK, 0))
                told = at == port and host in (address, ANY)
                if not told and not is_loopback(address):
                    wrong.add("%s:%d" % ("[%s]" % address if ":" in address else address, at))
    return sorted(wrong)


def _kernel_tells() -> bool:
    return Path(TABLES[0]).exists()


def _link(inode: int) -> str:
    """Return what a descriptor of that socket leads to."""
    return "socket:[%d]" % inode


def _links(port: int) -> Set[str]:
    return {_link(inode) for inode, (_address, at) in sockets().items() if at == port and inode}


def _held_by(pid: int) -> Set[str]:
    """Return what the descriptors of a process lead to. Raises OSError: it ended, or is another user's."""
    links = set()
    with os.scandir("/proc/%d/fd" % pid) as descriptors:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):  # closed meanwhile, as the listing's own
                links.add(os.readlink(descriptor.path))  # Path.readlink came with 3.9
    return links


def _members(group: int) -> Iterator[int]:
    """Yield the processes of a process group."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # it ended
            text = (process / "stat").read_text("ascii", "replace")
            if int(text.rpartition(")")[2].split()[2]) == group:
                yield int(process.name)


def _plain(address: str) -> str:
    """Return the IPv4 address that an IPv6 one stands for (::ffff:127.0.0.1), else the address itself."""
    return str(getattr(ipaddress.ip_address(address), "ipv4_mapped", None) or address)
