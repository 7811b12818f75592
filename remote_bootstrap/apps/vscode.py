"""VS Code in the browser (code-server): data first (the desktop reads it), work below (the remote runs it on its
VS Code service's thread)."""

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any, Dict, List, Mapping

from remote_bootstrap.contract.apps import VSCODE
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.installers import extensions
from remote_bootstrap.installers.codeserver import CodeServer, Source, of_the_machine
from remote_bootstrap.machine import network, withheld
from remote_bootstrap.machine.folders import private, socket_folder, write_private
from remote_bootstrap.session.context import Context
from remote_bootstrap.session.supervise import Launch
from remote_bootstrap.types import Log

SPEC = VSCODE

# code-server writes there no matter what --user-data-dir says.
XDG_FOLDERS = ("XDG_DATA_HOME", "XDG_CACHE_HOME")
# Where it makes its sockets: for git's questions and messages, and for its command in terminals.
RUNTIME = "XDG_RUNTIME_DIR"

# code-server's flag -> the folder's name in the session's, and the end of the variables by which an agent moves it.
FOLDERS = {
    "--user-data-dir": ("data", "VSCODE_USER_DATA_DIR"),
    "--extensions-dir": ("extensions", "VSCODE_EXTENSIONS_DIR"),
}

HEADER_BYTES = 256 * 1024  # browsers keep some 180 cookies per host, of at most 4 KB; ours have 120 bytes
# Before the first start: no telemetry, no chat panel, no update checks, no welcome page.
QUIET = {
    "chat.disableAIFeatures": True,
    "telemetry.telemetryLevel": "off",
    "workbench.startupEditor": "none",
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "security.workspace.trust.enabled": False,
}


def application(context: Context) -> "VsCode":
    """Return what runs in a session; its ``install`` and ``launch`` do the work."""
    return VsCode(context)


def preinstall(cache: Path, environments: Environments, log: Log) -> str:
    """Fill the cache; returns the command that starts code-server. Raises InstallError."""
    return " ".join(CodeServer(cache, environments, log).command())


class VsCode:
    """code-server on a port of its own, with data and extensions in the session's folder."""

    key = SPEC.key
    host = network.LOOPBACK

    def __init__(self, context: Context) -> None:
        self._context = context
        self._folder = context.folder / SPEC.key
        self._command: List[str] = []
        self._port = 0
        self.secret = secrets.token_urlsafe(24)
        self.marker = context.app_marker(SPEC.key)

    def install(self, log: Log) -> None:
        settings = self._context.settings
        wanted = {name: settings.option(SPEC.key, name) for name in ("version", "url", "sha256")}
        wanted["version"], _, python = wanted["version"].partition(":")
        if not wanted["sha256"]:
            wanted["url"], _, wanted["sha256"] = wanted["url"].partition("#sha256=")
        source = Source(**wanted) if wanted["url"] else of_the_machine(wanted["version"], log)
        self._command = CodeServer(self._context.cache, self._context.environments, log, source).command()
        private(self._folder)
        names = extensions.wanted(settings.option(SPEC.key, "extensions"), python)
        failed = extensions.install(self._command, names, self._places(), self._folder / "fetched", log)
        if failed:
            log(failed)
            self._context.notice(failed)

    def launch(self) -> Launch:
        data = Path(self._places()["--user-data-dir"])
        _settings(data / "User", {**QUIET, "terminal.integrated.env.linux": self._terminal()})
        _settings(data / "Machine", self._of_the_machine())
        self._port = network.free_port(network.LOOPBACK)
        return Launch([*self._command, *self._arguments()], self._environment(), self._context.settings.user_folder)

    def ready(self, pid: int) -> int:
        return self._port if network.http_status(self._port, "/healthz") == 200 else 0

    def _terminal(self) -> Dict[str, Any]:
        """Return the settings of terminals without the folders that are code-server's own; null removes a variable."""
        return {name: os.environ.get(name) for name in (*XDG_FOLDERS, RUNTIME, "NODE_OPTIONS")}

    def _of_the_machine(self) -> Dict[str, Any]:
        """Return what VS Code takes from the machine only, never from the user's settings: the task's Python for the
        Python extension, where clones go, and no word of ports that other programs of the machine open."""
        return {
            "remote.autoForwardPortsSource": "output",
            "git.defaultCloneDirectory": str(self._context.settings.user_folder),
            "python.defaultInterpreterPath": self._context.environments.python,
        }

    def _places(self) -> Dict[str, str]:
        """Return where it keeps things: in the session's folder, or where the agent's variables say."""
        config = self._folder / "config.yaml"
        if not config.is_file():
            write_private(config, "{}\n")  # without one it would write a password into the user's home
        places = {"--config": str(config)}
        for flag, (name, variable) in FOLDERS.items():
            given = [os.environ.get(prefix + variable, "") for prefix in ("CLEARML_SESSION_", "CLEARML_")]
            places[flag] = next((one for one in given if one), str(self._folder / name))
        return places

    def _arguments(self) -> List[str]:
        options = {
            **self._places(),
            "--bind-addr": "%s:%d" % (network.LOOPBACK, self._port),
            "--auth": "password",
            "--cookie-suffix": self._context.task,  # cookies know no port: two sessions would log each other out
        }
        flags = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"]
        pairs = [part for option in options.items() for part in option]
        return [*pairs, *flags, "--disable-workspace-trust", str(self._workspace())]

    def _workspace(self) -> Path:
        """Return what VS Code opens: the user's folder, by way of a file that is this session's alone.

        VS Code keeps open files and the like in the browser, under its address and what it opened. The address is
        always the same; with the folder itself every session would open the files of the one before.
        """
        folder = self._context.settings.user_folder
        path = self._folder / ((folder.name or "root") + ".code-workspace")
        if not path.is_file():
            write_private(path, json.dumps({"folders": [{"path": str(folder)}], "settings": {}}, indent=4))
        return path

    def _environment(self) -> Dict[str, str]:
        """Return the environment with the password's hash. The hash is in the wrapper's environment only: code-server
        keeps it from its children and terminals."""
        own = {name: str(self._folder / name.lower()) for name in XDG_FOLDERS}
        sockets = socket_folder(self._context.task)  # below TMPDIR names may get too long for a socket's address
        if sockets is not None:
            own[RUNTIME] = str(private(sockets))
        # Cookies of 127.0.0.1 come from all sessions and other programs there; node refuses more than 16 KB of them.
        own["NODE_OPTIONS"] = "--max-http-header-size=%d" % HEADER_BYTES
        own["HASHED_PASSWORD"] = hashlib.sha256(self.secret.encode()).hexdigest()
        env = self._context.environment(SPEC.key, own)
        return {name: value for name, value in env.items() if name in own or not withheld.is_of_code_server(name)}


def _settings(folder: Path, values: Mapping[str, Any]) -> None:
    """Write the settings before the first start; those of a folder that outlives sessions are the user's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / "settings.json").is_file():
        write_private(folder / "settings.json", json.dumps(values, indent=4))
