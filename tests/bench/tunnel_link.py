"""A slow link between two network namespaces: a program of our own between two TUN devices, since netem needs a
kernel module that not every machine has.

``python -m tests.bench.tunnel_link NEAR FAR MILLISECONDS LOSS`` opens a TUN device in each namespace, prints a line
when both are there and passes packets on, MILLISECONDS later and without LOSS percent of them, until standard input
ends. One thread. ``Link`` makes the namespaces and runs that program: needs root and /dev/net/tun.
"""

import contextlib
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections.abc import Sequence

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
CLONE_NEWNET = 0x40000000
QUEUE = 1000  # packets, as netem's limit
NEAR_ADDRESS, FAR_ADDRESS = "10.77.13.1", "10.77.13.2"
DEVICE = "slow0"


def main(near: str, far: str, milliseconds: str, loss: str) -> None:
    devices = [open_device(near), open_device(far)]
    print("up", flush=True)
    relay(devices, float(milliseconds) / 1e3, float(loss) / 100)


def open_device(namespace: str) -> int:
    """A TUN device in that namespace. This thread stays there, which doesn't matter to the device."""
    libc = ctypes.CDLL(None, use_errno=True)
    entry = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(entry, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(entry)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN_NO_PI))
    return device


def relay(devices: Sequence[int], delay: float, loss: float) -> None:
    other = {devices[0]: devices[1], devices[1]: devices[0]}
    chance = random.Random(13)
    waiting: list[tuple[float, int, int, bytes]] = []
    number = 0
    poll = select.poll()
    for watched in (*devices, sys.stdin.fileno()):
        poll.register(watched, select.POLLIN)
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) * 1e3 if waiting else None
        for ready, _ in poll.poll(pause):
            if ready not in other:
                return
            packet = os.read(ready, 65536)
            if len(waiting) < QUEUE and chance.random() >= loss:
                number += 1
                heapq.heappush(waiting, (time.monotonic() + delay, number, other[ready], packet))
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, target, packet = heapq.heappop(waiting)
            with contextlib.suppress(OSError):  # that end isn't up yet: what came for it is lost
                os.write(target, packet)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Link:
    """Two namespaces with this link between them, of ``delay`` milliseconds and ``loss`` percent each way.

    Raises OSError or CalledProcessError where that can't be made.
    """

    def __init__(self, delay: float, loss: float) -> None:
        self.names = [f"sd-{end}-{os.getpid()}" for end in ("near", "far")]
        self.near, self.far = (["/usr/bin/nsenter", f"--net=/run/netns/{name}"] for name in self.names)
        self.process: subprocess.Popen[str] | None = None
        try:
            self._make(delay, loss)
        except BaseException:
            self.close()
            raise

    def _make(self, delay: float, loss: float) -> None:
        for name in self.names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        command = [sys.executable, "-m", "tests.bench.tunnel_link", *self.names, str(delay), str(loss)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "up\n":
            raise OSError("no TUN device")
        for name, own, peer in zip(self.names, (NEAR_ADDRESS, FAR_ADDRESS), (FAR_ADDRESS, NEAR_ADDRESS), strict=True):
            ip("-n", name, "addr", "add", own, "peer", peer, "dev", DEVICE)
            ip("-n", name, "link", "set", DEVICE, "up")

    def close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.wait(10)
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
