"""The proxy's greeting, at random: whatever a local program says, it is a destination or a refusal."""

import io
import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from desktop_app.adapters.ssh.forwarding.socks import SocksError, negotiate
from tests.support.fuzzing import thorough


def read_from(data: bytes):
    stream = io.BytesIO(data)

    def read(size: int) -> bytes:
        got = stream.read(size)
        if len(got) < size:
            raise EOFError
        return got

    return read


GREETINGS = st.tuples(
    st.sampled_from([b"\x05\x01\x00", b"\x05\x02\x00\x02", b"\x04\x01", b"\x05\x00"]) | st.binary(max_size=6),
    st.sampled_from([b"\x05\x01\x00\x01", b"\x05\x01\x00\x03", b"\x05\x01\x00\x04", b"\x05\x02\x00\x01"])
    | st.binary(max_size=5),
    st.binary(max_size=40),
).map(b"".join)


@thorough
@given(GREETINGS | st.binary(max_size=60))
def test_a_greeting_is_a_destination_or_a_refusal(data: bytes) -> None:
    said: list[bytes] = []
    try:
        way = negotiate(read_from(data), said.append)
    except EOFError:
        return
    except SocksError as refusal:
        assert refusal.answer == b"" or refusal.answer[0] == 5
        return
    assert said == [b"\x05\x00"]
    assert 0 < way.port < 65536
    assert way.host and way.host.isascii() and way.host.isprintable() and " " not in way.host


@thorough
@given(st.ip_addresses(), st.integers(1, 65535))
def test_addresses_arrive_as_they_were_meant(address, port: int) -> None:
    kind = b"\x01" if address.version == 4 else b"\x04"
    way = negotiate(read_from(b"\x05\x01\x00\x05\x01\x00" + kind + address.packed + port.to_bytes(2, "big")), len)
    assert (ipaddress.ip_address(way.host), way.port) == (address, port)
