"""A jump host: an SSH connection of its own through which the session's machine is reached. Runs on the caller's thread
and paramiko's.

Its host key must be in the user's known_hosts; the sign-in is by the keys of the user's ssh-agent and the IdentityFile.
Nothing is asked and nothing is learned: what needs the user is done once with ssh itself.
"""

import base64
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from paramiko import Agent, Channel, PKey, SSHException
from paramiko.agent import AgentSSH
from paramiko.ssh_exception import IncompatiblePeer

from desktop_app.adapters.files.chosen_text import check_chosen, read_chosen
from desktop_app.adapters.ssh.route.known import known_keys
from desktop_app.adapters.ssh.route.pump import Pump
from desktop_app.adapters.ssh.route.settings import HostSettings
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS, Deadline, describe
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.domain.problems import AppError, failure
from remote_bootstrap import contract

_log = logging.getLogger(__name__)

MAX_KEYS = 5  # servers hang up after six tries
OPEN_SECONDS = 15.0
AGENT_SECONDS = 60.0  # some ask the user before they sign
# What a known key of a kind may prove itself with: no SHA-1.
PROOFS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


class Jump:
    """One jump host. ``close`` ends it and what it stands on; quick."""

    def __init__(self, sock: socket.socket, settings: HostSettings, close_below: Callable[[], None]) -> None:
        self._settings = settings
        self._close_below = close_below
        self._known = known_keys(settings.name, settings.known_hosts)
        proofs = tuple(proof for kind in PROOFS if kind in self._known.kinds() for proof in PROOFS[kind])
        if not proofs:
            close_below()
            raise self._unknown()
        self._transport = SessionTransport(sock, lambda _transport: close_below())
        self._transport.name = "route-jump"
        self._transport.get_security_options().key_types = proofs

    def close(self) -> None:
        self._transport.hang_up()
        self._close_below()

    def sign_in(self, deadline: Deadline) -> None:
        """Sign in to the jump host. Problems: route.unreachable, route.host_key, route.auth"""
        self._negotiate(deadline)
        shown = self._transport.get_remote_server_key()
        if not self._known.accept(shown.asbytes()):
            found = contract.fingerprint(f"{shown.get_name()} {shown.get_base64()}")
            why = f"It shows the key {found}, which is not the one in your known_hosts. Someone may be intercepting."
            raise failure("route.host_key", hop=self._settings, why=why)
        self._authenticate(deadline)

    def open(self, host: str, port: int, deadline: Deadline) -> socket.socket:
        """Return a socket to that address as the jump host sees it. Problems: route.refused"""
        seconds = min(OPEN_SECONDS, max(0.1, deadline.remaining))
        try:
            channel = self._transport.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=seconds)
        except WIRE_ERRORS as error:
            why = f"It has no way to {host} port {port}."
            raise failure("route.refused", hop=self._settings, why=why, cause=describe(error)) from None
        return _pump(channel, self.close).near

    def _negotiate(self, deadline: Deadline) -> None:
        transport = self._transport
        transport.banner_timeout = transport.handshake_timeout = max(1.0, deadline.remaining)
        done = threading.Event()
        transport.start_client(event=done)
        if deadline.wait(done, transport.is_active) and transport.is_active():
            return
        deadline.check()
        error = transport.get_exception()
        if isinstance(error, IncompatiblePeer):
            why = "It has no key of a kind that your known_hosts holds, or no secure algorithms."
            raise failure("route.host_key", hop=self._settings, why=why, cause=describe(error))
        raise failure("route.unreachable", hop=self._settings, cause=describe(error))

    def _authenticate(self, deadline: Deadline) -> None:
        keys = keys_for(self._settings)
        for key in keys[:MAX_KEYS]:
            if self._try(key, deadline):
                return
        tried = f"{len(keys[:MAX_KEYS])} keys were tried" if keys else "there is no key to try"
        why = f"It did not let {self._settings.user} in; {tried}. Add the right key to your ssh-agent (ssh-add)."
        raise failure("route.auth", hop=self._settings, why=why)

    def _try(self, key: PKey, deadline: Deadline) -> bool:
        done = threading.Event()
        try:
            self._transport.auth_publickey(self._settings.user, key, event=done)
        except SSHException as error:
            raise failure("route.unreachable", hop=self._settings, cause=describe(error)) from None
        answered = deadline.wait(done, self._transport.is_active)
        deadline.check()
        if self._transport.is_authenticated():
            return True
        if not answered or not self._transport.is_active():
            cause = describe(self._transport.get_exception())
            raise failure("route.unreachable", hop=self._settings, cause=cause)
        return False

    def _unknown(self) -> AppError:
        why = f"Connect once with “ssh {self._settings.words}”, compare its fingerprint, and accept it there."
        return failure("route.host_key", hop=self._settings, why=f"It is not in your known_hosts. {why}")


def keys_for(settings: HostSettings) -> list[PKey]:
    """Return the named keys first, those that the agent holds through the agent; then the agent's others."""
    held = {key.asbytes(): key for key in _agent_keys(settings.agent)}
    named = [found for path in settings.identity_files if (found := _named(path, held)) is not None]
    others = [] if settings.identities_only else list(held.values())
    return list({key.asbytes(): key for key in (*named, *others)}.values())


def _named(path: Path, held: dict[bytes, PKey]) -> PKey | None:
    public = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
    try:
        blob = base64.b64decode(read_chosen(public, lenient=True).split()[1], validate=True)
    except (UnreadableText, IndexError, ValueError):  # ValueError: binascii's, and signs outside ASCII
        blob = b""
    if blob in held:
        return held[blob]
    try:
        check_chosen(path)
        if os.path.lexists(certificate := f"{path}-cert.pub"):  # paramiko reads it, too
            check_chosen(certificate)
        return PKey.from_path(path)
    except UnreadableText as error:
        _log.debug("the key %s is left out: %s", path, error.why)
        return None
    except (*WIRE_ERRORS, SSHException):
        return None  # not there, encrypted, or of another kind: the agent's keys are left


def _agent_keys(address: str) -> tuple[PKey, ...]:
    """Return the keys of the agent that IdentityAgent names, else of the usual one (SSH_AUTH_SOCK, Pageant, Windows'
    own)."""
    if address == "none":
        return ()
    try:
        return (NamedAgent(address) if address and sys.platform != "win32" else Agent()).get_keys()
    except WIRE_ERRORS:
        return ()


class NamedAgent(AgentSSH):
    """The agent at a socket of its own, as 1Password, gpg-agent, Secretive and KeePassXC have one."""

    def __init__(self, address: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(AGENT_SECONDS)
            connection.connect(address)
            self._connect(connection)  # type: ignore[attr-defined]  # missing in the types
        except BaseException:
            connection.close()
            raise


def _pump(channel: Channel, close: Callable[[], None]) -> Pump:
    return Pump("jump", channel.recv, channel.sendall, close)
