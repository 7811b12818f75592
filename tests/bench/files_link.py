"""The slow half of ``make bench-files``: small files through 40 ms of round trip, against ``scp``.

The session runs in one network namespace, both clients in another; tunnel_link is what lies between. The file systems
are the same. ``python -m tests.bench.files_link FOLDER`` is the clients' program: it finds the session's record and key
in that folder, copies once each way and prints its seconds as JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remote_bootstrap.contract import Record
from tests.bench.tunnel_link import FAR_ADDRESS, Link
from tests.support.bootstrap_rig import BootstrapRig, bootstrap_rig

ROUND_TRIP_MS = 40.0
FILES, BYTES = 200, 4_000
SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Session:
    """What ``files.Pair`` needs to know of a session in another process."""

    record: Record
    private_key: str

    def wait_record(self) -> Record:
        return self.record


def measure() -> tuple[list[str], dict[str, Any]]:
    """Lines for people, and keys for the JSON object. Says so where such a link can't be made."""
    try:
        link = Link(ROUND_TRIP_MS / 2, 0)
    except (OSError, subprocess.CalledProcessError) as error:
        why = f"no slow link here (it needs root and /dev/net/tun): {error}"
        return [why], {"link": why}
    with closing(link), bootstrap_rig() as rig:
        rig.command = (*link.far, *rig.command)
        rig.start({"SESSIONDOCK_SSH": "openssh"}, jupyterlab="False", vscode="False", remote_gateway=FAR_ADDRESS)
        rig.wait_ready()
        return _report(_clients(rig, link))


def _clients(rig: BootstrapRig, link: Link) -> dict[str, dict[str, float]]:
    folder = rig.work.parent
    given = {"record": rig.wait_record().dumps(), "key": rig.private_key}
    (folder / "session.json").touch(0o600)
    (folder / "session.json").write_text(json.dumps(given))
    command = [*link.near, sys.executable, "-m", "tests.bench.files_link", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _report(took: dict[str, dict[str, float]]) -> tuple[list[str], dict[str, Any]]:
    lines = [f"{FILES} files of {BYTES} bytes through a round trip of {ROUND_TRIP_MS:g} ms (TUN, in userspace):"]
    found: dict[str, Any] = {}
    for way, seconds in took.items():
        rounds = seconds["ours"] * 1e3 / ROUND_TRIP_MS / FILES
        lines.append(
            f"{way}: ours {seconds['ours']:.1f} s ({rounds:.2f} round trips a file), scp {seconds['scp']:.1f} s"
        )
        found[f"link_{way}_vs_scp"] = round(seconds["scp"] / seconds["ours"], 1)
    return lines, found


def main(folder: str, pair_of: Callable[[Any, Path], Any], scatter: Callable[[list[Path], int, int], None]) -> None:
    given = json.loads((Path(folder) / "session.json").read_text())
    pair = pair_of(Session(Record.loads(given["record"]), given["key"]), Path(folder))
    took: dict[str, dict[str, float]] = {}
    for way, source, target in (("up", pair.here, pair.there), ("down", pair.there, pair.here)):
        scatter([source / "small"], FILES, BYTES)
        for name, work in (("ours", pair.ours), ("scp", pair.scp)):
            (target / name).mkdir()
            began = time.monotonic()
            work(source / "small", target / name, way == "up")
            took.setdefault(way, {})[name] = time.monotonic() - began
    print(json.dumps(took))


if __name__ == "__main__":
    from tests.bench.files import Pair, scatter  # late: that module imports this one

    main(sys.argv[1], Pair, scatter)
