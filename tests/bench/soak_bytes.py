"""``make soak-bytes``: a hundred gigabytes through one connection, each byte checked; ends with one JSON line.

What days of work move, in minutes: four fifths down in two streams, one fifth up, all at once, so that the limit for
one key (64 GiB) is passed and keys are exchanged under load. The bytes are numbered blocks of the same noise: a block
that is damaged, missing, doubled or at the wrong place is a wrong one. Beside them a new connection every quarter of a
second asks for an answer, so that a stall shows. ``… serve`` is the application behind the tunnel.

Threads of the main process: one per stream, one for the probes.
"""

import argparse
import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psutil

from tests.bench.tunnel_programs import serve
from tests.bench.tunnel_ways import Ours, Program
from tests.support.ssh_server import SshServer

BLOCK = 1 << 20
NOISE = random.Random(100).randbytes(BLOCK)
GIGABYTE = 1_000_000_000
NUMBER = 8  # bytes at a block's beginning
PROBE_SECONDS = 0.25
STALL_SECONDS = 60.0
GROWTH_MB = 30.0


# ---- blocks: both ends


def send_blocks(wire: socket.socket, count: int) -> None:
    block = bytearray(NOISE)
    for number in range(count):
        block[:NUMBER] = number.to_bytes(NUMBER, "big")
        wire.sendall(block)


def wrong_blocks(wire: socket.socket, count: int) -> int:
    """Take so many blocks, and the end behind them; how many were not as sent."""
    block, expected = bytearray(BLOCK), bytearray(NOISE)
    view = memoryview(block)
    wrong = 0
    for number in range(count):
        got = 0
        while got < BLOCK and (more := wire.recv_into(view[got:])):
            got += more
        expected[:NUMBER] = number.to_bytes(NUMBER, "big")
        wrong += got < BLOCK or block != expected
    return wrong + bool(wire.recv(1))


# ---- the application


def _answer(client: socket.socket) -> None:
    with client:
        order = client.recv(16, socket.MSG_WAITALL)
        count = int(order[1:])
        if order[:1] == b"D":
            send_blocks(client, count)
        else:
            client.sendall(b"%16d" % wrong_blocks(client, count))


# ---- the client


def ask(port: int, what: str, count: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), STALL_SECONDS)
    client.sendall(f"{what}{count:15}".encode())
    return client


def down(port: int, count: int) -> int:
    with ask(port, "D", count) as client:
        return wrong_blocks(client, count)


def up(port: int, count: int) -> int:
    with ask(port, "U", count) as client:
        send_blocks(client, count)
        client.shutdown(socket.SHUT_WR)
        return int(client.recv(16, socket.MSG_WAITALL))


def probe(port: int, owner: psutil.Process, done: threading.Event) -> list[tuple[float, float]]:
    """Seconds that each new connection waited for its answer, and the megabytes of the tunnel's process then."""
    found = []
    while not done.wait(PROBE_SECONDS):
        began = time.monotonic()
        if up(port, 0):
            raise RuntimeError("a probe was answered wrongly")
        found.append((time.monotonic() - began, round(owner.memory_info().rss / 1e6, 1)))
    return found


def soak(gigabytes: float, say: Callable[[str], None]) -> dict[str, object]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-bytes-")))
        server = SshServer(folder / "machine", extra=("LogLevel DEBUG1",))
        stack.callback(server.kill)
        server.start()
        remote = stack.enter_context(closing(Program("tests.bench.soak_bytes", "serve")))
        ours = stack.enter_context(closing(Ours(server, "127.0.0.1", int(remote.read()), ())))
        fifth = int(gigabytes * GIGABYTE / 5 / BLOCK) + 1
        say(f"{fifth * 4} MiB down and {fifth} MiB up")
        assert up(ours.port, 8) + down(ours.port, 8) == 0
        before = ours.usage()
        began = time.monotonic()
        wrong, probes = _run(ours, fifth)
        seconds = time.monotonic() - began
        after = ours.usage()
        log = (server.folder / "sshd.log").read_text()
    moved = 5 * fifth * BLOCK
    return {
        "gigabytes": round(moved / GIGABYTE, 1),
        "seconds": round(seconds, 1),
        "mb_per_s": round(moved / seconds / 1e6),
        "cpu_s_per_gb": round((after["cpu"] - before["cpu"]) / moved * 1e9, 3),
        "wrong_blocks": wrong,
        "connections_to_sshd": log.count("Accepted publickey"),
        "key_exchanges": log.count("SSH2_MSG_NEWKEYS received") - 1,
        "rss_start_mb": round(before["rss"] / 1e6, 1),
        "rss_end_mb": round(after["rss"] / 1e6, 1),
        "threads_start": int(before["threads"]),
        "threads_end": int(after["threads"]),
        "probes": len(probes),
        "probe_max_s": round(max(seconds for seconds, _ in probes), 2),
        "rss_series_mb": [memory for _, memory in probes[:: max(1, len(probes) // 20)]],
    }


def _run(ours: Ours, fifth: int) -> tuple[int, list[tuple[float, float]]]:
    done = threading.Event()
    port = ours.port
    with ThreadPoolExecutor(4) as pool:
        probes = pool.submit(probe, port, psutil.Process(ours.program.process.pid), done)
        streams = [pool.submit(way, port, count) for way, count in ((down, 2 * fifth), (down, 2 * fifth), (up, fifth))]
        try:
            wrong = sum(stream.result() for stream in streams)
        finally:
            done.set()
        return wrong, probes.result()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="soak-bytes", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--gigabytes", type=float, default=100.0)
    found = soak(parser.parse_args(arguments).gigabytes, lambda text: print(text, flush=True))
    grown = float(str(found["rss_end_mb"])) - float(str(found["rss_start_mb"]))
    ok = not found["wrong_blocks"] and found["connections_to_sshd"] == 1 and grown < GROWTH_MB
    print(json.dumps({"ok": ok, **found}))
    return 0 if ok else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve(_answer)
    else:
        sys.exit(main(sys.argv[1:]))
