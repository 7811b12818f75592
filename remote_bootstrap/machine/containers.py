"""Whether this session runs in a container, of which image, and whose network it has. Any thread; reads files only."""

import os
from pathlib import Path

from remote_bootstrap.contract import NO_IMAGE

IMAGE_VARIABLE = "CLEARML_DOCKER_IMAGE"  # clearml-agent sets it in the containers that it starts
MARKS = ("/.dockerenv", "/run/.containerenv")  # Docker's and podman's
KUBERNETES = "KUBERNETES_SERVICE_HOST"  # pods have an address that their cluster's network may well reach
DEFAULT_ROUTE = "00000000"


def is_marked() -> bool:
    """True if a container engine left its mark."""
    return any(Path(mark).exists() for mark in MARKS)


def image() -> str:
    """Return the image of our container, NO_IMAGE when it is not known, "" outside of any."""
    if not is_marked():
        return ""
    return os.environ.get(IMAGE_VARIABLE, "").split(" ")[0].strip() or NO_IMAGE


def has_own_network(routes: Path = Path("/proc/net/route"), interfaces: Path = Path("/sys/class/net")) -> bool:
    """True if the way out is a container engine's inner cable: what is at its end is reached from this machine only.

    Such a cable (veth) has its other end in another network; a macvlan has a parent there, too, but is part of the
    surrounding network and says what it is.
    """
    if KUBERNETES in os.environ:
        return False
    name = _way_out(routes)
    folder = interfaces / name
    if not name or (folder / "device").exists():
        return False
    try:
        other_end = (folder / "iflink").read_text("ascii").strip()
        return other_end != (folder / "ifindex").read_text("ascii").strip() and "DEVTYPE=" not in _text(folder)
    except OSError:
        return False


def _text(folder: Path) -> str:
    return (folder / "uevent").read_text("ascii")


def _way_out(routes: Path) -> str:
    """Return the interface of the default route, "" without one."""
    try:
        lines = routes.read_text("ascii").splitlines()[1:]
    except OSError:
        return ""
    return next((line.split()[0] for line in lines if len(line.split()) > 1 and line.split()[1] == DEFAULT_ROUTE), "")
