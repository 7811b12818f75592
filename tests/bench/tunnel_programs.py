"""The programs on both ends of every tunnel that ``make bench-tunnel`` compares: one server, one client.

``python -m tests.bench.tunnel_programs serve`` prints its port and serves until standard input ends. ``… ask`` reads
one JSON job per line from standard input ({"job", "port", …}) and answers each with one JSON line. A process each; the
server has one thread per connection, the client one thread and a selector.
"""

import json
import random
import selectors
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

BLOCK = 1024 * 1024
# Noise that no compression shortens: its window is smaller than the block.
NOISE = memoryview(random.Random(4).randbytes(BLOCK))
ROUND_TRIP_BYTES = 200


# ---- the server ----


def serve(answer: Callable[[socket.socket], None]) -> None:
    """Print the port, and give each connection a thread until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_accept, args=(listener, answer), daemon=True).start()
    sys.stdin.read()


def _accept(listener: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=answer, args=(client,), daemon=True).start()


def _answer(client: socket.socket) -> None:
    with client:
        try:
            order = client.recv(64).split()
            if order:
                ANSWERS[order[0]](client, int(order[1]))
        except ConnectionError:
            return


def _send(client: socket.socket, size: int) -> None:
    while size:
        size -= client.send(NOISE[: min(size, BLOCK)])


def _take(client: socket.socket, size: int) -> None:
    """An upload. The answer says that all of it is here."""
    client.sendall(b"?")
    buffer = bytearray(BLOCK)
    while size > 0 and (got := client.recv_into(buffer)):
        size -= got
    client.sendall(b"!")


def _echo(client: socket.socket, size: int) -> None:
    client.sendall(b"?")
    while data := client.recv(65536):
        client.sendall(data)


def _touch(client: socket.socket, size: int) -> None:
    client.sendall(b"!")


ANSWERS: dict[bytes, Callable[[socket.socket, int], None]] = {b"D": _send, b"U": _take, b"E": _echo, b"T": _touch}


# ---- the client ----


def _dial(port: int, order: bytes, size: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), 120)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(b"%s %d\n" % (order, size))
    return client


def down(port: int, size: int, **_: Any) -> float:
    """MB/s of one download."""
    buffer = bytearray(BLOCK)
    began = time.perf_counter()
    left = size
    with _dial(port, b"D", size) as client:
        while got := client.recv_into(buffer):
            left -= got
    if left:
        raise RuntimeError(f"{left} bytes of a download are missing")
    return size / 1e6 / (time.perf_counter() - began)


def up(port: int, size: int, **_: Any) -> float:
    """MB/s of one upload, until the server has it all."""
    with _dial(port, b"U", size) as client:
        _expect(client, b"?")
        began = time.perf_counter()
        _send(client, size)
        _expect(client, b"!")
        return size / 1e6 / (time.perf_counter() - began)


def parallel(port: int, size: int, count: int, **_: Any) -> float:
    """MB/s of ``count`` downloads of ``size`` bytes at once."""
    buffer = bytearray(BLOCK)
    began = time.perf_counter()
    left = size * count
    with selectors.DefaultSelector() as selector:
        for _number in range(count):
            client = _dial(port, b"D", size)
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map():
            for key, _mask in selector.select(120):
                assert isinstance(key.fileobj, socket.socket)
                if got := key.fileobj.recv_into(buffer):
                    left -= got
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
    if left:
        raise RuntimeError(f"{left} bytes of {count} downloads are missing")
    return size * count / 1e6 / (time.perf_counter() - began)


def round_trip(port: int, count: int, **_: Any) -> float:
    """Microseconds, the median of ``count``."""
    times = []
    data = bytes(ROUND_TRIP_BYTES)
    with _dial(port, b"E", 0) as client:
        _expect(client, b"?")
        for _number in range(count):
            began = time.perf_counter()
            client.sendall(data)
            _expect(client, data)
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def connections(port: int, count: int, **_: Any) -> float:
    """New connections per second, one after the other, each with an answer of one byte."""
    began = time.perf_counter()
    for _number in range(count):
        with _dial(port, b"T", 0) as client:
            _expect(client, b"!")
    return count / (time.perf_counter() - began)


class Knocking:
    """Threads that open connections, one after the other, until told to stop."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, port: int, count: int, **_: Any) -> float:
        self._stop.clear()
        self._threads = [threading.Thread(target=self._knock, args=(port,), daemon=True) for _number in range(count)]
        for thread in self._threads:
            thread.start()
        return 0.0

    def stop(self, **_: Any) -> float:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return 0.0

    def _knock(self, port: int) -> None:
        while not self._stop.is_set():
            connections(port, 1)


def _expect(client: socket.socket, data: bytes) -> None:
    left = len(data)
    while left:
        got = len(client.recv(left))
        if not got:
            raise RuntimeError("a connection ended early")
        left -= got


KNOCKING = Knocking()
JOBS: dict[str, Callable[..., float]] = {
    "down": down,
    "up": up,
    "parallel": parallel,
    "round_trip": round_trip,
    "connections": connections,
    "start": KNOCKING.start,
    "stop": KNOCKING.stop,
}


def ask() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(JOBS[job.pop("job")](**job)), flush=True)


if __name__ == "__main__":
    {"serve": lambda: serve(_answer), "ask": ask}[sys.argv[1]]()
