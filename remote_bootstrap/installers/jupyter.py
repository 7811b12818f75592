"""Installs JupyterLab in an environment of its own, and what a kernel needs beside the task's packages.

Pinned per Python version, since the newest releases drop old Pythons. Called from the thread that starts JupyterLab
and from ``install``.
"""

import sys
from pathlib import Path
from typing import List, Tuple

from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.environment.install_cache import build_once, key_of, machine, python_tag
from remote_bootstrap.types import Log

# (lowest Python, JupyterLab, ipykernel): the newest releases that still run there (their Requires-Python).
PINS: Tuple[Tuple[Tuple[int, int], str, str], ...] = (
    ((3, 10), "4.6.6", "7.3.0"),
    ((3, 9), "4.5.11", "6.31.0"),
    ((3, 8), "4.3.8", "6.29.5"),
)

# From 4.25 on, jsonschema's format checks build a grammar at import: more than half of the time that JupyterLab needs
# to start (2.6 s against 1.1 s, measured with 4.26 and 4.24.1).
QUICK_START = "jsonschema<4.25"


def pins(version: Tuple[int, int]) -> Tuple[str, str]:
    """Return JupyterLab's and ipykernel's version for a Python."""
    for least, lab, kernel in PINS:
        if version >= least:
            return lab, kernel
    return PINS[-1][1], PINS[-1][2]


class Jupyter:
    """Yields the Python of the JupyterLab environment and the folder with ipykernel for the task's Python."""

    def __init__(self, cache: Path, environments: Environments, log: Log, version: str = "") -> None:
        lab, kernel = pins(sys.version_info[:2])
        self._cache = cache
        self._environments = environments
        self._log = log
        self.version = version or lab
        self._lab_requirements = ["jupyterlab==" + self.version, QUICK_START]
        self._kernel_requirements = ["ipykernel==" + kernel]

    def lab(self) -> Path:
        """Return the Python that runs JupyterLab. Raises InstallError."""
        folder = build_once(self._folder("jupyterlab-" + self.version, self._lab_requirements), self._lab, self._log)
        return folder / "bin" / "python"

    def kernel(self) -> Path:
        """Return a folder of packages with ipykernel for the task's Python. Raises InstallError."""
        return build_once(self._folder("ipykernel", self._kernel_requirements), self._kernel, self._log)

    def _folder(self, name: str, requirements: List[str]) -> Path:
        key = key_of(sys.version, machine(), *requirements)
        return self._cache / ("%s-%s-%s" % (name, python_tag(), key))

    def _lab(self, folder: Path) -> None:
        self._log("Installing JupyterLab %s" % self.version)
        self._environments.make(folder, self._lab_requirements, "JupyterLab could not be installed")

    def _kernel(self, folder: Path) -> None:
        self._log("Installing ipykernel for the task's Python")
        self._environments.add(folder, self._kernel_requirements, "ipykernel could not be installed")
