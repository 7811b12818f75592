"""A TCP relay that misbehaves on demand: what stands between a laptop and its session when things go wrong.

One thread accepts, two carry each connection. Faults are set from the test's thread and hold until ``heal``.
"""

import contextlib
import random
import socket
import struct
import threading
import time

CHUNK = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: RST instead of FIN


class Relay:
    """Listens on ``host`` (any of 127.0.0.0/8) and carries everything to ``target``."""

    def __init__(self, target: tuple[str, int], host: str = "127.0.0.1", seed: int = 0) -> None:
        self.target = target
        self._listener = socket.create_server((host, 0), backlog=64)
        self.address = host
        self.port = int(self._listener.getsockname()[1])
        self.random = random.Random(seed)
        self.carried = 0  # bytes towards the client
        self.delay_s = 0.0
        self.loss = 0.0  # share of chunks that come late, as TCP shows a lost packet
        self.changed = threading.Condition()
        self.silent = False  # take everything, pass nothing on
        self.frozen = False  # pass on later what comes now
        self.reset_after: int | None = None  # bytes towards the client, then a reset
        self._links: list[_Link] = []
        self._closed = False
        self._accepting = threading.Thread(target=self._accept, name="test-relay", daemon=True)
        self._accepting.start()

    # -- faults

    def cut(self, *, reset: bool = True) -> None:
        """Every connection ends now, on both sides."""
        for link in self._living():
            link.cut(reset=reset)

    def black_hole(self) -> None:
        """Like a router that forgot: nobody is told, nothing passes; what existed stays dead after ``heal``."""
        for link in self._living():
            link.lost = True
        self.silent = True

    def half_open(self) -> None:
        """The machine's side is gone; ours does not know."""
        for link in self._living():
            link.lost = True
            link.end(link.far, reset=True)

    def freeze(self) -> None:
        self.frozen = True

    def reset_mid_packet(self, after: int) -> None:
        """The next ``after`` bytes towards the client still come, then a reset."""
        self.reset_after = after

    def heal(self) -> None:
        with self.changed:
            self.silent = self.frozen = False
            self.delay_s = self.loss = 0.0
            self.reset_after = None
            self.changed.notify_all()

    def close(self) -> None:
        self._closed = True
        self.heal()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._accepting.join(5)
        for link in list(self._links):
            link.join(5)

    # -- inside

    def _living(self) -> list["_Link"]:
        self._links = [link for link in self._links if not link.ended]
        return list(self._links)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._links.append(_Link(self, near))


class _Link:
    """One connection through the relay."""

    def __init__(self, relay: Relay, near: socket.socket) -> None:
        self._relay = relay
        self.near = near
        self.far = socket.socket()
        for sock in (self.near, self.far):  # the wire adds no wait of its own
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lost = relay.silent
        self._running = 2
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(towards,), name="test-relay-1", daemon=True)
            for towards in ("far", "near")
        ]
        self._connected = threading.Event()
        for thread in self._threads:
            thread.start()

    @property
    def ended(self) -> bool:
        return self._running == 0

    def join(self, seconds: float) -> None:
        for thread in self._threads:
            thread.join(seconds)

    def cut(self, *, reset: bool) -> None:
        self.end(self.near, reset=reset)
        self.end(self.far, reset=reset)

    @staticmethod
    def end(sock: socket.socket, *, reset: bool) -> None:
        """Waking whoever reads from it."""
        with contextlib.suppress(OSError):
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.shutdown(socket.SHUT_RD)
            else:
                sock.shutdown(socket.SHUT_RDWR)

    def _run(self, towards: str) -> None:
        try:
            if towards == "far":
                self._connect()
                self._carry(self.near, self.far, counted=False)
            else:
                self._connected.wait()
                self._carry(self.far, self.near, counted=True)
        except OSError:
            pass
        finally:
            self._connected.set()
            if not self.lost:  # a lost one stays silent towards the client
                self.cut(reset=False)
            elif towards == "far":  # the client is gone; the machine would find out some time
                self.end(self.far, reset=True)
            with self._lock:
                self._running -= 1
                if self.ended:
                    self.near.close()
                    self.far.close()

    def _connect(self) -> None:
        if not self.lost:
            self.far.connect(self._relay.target)
        self._connected.set()

    def _carry(self, source: socket.socket, sink: socket.socket, *, counted: bool) -> None:
        relay = self._relay
        if self.lost and counted:
            return
        while data := source.recv(CHUNK):
            with relay.changed:
                relay.changed.wait_for(lambda: not relay.frozen)
            if self.lost or relay.silent:
                self.lost = True
                continue
            self._linger()
            if counted and relay.reset_after is not None and self._reset_within(data, sink):
                return
            sink.sendall(data)
            relay.carried += len(data) if counted else 0

    def _linger(self) -> None:
        relay = self._relay
        late = relay.delay_s + (0.25 if relay.loss and relay.random.random() < relay.loss else 0.0)
        if late:
            time.sleep(late)  # this is the delay that the test asks for

    def _reset_within(self, data: bytes, sink: socket.socket) -> bool:
        relay = self._relay
        assert relay.reset_after is not None
        if len(data) < relay.reset_after:
            relay.reset_after -= len(data)
            return False
        sink.sendall(data[: relay.reset_after])
        relay.reset_after = None
        self.cut(reset=True)
        return True
