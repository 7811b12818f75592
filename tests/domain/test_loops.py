"""Forwards between two ends of one computer: which of them would feed themselves."""

import pytest

from desktop_app.domain.access.listening import Forward, Kind
from desktop_app.domain.access.loops import leads_back


def local(port: int, remote: int, host: str = "127.0.0.1") -> Forward:
    return Forward(Kind.LOCAL, port, remote, host)


def reverse(remote: int, port: int) -> Forward:
    return Forward(Kind.REVERSE, port, remote)


@pytest.mark.parametrize(
    ("new", "others", "back"),
    [
        (local(6106, 6106), (), True),
        (reverse(6106, 6106), (), True),
        (local(6107, 6106), (), False),
        (local(6107, 6106), (local(6106, 6107),), True),
        (local(7001, 7002), (local(7002, 7003), local(7003, 7001)), True),
        (local(7001, 7002), (local(7002, 7003), local(7003, 7002)), False),  # a loop of others is theirs
        (local(8000, 9000), (reverse(9000, 8000),), True),
        (reverse(9000, 8000), (local(8000, 9000),), True),
        (local(8000, 8000, "::1"), (), False),  # our listeners are on IPv4's loopback
        (Forward(Kind.SOCKS, 1080), (local(6106, 1080),), False),
        (local(6107, 6106), (local(6106, 6106),), False),  # takes the place of that one
    ],
)
def test_a_forward_leads_back(new: Forward, others: tuple[Forward, ...], back: bool) -> None:
    assert leads_back(new, others) is back
