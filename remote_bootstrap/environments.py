"""Python environments for applications: made by uv where possible, else by venv and pip, with the machine's own index
and certificate settings in both cases. Called from the threads that install applications.
"""

import ast
import functools
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Callable, Dict, List, Sequence

from remote_bootstrap import commands
from remote_bootstrap.store import InstallError, Say, build_once, python_tag

UV_REQUIREMENT = "uv>=0.8"

# pip's setting -> uv's variable and what separates its values. Sources: `uv help`, pip's configuration page.
PIP_TO_UV = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "constraint": ("UV_CONSTRAINT", " "),
    "cert": ("SSL_CERT_FILE", ""),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "no-index": ("UV_NO_INDEX", ""),
}
CONFIG_LINE = re.compile(r"^(?P<where>[^.=]+)\.(?P<name>[\w-]+)=(?P<value>.+)$")
CONFIG_ORDER = ("global", "install", ":env:")  # later ones win, as in pip


def parse_pip_config(text: str) -> Dict[str, List[str]]:
    """Read ``pip config list``: setting -> values, the most specific source winning."""
    found: Dict[str, Dict[str, List[str]]] = {}
    for line in text.splitlines():
        match = CONFIG_LINE.match(line.strip())
        if match is None or match.group("where") not in CONFIG_ORDER:
            continue
        try:
            value = str(ast.literal_eval(match.group("value")))
        except (ValueError, SyntaxError):
            value = match.group("value")
        found.setdefault(match.group("where"), {})[match.group("name")] = value.split()
    settings: Dict[str, List[str]] = {}
    for where in CONFIG_ORDER:
        settings.update(found.get(where, {}))
    return settings


def uv_settings(pip: Dict[str, List[str]], present: Dict[str, str]) -> Dict[str, str]:
    """uv's variables that say what pip's configuration says; those in ``present`` are the machine's own and stay."""
    wanted = {}
    for name, (variable, separator) in PIP_TO_UV.items():
        values = [value for value in pip.get(name, []) if name != "find-links" or _usable(value)]
        if values and variable not in present:
            wanted[variable] = separator.join(values) if separator else values[0]
    if "UV_INDEX" in wanted or "UV_INDEX" in present:
        wanted.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # pip looks at all indexes too
    if "UV_NO_INDEX" in wanted and wanted["UV_NO_INDEX"].lower() not in ("1", "true", "yes", "on"):
        del wanted["UV_NO_INDEX"]
    return wanted


def _usable(link: str) -> bool:
    """uv stops where pip warns: at a folder of packages that is not there."""
    return "://" in link or Path(link).exists()


class Environments:
    """Makes and fills Python environments in one cache folder."""

    def __init__(self, cache: Path, say: Say, python: str = sys.executable) -> None:
        self._cache = cache
        self._say = say
        self.python = python

    def cache_settings(self) -> Dict[str, str]:
        """Download caches inside our folder, unless the machine says where they belong."""
        wanted = {"UV_CACHE_DIR": str(self._cache / "uv-cache"), "PIP_CACHE_DIR": str(self._cache / "pip-cache")}
        quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONPATH": ""}
        return {**{name: value for name, value in wanted.items() if name not in os.environ}, **quiet}

    def make(self, folder: Path, requirements: Sequence[str], why: str) -> Path:
        """A virtual environment in ``folder`` with ``requirements``; returns its Python. Raises InstallError."""
        python = folder / "bin" / "python"

        def by_uv(uv: str) -> None:
            self._uv([uv, "venv", "--quiet", "--python", self.python, str(folder)], why)
            self._uv([uv, "pip", "install", "--quiet", "--python", str(python), *requirements], why)

        def by_pip() -> None:
            commands.run([self.python, "-m", "venv", "--clear", str(folder)], why, self.cache_settings())
            self._pip(str(python), ["--quiet", *requirements], why)

        self._by_either(by_uv, by_pip)
        return python

    def add(self, folder: Path, requirements: Sequence[str], why: str) -> Path:
        """A plain folder of packages for ``self.python`` (``pip install --target``). Raises InstallError."""
        into = ["--quiet", "--target", str(folder), *requirements]
        self._by_either(
            lambda uv: self._uv([uv, "pip", "install", "--python", self.python, *into], why),
            lambda: self._pip(self.pip_python(), into, why),
        )
        return folder

    def _by_either(self, by_uv: Callable[[str], None], by_pip: Callable[[], None]) -> None:
        """uv first, it is many times faster; pip where uv is missing or stumbles over what pip would forgive."""
        uv = self.uv()
        if uv:
            try:
                by_uv(uv)
                return
            except InstallError as error:
                self._say("uv failed, trying pip: %s" % error)
                first = str(error)
            try:
                by_pip()
            except InstallError as error:  # the first cause tells: a full disk, not what the second try fell over
                raise InstallError(first if str(error) in first else "%s (pip: %s)" % (first, error)) from error
            return
        by_pip()

    @functools.lru_cache(maxsize=None)  # noqa: B019  one instance per process, and finding out takes a second
    def uv(self) -> str:
        """uv's path: on PATH, else from the cache, installed there by pip; "" where pip can't get it."""
        found = shutil.which("uv")
        if found:
            return found
        try:
            folder = build_once(self._cache / ("uv-" + python_tag()), self._install_uv, self._say)
        except InstallError as error:
            self._say("Going on without uv: %s" % error)
            return ""
        return str(folder / "bin" / "uv")

    def _install_uv(self, folder: Path) -> None:
        self._say("Installing uv")
        self._pip(self.pip_python(), ["--quiet", "--target", str(folder), UV_REQUIREMENT], "uv could not be installed")
        if not (folder / "bin" / "uv").is_file():
            raise InstallError("uv has no program for this machine")

    @functools.lru_cache(maxsize=None)  # noqa: B019
    def pip_python(self) -> str:
        """A Python with pip: the given one, else a small environment of our own (uv's environments have no pip)."""
        try:
            commands.run([self.python, "-m", "pip", "--version"], "pip is missing", self.cache_settings())
            return self.python
        except InstallError:
            folder = build_once(self._cache / ("pip-" + python_tag()), self._make_pip, self._say)
            return str(folder / "bin" / "python")

    def _make_pip(self, folder: Path) -> None:
        commands.run([self.python, "-m", "venv", str(folder)], "Python has neither pip nor venv", self.cache_settings())

    @functools.lru_cache(maxsize=None)  # noqa: B019
    def _uv_environment(self) -> Dict[str, str]:
        try:
            listing = commands.run(
                [self.pip_python(), "-m", "pip", "config", "list"], "pip config", self.cache_settings()
            )
        except InstallError as error:
            self._say("pip's configuration can't be read, uv uses its own: %s" % error)
            listing = ""
        return {**self.cache_settings(), **uv_settings(parse_pip_config(listing), dict(os.environ))}

    def _uv(self, argv: Sequence[str], why: str) -> None:
        commands.run(argv, why, self._uv_environment())

    def _pip(self, python: str, arguments: Sequence[str], why: str) -> None:
        commands.run([python, "-m", "pip", "install", *arguments], why, self.cache_settings())
