"""``make bench-files``: our transfers against OpenSSH's ``scp``, in pairs and rounds, into one session's sshd.

Both sides connect anew each time; ours also compares checksums on both ends, which scp does not. Random data. Prints
progress on standard error, a table on standard output, and one JSON object as the last line: a ratio above 1 means that
ours was faster. About two minutes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.transfer import Progress
from tests.bench import files_link
from tests.support.bootstrap_rig import BootstrapRig, bootstrap_rig
from tests.support.transfers import files_of

MEGABYTE = 1_000_000
SMALL_FILES, SMALL_BYTES = 500, 4_000
TINY_FILES, TINY_BYTES = 5_000, 200
TREE_FOLDERS, TREE_FILES = 200, 5  # folders in folders, and small files in each
COUNTS = {"small": SMALL_FILES, "tiny": TINY_FILES, "tree": TREE_FOLDERS * TREE_FILES}
FIGURES = tuple(
    (f"{prefix}{'up' if up else 'down'}", what, up)
    for prefix, what in (("", "big"), ("small_", "small"), ("tiny_", "tiny"), ("tree_", "tree"))
    for up in (True, False)
)  # key, what, whether it goes up


class Pair:
    """The session, its two disks (one folder each) and both ways into it."""

    def __init__(self, rig: BootstrapRig, folder: Path) -> None:
        self.record = rig.wait_record()
        self.here, self.there = folder / "here", folder / "there"
        for one in (self.here, self.there):
            one.mkdir()
        key = folder / "key"
        key.write_text(rig.private_key)
        key.chmod(0o600)
        (folder / "known").write_text(f"[{self.record.address}]:{self.record.port} {self.record.host_key}\n")
        self._scp = ["scp", "-q", "-r", "-P", str(self.record.port), "-i", str(key), "-o", "StrictHostKeyChecking=yes",
                     "-o", f"UserKnownHostsFile={folder / 'known'}", "-o", "IdentitiesOnly=yes"]  # fmt: skip
        self._files, self.session = files_of(rig)

    def scp(self, source: Path, target: Path, up: bool) -> None:
        place = f"{self.record.user}@{self.record.address}:"
        ends = [str(source), place + str(target)] if up else [place + str(source), str(target)]
        subprocess.run([*self._scp, *ends], check=True, stdin=subprocess.DEVNULL)

    def ours(self, source: Path, target: Path, up: bool) -> None:
        files = self._files
        done = (
            files.upload(self.session, [source], str(target), _silent, Cancel())
            if up
            else files.download(self.session, [str(source)], target, _silent, Cancel())
        )
        assert done.checked and not done.skipped and not done.unchanged, done


def _silent(_progress: Progress) -> None:
    pass


def fill(folder: Path, megabytes: int) -> None:
    with (folder / "big").open("wb") as stream:
        for _ in range(megabytes):
            stream.write(os.urandom(MEGABYTE))
    scatter([folder / "small"], SMALL_FILES, SMALL_BYTES)
    scatter([folder / "tiny"], TINY_FILES, TINY_BYTES)
    folders = [folder / "tree" / str(n % 5) / str(n % 25) / str(n) for n in range(TREE_FOLDERS)]
    scatter(folders, TREE_FILES, SMALL_BYTES)


def scatter(folders: list[Path], count: int, size: int) -> None:
    for folder in folders:
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"{number:04}").write_bytes(os.urandom(size))


def timed(work: Callable[[Path, Path, bool], None], source: Path, targets: Path, up: bool) -> float:
    """Into a new folder. Small files stay until the end: some file systems make new ones ten times slower for some
    seconds after many were deleted, and whoever comes first would pay for that."""
    target = Path(tempfile.mkdtemp(dir=targets))
    began = time.monotonic()
    work(source, target, up)
    took = time.monotonic() - began
    (target / "big").unlink(missing_ok=True)
    return took


def measure(pair: Pair, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Figure -> one (ours, scp's) pair of seconds per round."""
    found: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds):
        for key, name, up in FIGURES:
            source = (pair.here if up else pair.there) / name
            targets = pair.there if up else pair.here
            ways = [pair.ours, pair.scp]
            took = {way: timed(way, source, targets, up) for way in (ways if number % 2 else ways[::-1])}
            found.setdefault(key, []).append((took[pair.ours], took[pair.scp]))
            print(
                f"round {number + 1}: {key}: ours {took[pair.ours]:.2f} s, scp {took[pair.scp]:.2f} s", file=sys.stderr
            )
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=500)
    given = parser.parse_args(arguments)
    with bootstrap_rig() as rig:
        rig.start({"SESSIONDOCK_SSH": "openssh"}, jupyterlab="False", vscode="False")
        rig.wait_ready()
        pair = Pair(rig, rig.work.parent)
        fill(pair.here, given.megabytes)
        fill(pair.there, given.megabytes)
        found = measure(pair, given.rounds)
    line: dict[str, object] = {}
    print(f"{'':12}{'ours':>10}{'scp':>10}{'ratio':>8}")
    for key, pairs in found.items():
        ours, scp = (statistics.median(one[side] for one in pairs) for side in (0, 1))
        count = COUNTS.get(key.rpartition("_")[0])
        amount = (given.megabytes, "MB/s") if count is None else (count, "files/s")
        line[f"{key}_vs_scp"] = ratio = round(statistics.median(one[1] / one[0] for one in pairs), 2)
        print(f"{key:12}{amount[0] / ours:>10.0f}{amount[0] / scp:>10.0f}{ratio:>8.2f}  {amount[1]}")
    lines, link = files_link.measure()
    print("\n".join(lines))
    print(json.dumps(line | link | {"rounds": given.rounds, "megabytes": given.megabytes}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
