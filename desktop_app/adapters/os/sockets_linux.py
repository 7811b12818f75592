"""Linux: which user made a TCP socket of this computer. Any thread.

``ask_kernel`` asks for that one socket (``sock_diag(7)``) and takes some 20 microseconds however many there are.
``read_tables`` reads them all from /proc, which takes milliseconds, for a kernel or a container without sock_diag.
"""

import errno
import os
import socket
import struct
from pathlib import Path

from desktop_app.adapters.os.sockets import Address, Peer, Untold

ROOT = 0  # may read everything anyway; on WSL the Windows browser's connections come from root's relay
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_TRIES = 3  # a table may miss an entry while others come and go

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_REQUEST, _ERROR = 1, 2  # NLM_F_REQUEST, NLMSG_ERROR
_TIME_WAIT = 6  # such an entry belongs to nobody
_ORPHAN = -1  # a socket that its program has closed
_NO_COOKIE = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")  # nlmsghdr
_QUESTION = struct.Struct("=BBBxI")  # inet_diag_req_v2 up to its id
_PORTS = struct.Struct(">HH")  # inet_diag_sockid, from here …
_PLACE = struct.Struct("=III")  # … to here: interface, cookie
_ANSWER = struct.Struct("=BBBB")  # inet_diag_msg up to its id
_REST = struct.Struct("=IIIII")  # expires, rqueue, wqueue, uid, inode
_ID = _HEADER.size + _ANSWER.size
_AFTER_ID = _ID + _PORTS.size + 32 + _PLACE.size
_SECONDS = 1.0


def ask_kernel(client: Address, server: Address) -> Peer:
    """Return whose the socket is that connects ``client`` to ``server``, which is one of ours. Raises Untold."""
    owner = _ask(client, server)
    if owner is None and _ask(server, client) is None:
        raise Untold  # not even our own end: a kernel without the module for TCP answers the same as for "none"
    return _peer(owner)


def _peer(owner: int | None) -> Peer:
    if owner is None or owner == _ORPHAN:
        return Peer.GONE
    return Peer.OURS if owner in (ROOT, os.getuid()) else Peer.STRANGER


def _ask(local: Address, remote: Address) -> int | None:
    """Return the user id of the socket with exactly these ends; _ORPHAN, or None when there is none."""
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    ends = b"".join(socket.inet_pton(family, host).ljust(16, b"\0") for host, _port in (local, remote))
    wanted = _PORTS.pack(local[1], remote[1]) + ends
    body = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + wanted + _PLACE.pack(0, _NO_COOKIE, _NO_COOKIE)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
            kernel.settimeout(_SECONDS)
            kernel.send(_HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 1, 0) + body)
            answer = kernel.recv(8192)
    except OSError as error:
        raise Untold from error
    return _owner(answer, local, remote)


def _owner(answer: bytes, local: Address, remote: Address) -> int | None:
    if len(answer) < _HEADER.size + 4:
        raise Untold
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _ERROR:
        if struct.unpack_from("=i", answer, _HEADER.size)[0] == -errno.ENOENT:
            return None
        raise Untold
    if kind != _BY_FAMILY or len(answer) < _AFTER_ID + _REST.size:
        raise Untold
    family, state = _ANSWER.unpack_from(answer, _HEADER.size)[:2]
    ports = _PORTS.unpack_from(answer, _ID)
    ends = [_plain(family, answer[_ID + 4 + 16 * place :][:16]) for place in (0, 1)]
    if [(ends[0], ports[0]), (ends[1], ports[1])] != [(_mapped(local[0]), local[1]), (_mapped(remote[0]), remote[1])]:
        return None  # the kernel offers the listener of a port, where no connection has these ends
    uid, inode = _REST.unpack_from(answer, _AFTER_ID)[3:]
    # Without a user and an inode its program has closed it: older kernels call such a socket root's.
    return _ORPHAN if state == _TIME_WAIT or (uid == 0 and inode == 0) else int(uid)


def _plain(family: int, raw: bytes) -> bytes:
    """Return 16 bytes, whichever family the socket is of."""
    return raw if family == socket.AF_INET6 else _mapped(socket.inet_ntop(socket.AF_INET, raw[:4]))


def _mapped(host: str) -> bytes:
    if ":" in host:
        return socket.inet_pton(socket.AF_INET6, host)
    return bytes(10) + b"\xff\xff" + socket.inet_pton(socket.AF_INET, host)


def read_tables(client: Address, server: Address) -> Peer:
    """Look it up in the tables of /proc, as ``ask_kernel`` does in the kernel's answer."""
    for _ in range(_TRIES):
        try:
            tables = [table.read_bytes() for table in _TABLES if table.exists()]
        except OSError as error:
            raise Untold from error
        if not tables:
            raise Untold
        for table in tables:
            owner = owner_in(table, client, server)
            if owner is not None:
                return _peer(owner)
    return Peer.GONE


def owner_in(table: bytes, local: Address, remote: Address) -> int | None:
    """Return the user id of the socket with exactly these ends, in a table as ``proc_pid_net(5)`` describes it."""
    for short in (True, False):
        wanted = b" %s %s " % (_hex(local, short), _hex(remote, short))
        place = -1
        while (place := table.find(wanted, place + 1)) >= 0:
            words = table[place:].split(b"\n", 1)[0].split()
            orphan = len(words) < 9 or int(words[2], 16) == _TIME_WAIT or (words[6], words[8]) == (b"0", b"0")
            if not orphan:
                return int(words[6])
    return None


def _hex(address: Address, short: bool) -> bytes:
    """Return the address as the kernel prints it: words of the machine's byte order."""
    raw = _mapped(address[0])
    words = struct.unpack("=4I", raw)
    shown = words[3:] if short and raw[:12] == bytes(10) + b"\xff\xff" else words
    return ("".join(f"{word:08X}" for word in shown) + f":{address[1]:04X}").encode()
