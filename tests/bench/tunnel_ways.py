"""The tunnels that ``make bench-tunnel`` compares: ours and OpenSSH's client, each a process that owns one local port.

Used from the bench's thread. Every process is ended by its own pid.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Protocol

import psutil

from tests.support.ssh_server import SshServer, free_port
from tests.support.waiting import wait_until

READY_SECONDS = 60.0
SSH_SETTINGS: dict[str, tuple[str, ...]] = {
    "gcm": ("-c", "aes128-gcm@openssh.com"),
    "default": (),
    "compressed": ("-C",),
}


class Program:
    """A Python program of the bench that answers one JSON line per JSON line. ``prefix`` runs it elsewhere."""

    def __init__(self, module: str, *arguments: str, prefix: Sequence[str] = ()) -> None:
        command = [*prefix, sys.executable, "-m", module, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended")
        return json.loads(line)

    def ask(self, **what: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Way(Protocol):
    """A tunnel that is up. ``port`` leads to the bench's server."""

    port: int

    def usage(self) -> dict[str, float]:
        """Bytes of memory ("rss") and seconds of CPU ("cpu") so far of the process that owns the tunnel."""


class Ours:
    """SessionDock's tunnel."""

    def __init__(self, server: SshServer, address: str, target_port: int, prefix: Sequence[str]) -> None:
        self.program = Program("tests.bench.tunnel_owner", prefix=prefix)
        record = json.loads(server.record(address=address).dumps())
        key = (server.folder / "client").read_text()
        self.port = int(self.program.ask(do="connect", record=record, key=key, port=target_port))
        self.guarded = int(self.program.ask(do="forward", port=target_port))  # the local port of a guarded forward

    def usage(self) -> dict[str, float]:
        return dict(self.program.ask(do="usage"))

    def close(self) -> None:
        self.program.close()


class Ssh:
    """``ssh -L`` with one of SSH_SETTINGS, and an idle session as clearml-session and most people have one.

    Without a session (``ssh -N``) sshd leaves Nagle's algorithm on for that connection: its small packets then wait up
    to 40 ms for a delayed acknowledgement, and new connections per second jump between 130 and 2,200. That is sshd's
    way with ``-N``, not the speed of ``ssh``; our own tunnel has a session, so theirs gets one, too.
    """

    def __init__(self, setting: str, server: SshServer, address: str, target_port: int, prefix: Sequence[str]) -> None:
        self.port = free_port()
        known = server.folder / "known_hosts"
        known.write_text(f"[{address}]:{server.port} {server.host_key}\n")
        options = ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", "ExitOnForwardFailure=yes"]
        command = [
            *prefix, "ssh", "-F", "none", "-T", *SSH_SETTINGS[setting], "-i", str(server.folder / "client"),
            *(part for option in options for part in ("-o", option)), "-p", str(server.port),
            "-L", f"127.0.0.1:{self.port}:127.0.0.1:{target_port}", f"{server.user}@{address}",
            "exec cat",
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        probe = [*prefix, sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {self.port}))"]
        wait_until(lambda: self._listens(probe), f"ssh -L ({setting})", READY_SECONDS, poll=0.2)

    def _listens(self, probe: list[str]) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"ssh ended with exit code {self.process.returncode}")
        return subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def usage(self) -> dict[str, float]:
        process = psutil.Process(self.process.pid)
        times = process.cpu_times()
        return {"rss": process.memory_info().rss, "cpu": times.user + times.system}

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate()
