"""Lends the user's own SSH agent to a session for as long as its connection stands. Off unless asked for.

``start`` runs on the caller's thread, the handler on the transport's; each connection of a program in the session gets
a daemon thread. Only listing keys, signing, and naming the connection that is signed for go through: whoever controls
the session's machine can use the keys meanwhile, but neither add, remove nor lock any.
"""

import contextlib
import logging
import struct
import threading
from typing import Protocol

from paramiko import Channel
from paramiko.agent import get_agent_connection
from paramiko.ssh_exception import SSHException

from desktop_app.adapters.ssh.agent.protocol import Framer
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS, Deadline, describe
from desktop_app.adapters.ssh.wire_format import Damaged
from desktop_app.domain.problems import failure
from remote_bootstrap import contract

_log = logging.getLogger(__name__)

ALLOWED = (11, 13, 27)  # list, sign, extension (session-bind: which host a signature is for)
REFUSED = struct.pack(">IB", 1, 5)
CLIENTS = 32  # programs of the session that may talk to the agent at once
CHUNK = 16384
CHANNEL_SECONDS = 10.0


class _Agent(Protocol):
    def send(self, data: bytes, /) -> object: ...
    def recv(self, size: int, /) -> bytes: ...
    def close(self) -> object: ...


class AgentForward:
    """One connection's forwarding; ends with the transport."""

    def __init__(self, transport: SessionTransport, address: str) -> None:
        self._transport = transport
        self._address = address
        self._clients = threading.BoundedSemaphore(CLIENTS)
        self._stopped = threading.Event()
        self._channel: Channel | None = None

    def start(self, deadline: Deadline) -> None:
        """Return once programs of the session can use the agent. Problems: agent.none, ssh.lost, ssh.protocol"""
        agent = _connect()
        if agent is None:
            raise failure("agent.none")
        agent.close()
        try:
            channel = self._transport.open_channel("session", timeout=CHANNEL_SECONDS)
            channel.request_forward_agent(self._lend)
            channel.invoke_subsystem(contract.AGENT_SUBSYSTEM)
            self._channel = channel
            self._wait_ready(channel, deadline)
        except WIRE_ERRORS as error:
            if isinstance(error, SSHException) and self._transport.is_active():
                raise failure("ssh.protocol", why="The session can't take an SSH agent.", cause=str(error)) from None
            raise failure("ssh.lost", address=self._address, cause=describe(error)) from None

    def stop(self) -> None:
        """Let no program of the session reach the agent any more. Never blocks."""
        self._stopped.set()
        if self._channel is not None:
            with contextlib.suppress(*WIRE_ERRORS):
                self._channel.close()

    def _wait_ready(self, channel: Channel, deadline: Deadline) -> None:
        told = b""
        while not told.endswith(b"\n"):
            deadline.check()
            channel.settimeout(max(0.01, deadline.tick()))
            try:
                part = channel.recv(CHUNK)
            except TimeoutError:
                if deadline.remaining == 0.0:
                    raise failure("ssh.lost", address=self._address, cause="the agent's channel is silent") from None
                continue
            if not part:
                raise failure("ssh.protocol", why="The session can't take an SSH agent: its SSH server forwards none.")
            told += part

    def _lend(self, channel: Channel) -> None:
        """Serve a program in the session that wants to talk to the agent. On the transport's thread."""
        if not self._clients.acquire(blocking=False):
            channel.close()
            return
        threading.Thread(target=self._serve, args=(channel,), name="Thread-ssh-agent-lent", daemon=True).start()

    def _serve(self, channel: Channel) -> None:
        agent = None if self._stopped.is_set() else _connect()
        try:
            _relay(channel, agent, self._stopped)
        except (Damaged, *WIRE_ERRORS) as error:
            _log.info("a program in the session and the SSH agent lost each other: %s", describe(error))
        finally:
            with contextlib.suppress(*WIRE_ERRORS):
                channel.close()
            if agent is not None:
                agent.close()
            self._clients.release()


def _connect() -> _Agent | None:
    """Connect to the user's own agent: the one of SSH_AUTH_SOCK, Pageant or Windows' OpenSSH."""
    with contextlib.suppress(OSError):
        found: _Agent | None = get_agent_connection()
        return found
    return None


def _relay(channel: Channel, agent: _Agent | None, stopped: threading.Event) -> None:
    """Pass questions and answers on until the program has gone. Without an agent everything is refused: a channel that
    is closed before its first question ends the whole connection of asyncssh 2.21."""
    framer = Framer()
    while data := channel.recv(CHUNK):
        for message in framer.feed(data):
            if agent is None or message[0] not in ALLOWED or stopped.is_set():
                channel.sendall(REFUSED)
                continue
            agent.send(struct.pack(">I", len(message)) + message)
            channel.sendall(_answer(agent))


def _answer(agent: _Agent) -> bytes:
    framer, answer = Framer(), b""
    while data := agent.recv(CHUNK):
        answer += data
        if framer.feed(data):
            return answer
    raise EOFError
