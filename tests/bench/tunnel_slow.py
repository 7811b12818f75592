"""The slow half of ``make bench-tunnel``: a download and JupyterLab's page through 40 ms of delay and 1 % of loss.

sshd, JupyterLab and the bench's server run in one network namespace, the tunnels, the client and a headless Chromium in
another; tunnel_link is what lies between. Used from the bench's thread.
"""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from tests.bench.tunnel_link import FAR_ADDRESS, Link
from tests.bench.tunnel_ways import Ours, Program, Ssh, Way
from tests.support.paths import APPLICATIONS_CACHE
from tests.support.ssh_server import SshServer, free_port
from tests.support.waiting import wait_until

ROUND_TRIP_MS = 40.0
LOSS_PERCENT = 1.0  # in each direction
DOWNLOAD = 3_000_000
LAB_SECONDS = 60.0


def measure(rounds: int, say: Callable[[str], None]) -> tuple[list[str], dict[str, Any]]:
    """Lines for people, and keys for the JSON object. Says so where such a link can't be made."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-tunnel-slow-")))
        try:
            link = stack.enter_context(closing(Link(ROUND_TRIP_MS / 2, LOSS_PERCENT)))
        except (OSError, subprocess.CalledProcessError) as error:
            why = f"no slow link here (it needs root and /dev/net/tun): {error}"
            return [why], {"link": why}
        return _measure(rounds, say, folder, link, stack)


def _measure(
    rounds: int, say: Callable[[str], None], folder: Path, link: Link, stack: ExitStack
) -> tuple[list[str], dict[str, Any]]:
    server = FarServer(folder / "machine", link)
    stack.callback(server.kill)
    server.start()
    remote = stack.enter_context(closing(Program("tests.bench.tunnel_programs", "serve", prefix=link.far)))
    client = stack.enter_context(closing(Program("tests.bench.tunnel_programs", "ask", prefix=link.near)))
    page = stack.enter_context(closing(Program("tests.bench.tunnel_page", str(folder), prefix=link.near)))
    remote_port, lab_port = int(remote.read()), _start_lab(folder, link, stack)
    values: dict[str, dict[str, list[float]]] = {"down": {}, "page": {}}
    for number in range(rounds):
        for name in ("ours", "gcm") if number % 2 else ("gcm", "ours"):
            with closing(_way(name, server, remote_port, link)) as way:
                down = float(client.ask(job="down", port=way.port, size=DOWNLOAD))
            with closing(_way(name, server, lab_port, link)) as way:
                seconds = float(page.ask(port=way.port))
            values["down"].setdefault(name, []).append(down)
            values["page"].setdefault(name, []).append(seconds)
            say(f"slow link, round {number + 1}, {name}: {down:.2f} MB/s, JupyterLab's page {seconds:.1f} s")
    return _report(values)


def _way(name: str, server: SshServer, port: int, link: Link) -> Any:
    kind: Callable[..., Way] = Ours if name == "ours" else lambda *rest: Ssh(name, *rest)
    return kind(server, FAR_ADDRESS, port, link.near)


def _report(values: dict[str, dict[str, list[float]]]) -> tuple[list[str], dict[str, Any]]:
    medians = {key: {name: statistics.median(found) for name, found in one.items()} for key, one in values.items()}
    what = f"a link of {ROUND_TRIP_MS:g} ms round trip and {LOSS_PERCENT:g} % loss each way (TUN, in userspace)"
    lines = [
        f"{what}:",
        "one download, MB/s: " + ", ".join(f"{name} {value:.2f}" for name, value in medians["down"].items()),
        "JupyterLab's page, s: " + ", ".join(f"{name} {value:.1f}" for name, value in medians["page"].items()),
    ]
    found = {
        "link": what,
        "link_down_vs_gcm": round(medians["down"]["ours"] / medians["down"]["gcm"], 3),
        "link_page_vs_gcm": round(medians["page"]["ours"] / medians["page"]["gcm"], 3),
        "link_page_s": round(medians["page"]["ours"], 2),
    }
    return lines, found


class FarServer(SshServer):
    """The sshd at the far end of the link."""

    def __init__(self, folder: Path, link: Link) -> None:
        self.link = link
        super().__init__(folder, extra=(f"ListenAddress {FAR_ADDRESS}",))

    def namespace(self, home: Path) -> list[str]:
        return [*self.link.far, *super().namespace(home)]

    def _answers(self) -> bool:
        code = f"import socket; print(socket.create_connection(('{FAR_ADDRESS}', {self.port}), 5).recv(4))"
        probe = [*self.link.far, sys.executable, "-S", "-c", code]
        return b"SSH-" in subprocess.run(probe, capture_output=True, check=False).stdout


def _start_lab(folder: Path, link: Link, stack: ExitStack) -> int:
    """The JupyterLab of the applications' cache, without a token; the port it listens on in the far namespace."""
    python = next(APPLICATIONS_CACHE.glob("jupyterlab-[1-9]*/bin/python"), None)
    if python is None:
        raise RuntimeError(f"there is no JupyterLab in {APPLICATIONS_CACHE}: run make setup")
    port = free_port()
    (folder / "lab").mkdir()
    command = [
        *link.far, str(python), "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}/lab",
    ]  # fmt: skip
    with (folder / "lab.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder / "lab")
    stack.callback(process.wait)
    stack.callback(process.terminate)
    code = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/api', timeout=5)"
    probe = [*link.far, str(python), "-c", code]
    wait_until(
        lambda: subprocess.run(probe, capture_output=True, check=False).returncode == 0, "JupyterLab", LAB_SECONDS
    )
    return port
