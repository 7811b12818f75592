"""What arrives at the ssh-agent may be anything, in pieces of any size: nothing but refusals comes of it."""

import contextlib
import threading
from multiprocessing import connection
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.adapters.ssh.agent.pipe import PipeDoor
from desktop_app.adapters.ssh.agent.protocol import MESSAGE_LIMIT, AgentKeys, Framer
from desktop_app.adapters.ssh.agent.server import SshAgent
from desktop_app.adapters.ssh.keys import new_key, public_blob
from desktop_app.adapters.ssh.wire_format import Damaged, Reader, string

PRIVATE, PUBLIC = new_key("x")
KEY = load_ssh_public_key(PUBLIC.encode())
assert isinstance(KEY, Ed25519PublicKey)
BLOB = public_blob(KEY)
LIST, FAILURE = b"\x0b", b"\x05"

# Sign requests as OpenSSH makes them, and what is nearly one.
SIGN = st.builds(
    lambda blob, data, flags, tail: b"\x0d" + string(blob) + string(data) + flags + tail,
    st.sampled_from([BLOB, BLOB[:-1], b""]) | st.binary(max_size=60),
    st.binary(max_size=200),
    st.sampled_from([b"\0\0\0\0", b"\0\0\0\2"]) | st.binary(max_size=5),
    st.just(b"") | st.binary(max_size=4),
)
MESSAGES = st.binary(min_size=1, max_size=300) | SIGN


def made() -> AgentKeys:
    keys = AgentKeys()
    keys.add("session", PRIVATE)
    return keys


@settings(max_examples=300, deadline=None)
@given(MESSAGES)
def test_every_message_is_answered_and_only_whole_requests_are_signed(message: bytes) -> None:
    answer = made().answer(message)
    if answer[:1] == b"\x0e":
        request = Reader(message[1:])
        blob, data = request.string(), request.string()
        request.number()
        request.end()
        assert blob == BLOB
        signature = Reader(Reader(answer[1:]).string())
        assert signature.string() == b"ssh-ed25519"
        assert isinstance(KEY, Ed25519PublicKey)
        KEY.verify(signature.string(), data)
    else:
        assert answer == FAILURE or (message == LIST and answer[:1] == b"\x0c")


def test_a_request_as_openssh_makes_it_is_signed() -> None:
    assert made().answer(b"\x0d" + string(BLOB) + string(b"data") + b"\0\0\0\0")[:1] == b"\x0e"
    assert made().answer(LIST) == b"\x0c\0\0\0\1" + string(BLOB) + string(b"session")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.lists(st.integers(1, 40), max_size=30))
def test_messages_arrive_whole_however_the_stream_is_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(string(message) for message in messages)
    framer, found = Framer(), []
    for size in cuts:
        found += framer.feed(stream[:size])
        stream = stream[size:]
    assert found + framer.feed(stream) == messages


@given(st.integers(MESSAGE_LIMIT + 1, 2**32 - 1) | st.just(0), st.binary(max_size=20))
def test_an_impossible_length_ends_the_client_before_it_is_waited_for(size: int, more: bytes) -> None:
    with pytest.raises(Damaged):
        Framer().feed(size.to_bytes(4, "big") + more)


# -- the door of Windows, over connections of the same interface


@pytest.fixture
def piped(private_home: Path):
    agent = SshAgent(str(private_home / "run" / "pipe"), PipeDoor)
    agent.start()
    agent.keys.add("session", PRIVATE)
    yield agent
    agent.close()


def test_a_pipe_answers_a_request_in_pieces(piped: SshAgent) -> None:
    with connection.Client(piped.address) as client:
        client.send_bytes(b"\0\0\0\1")  # as OpenSSH does: the length alone, then the message
        client.send_bytes(LIST)
        assert client.recv_bytes() == string(made().answer(LIST))
        client.send_bytes(string(b"\xff") + string(LIST))
        assert client.recv_bytes() == string(FAILURE)
        assert client.recv_bytes() == string(made().answer(LIST))


def test_a_pipe_hangs_up_on_nonsense_and_lives(piped: SshAgent) -> None:
    with connection.Client(piped.address) as client:
        client.send_bytes(b"\xff" * 8)
        with pytest.raises(EOFError):
            client.recv_bytes()
    with connection.Client(piped.address) as client:
        client.send_bytes(string(LIST))
        assert client.recv_bytes()[4:5] == b"\x0c"


def test_closing_a_pipe_ends_its_threads(piped: SshAgent) -> None:
    with connection.Client(piped.address) as client:
        client.send_bytes(string(LIST))
        client.recv_bytes()
        piped.close()
        with contextlib.suppress(ConnectionResetError), pytest.raises(EOFError):
            client.recv_bytes()
    assert not [t for t in threading.enumerate() if t.name.startswith("ssh-agent")]
