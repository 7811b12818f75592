"""Forwards that would lead into themselves, where both ends are the same computer. Pure functions.

A forward takes what comes to its local port to its remote port, a reverse one the other way round. On one computer both
are ports of the same loopback, so two of them can feed each other without end, and one of equal numbers itself.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from desktop_app.domain.access.listening import Forward, Kind


def leads_back(new: Forward, others: Iterable[Forward]) -> bool:
    """True if a connection to ``new`` would come back to it by way of ``others``."""
    ways = dict(_way(forward) for forward in others if _joins(forward) and forward.key != new.key)
    if not _joins(new):
        return False
    start, at = _way(new)
    seen = set()
    while at != start and at in ways and at not in seen:
        seen.add(at)
        at = ways[at]
    return at == start


def _joins(forward: Forward) -> bool:
    """True if they can join: not a SOCKS proxy, whose user says where to, nor what leads to IPv6's loopback: there is
    none of ours."""
    return forward.kind is not Kind.SOCKS and ":" not in forward.host


def _way(forward: Forward) -> tuple[int, int]:
    """Return from which port to which one it leads."""
    ends = (forward.local_port, forward.remote_port)
    return ends if forward.kind is Kind.LOCAL else (ends[1], ends[0])


def is_loopback(address: str) -> bool:
    """True if the address means whichever machine uses it."""
    try:
        return address == "localhost" or ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False
