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
from typing import Callable, Dict, List, Mapping, Sequence

from remote_bootstrap.environment.install_cache import build_once, python_tag
from remote_bootstrap.process import commands
from remote_bootstrap.types import InstallError, Log

UV_REQUIREMENT = "uv>=0.8"

# pip's setting -> uv's variable and what separates its values. Sources: `uv help`, pip's configuration page.
PIP_TO_UV = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "cert": ("SSL_CERT_FILE", ""),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "no-index": ("UV_NO_INDEX", ""),
}
# What pip may keep of its configuration: how packages are reached. What else it says (user, target, constraint,
# require-virtualenv, …) is meant for other packages, and would keep ours from being installed.
PIP_KEPT = (*PIP_TO_UV, "client-cert", "proxy", "keyring-provider")
PIP_NUMBERS = ("timeout", "default-timeout", "retries")
# uv's own files: where they say how packages are reached, they are read; else not at all, for the same reason.
UV_FILES = ("/etc/uv/uv.toml", "~/.config/uv/uv.toml")
UV_REACHES = re.compile(r"index|find-links|insecure-host|native-tls|system-certs|keyring")
CONFIG_LINE = re.compile(r"^(?P<where>[^.=]+)\.(?P<name>[\w-]+)=(?P<value>.+)$")
CONFIG_ORDER = ("global", "install", ":env:")  # later ones win, as in pip


def parse_pip_config(text: str) -> Dict[str, List[str]]:
    """Read ``pip config list``: setting -> values, the most specific source winning."""
    sections: Dict[str, Dict[str, List[str]]] = {}
    for line in text.splitlines():
        match = CONFIG_LINE.match(line.strip())
        if match is None or match.group("where") not in CONFIG_ORDER:
            continue
        try:
            value = str(ast.literal_eval(match.group("value")))
        except (ValueError, SyntaxError):
            value = match.group("value")
        sections.setdefault(match.group("where"), {})[match.group("name")] = value.split()
    settings: Dict[str, List[str]] = {}
    for where in CONFIG_ORDER:
        settings.update(sections.get(where, {}))
    return settings


def uv_settings(pip: Dict[str, List[str]], present: Dict[str, str]) -> Dict[str, str]:
    """Return uv's variables that say what pip's configuration says; those in ``present`` are the machine's own and
    stay."""
    variables = {}
    for name, (variable, separator) in PIP_TO_UV.items():
        values = [value for value in pip.get(name, []) if name != "find-links" or _usable(value)]
        if values and variable not in present:
            variables[variable] = separator.join(values) if separator else values[0]
    if "UV_INDEX" in variables or "UV_INDEX" in present:
        variables.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # pip looks at all indexes too
    if "UV_NO_INDEX" in variables and variables["UV_NO_INDEX"].lower() not in ("1", "true", "yes", "on"):
        del variables["UV_NO_INDEX"]
    return variables


def _usable(link: str) -> bool:
    """True if the link can be used. uv stops where pip warns: at a folder of packages that is not there."""
    return "://" in link or Path(link).exists()


def uv_is_configured(environment: Mapping[str, str]) -> bool:
    """True if a file of uv says how packages are reached."""
    more = [environment[name] for name in ("UV_CONFIG_FILE",) if environment.get(name)]
    xdg = environment.get("XDG_CONFIG_HOME", "")
    for name in (*UV_FILES, *more, *([xdg + "/uv/uv.toml"] if xdg else [])):
        try:
            if UV_REACHES.search(Path(os.path.expanduser(name)).read_text("utf-8", "replace")):  # noqa: PTH111
                return True
        except OSError:
            continue
    return False


class Environments:
    """Makes and fills Python environments in one cache folder."""

    def __init__(self, cache: Path, log: Log, python: str = sys.executable) -> None:
        self._cache = cache
        self._log = log
        self.python = python

    def cache_settings(self) -> Dict[str, str]:
        """Download caches inside our folder, unless the machine says where they belong."""
        caches = {"UV_CACHE_DIR": str(self._cache / "uv-cache"), "PIP_CACHE_DIR": str(self._cache / "pip-cache")}
        quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
        return {**{name: value for name, value in caches.items() if name not in os.environ}, **quiet}

    @functools.lru_cache(maxsize=None)  # noqa: B019
    def pip_settings(self) -> Dict[str, List[str]]:
        """Return what pip's files and variables say of how packages are reached."""
        try:
            argv = [self.pip_python(), "-m", "pip", "config", "list"]
            place = {name: os.environ[name] for name in ("PIP_CONFIG_FILE",) if name in os.environ}
            configured = parse_pip_config(commands.run(argv, "pip config", {**self.cache_settings(), **place}))
        except InstallError as error:
            self._log("pip's configuration can't be read, it is left out: %s" % error)
            configured = {}
        numbers = {name for name in PIP_NUMBERS if "".join(configured.get(name, [])).isdigit()}
        return {name: values for name, values in configured.items() if name in PIP_KEPT or name in numbers}

    def pip_variables(self) -> Dict[str, str]:
        """Return pip's environment: those settings, and no file of this machine."""
        own = {"PIP_" + name.upper().replace("-", "_"): " ".join(v) for name, v in self.pip_settings().items()}
        return {**self.cache_settings(), **own, "PIP_CONFIG_FILE": os.devnull}

    def make(self, folder: Path, requirements: Sequence[str], why: str) -> Path:
        """Make a virtual environment in ``folder`` with ``requirements``; return its Python. Raises InstallError."""
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
        """Install into a plain folder of packages for ``self.python`` (``pip install --target``). Raises
        InstallError."""
        into = ["--quiet", "--target", str(folder), *requirements]
        self._by_either(
            lambda uv: self._uv([uv, "pip", "install", "--python", self.python, *into], why),
            lambda: self._pip(self.pip_python(), into, why),
        )
        return folder

    def _by_either(self, by_uv: Callable[[str], None], by_pip: Callable[[], None]) -> None:
        """Try uv first, which is many times faster; pip where uv is missing or stumbles over what pip would forgive."""
        uv = self.uv()
        if uv:
            try:
                by_uv(uv)
                return
            except InstallError as error:
                self._log("uv failed, trying pip: %s" % error)
                first = str(error)
            try:
                by_pip()
            except InstallError as error:  # the first cause tells: a full disk, not what the second try fell over
                raise InstallError(first if str(error) in first else "%s (pip: %s)" % (first, error)) from error
            return
        by_pip()

    @functools.lru_cache(maxsize=None)  # noqa: B019  one instance per process, and finding out takes a second
    def uv(self) -> str:
        """Return uv's path: on PATH, else from the cache, installed there by pip; "" where pip can't get it."""
        installed = shutil.which("uv")
        if installed:
            return installed
        try:
            folder = build_once(self._cache / ("uv-" + python_tag()), self._install_uv, self._log)
        except InstallError as error:
            self._log("Going on without uv: %s" % error)
            return ""
        return str(folder / "bin" / "uv")

    def _install_uv(self, folder: Path) -> None:
        self._log("Installing uv")
        self._pip(self.pip_python(), ["--quiet", "--target", str(folder), UV_REQUIREMENT], "uv could not be installed")
        if not (folder / "bin" / "uv").is_file():
            raise InstallError("uv has no program for this machine")

    @functools.lru_cache(maxsize=None)  # noqa: B019
    def pip_python(self) -> str:
        """Return a Python with pip: the given one, else a small environment of our own (uv's environments have no
        pip)."""
        try:
            commands.run([self.python, "-m", "pip", "--version"], "pip is missing", self.cache_settings())
            return self.python
        except InstallError:
            folder = build_once(self._cache / ("pip-" + python_tag()), self._make_pip, self._log)
            return str(folder / "bin" / "python")

    def _make_pip(self, folder: Path) -> None:
        commands.run([self.python, "-m", "venv", str(folder)], "Python has neither pip nor venv", self.cache_settings())

    def _uv_environment(self) -> Dict[str, str]:
        own = {"UV_NO_CONFIG": "1"}
        if uv_is_configured(os.environ):
            own = {name: os.environ[name] for name in ("UV_CONFIG_FILE",) if name in os.environ}
        return {**self.cache_settings(), **own, **uv_settings(self.pip_settings(), dict(os.environ))}

    def _uv(self, argv: Sequence[str], why: str) -> None:
        commands.run(argv, why, self._uv_environment(), cwd=Path("/"))  # a project's own uv.toml is none of ours

    def _pip(self, python: str, arguments: Sequence[str], why: str) -> None:
        commands.run([python, "-m", "pip", "install", *arguments], why, self.pip_variables(), cwd=Path("/"))
