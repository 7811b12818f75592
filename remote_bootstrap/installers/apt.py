"""System packages by apt-get, as root in a container that is thrown away with its task. Nowhere else.

Called from the threads that install applications; one at a time, as apt-get itself wants it.
"""

import contextlib
import os
import threading
from pathlib import Path
from typing import Sequence

from remote_bootstrap.environment.install_cache import first_executable
from remote_bootstrap.machine import containers
from remote_bootstrap.process import commands
from remote_bootstrap.types import InstallError, Log

CONTAINER_WORDS = ("docker", "kubepods", "containerd", "libpod", "lxc")
TIMEOUT_S = 300.0  # seconds, for lists and small packages
LOCK_SECONDS = 120  # that the image's own apt-get may take meanwhile
_one_at_a_time = threading.Lock()


def in_container() -> bool:
    """True if this machine is thrown away with its task, so that installing system packages does no harm."""
    if containers.is_marked() or containers.KUBERNETES in os.environ:
        return True
    with contextlib.suppress(OSError):
        text = Path("/proc/1/cgroup").read_text("utf-8", "replace")
        return any(word in text for word in CONTAINER_WORDS)
    return False


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def install(packages: Sequence[str], log: Log) -> None:
    """Install them, in a container and as root only. Raises InstallError."""
    apt = first_executable("apt-get")
    if not (is_root() and in_container() and apt):
        reason = "%s is not installed, and only in a container may SessionDock install it"
        raise InstallError(reason % " and ".join(packages))
    with _one_at_a_time:
        log("Installing %s with apt-get" % " and ".join(packages))
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        run([apt, "update", "-qq"], env)
        wait = "DPkg::Lock::Timeout=%d" % LOCK_SECONDS
        run([apt, "install", "-o", wait, "-y", "-qq", "--no-install-recommends", *packages], env)


def run(argv: Sequence[str], env: "dict[str, str]", cwd: Path = Path("/")) -> None:
    """Run apt-get. Raises InstallError with its reason."""
    commands.run(argv, "apt-get failed", env, cwd=cwd, timeout_s=TIMEOUT_S)
