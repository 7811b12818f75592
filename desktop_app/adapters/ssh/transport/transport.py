"""One SSH connection's transport: paramiko's, with our packets and our channels; ``dial`` makes the connection."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable

from paramiko import Channel, Message, Transport

from desktop_app.adapters.ssh.transport.channels import WINDOW, Channels
from desktop_app.adapters.ssh.transport.packets import PACKET, StreamPacketizer

Address = tuple[str, int]

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
KEY_TYPES = ("ssh-ed25519",)
CLEARML_SESSION_KEY_TYPES = (
    *KEY_TYPES,
    "ecdsa-sha2-nistp256",
    "rsa-sha2-512",
    "rsa-sha2-256",
)  # of clearml-session's servers
KEX_PREFIXES = ("mlkem768x25519", "curve25519", "ecdh-sha2")

# paramiko logs each lost connection as an error with a traceback; we report those as problems instead.
WIRE_LOG = "desktop_app.adapters.ssh.transport.transport.transport.paramiko"
logging.getLogger(WIRE_LOG).setLevel(logging.CRITICAL)


class SessionTransport(Transport):
    """A client transport that tells when it ended. ``on_end`` is called once, on the transport's own thread."""

    def __init__(
        self,
        sock: socket.socket,
        on_end: Callable[["SessionTransport"], None],
        key_types: tuple[str, ...] = KEY_TYPES,
    ) -> None:
        super().__init__(sock, WINDOW, PACKET, packetizer_class=StreamPacketizer)
        sock.setblocking(False)  # the packetizer waits by itself
        assert isinstance(self.packetizer, StreamPacketizer)
        self.packets = self.packetizer
        self.packets.thread = self
        self.channels = Channels(self.packets)
        self.name = "ssh-transport"
        self.ended = threading.Event()
        self._on_end = on_end
        self.wire = sock
        self.set_log_channel(WIRE_LOG)
        options = self.get_security_options()
        options.ciphers, options.digests, options.key_types = CIPHERS, DIGESTS, key_types
        options.kex = tuple(name for name in options.kex if name.startswith(KEX_PREFIXES))

    @property
    def heard_at(self) -> float:
        """Return the monotonic time of the last bytes from the other side."""
        return self.packets.inbox.heard_at

    def request_port_forward(
        self, address: str, port: int, handler: Callable[[Channel, Address, Address], object] | None = None
    ) -> int:
        """Ask for a reverse forward. paramiko's own names the handler only after the server's answer: connections that
        came in between would be refused."""
        vars(self)["_tcp_handler"] = handler
        return super().request_port_forward(address, port, handler)

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.packetizer.complete_handshake()  # else its timer thread lives on for seconds
            self.wire.close()
            self.channels.end()
            self.ended.set()
            self._on_end(self)

    def hang_up(self) -> None:
        """Ask for the end without waiting: unblocks every thread that reads from or writes to this connection."""
        with contextlib.suppress(OSError):  # it ended already
            self.wire.shutdown(socket.SHUT_RDWR)
        self.close()

    def abandon(self, seconds: float = 3.0) -> None:
        """Hang up and wait for the transport's thread, unless called on it."""
        self.hang_up()
        if threading.current_thread() is not self and self.ident is not None:
            self.join(seconds)

    def _send_user_message(self, data: Message) -> None:
        """Send a channel's message. paramiko's own waits for the end of a key exchange, on the very thread that carries
        it on when a channel closes meanwhile; our packetizer knows who may wait and who may not."""
        if self.is_active():
            self.packets.send_message(data)
