"""JupyterLab: data first (the desktop reads it), work below (the remote runs it on its JupyterLab service's thread)."""

import importlib.util
import json
import os
import secrets
import sys
import threading
from pathlib import Path
from typing import Dict, List, Optional

from remote_bootstrap.contract.apps import JUPYTERLAB
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.installers.jupyter import Jupyter
from remote_bootstrap.machine import network
from remote_bootstrap.machine.folders import private, socket_folder, write_private
from remote_bootstrap.session.context import Context
from remote_bootstrap.session.supervise import Launch
from remote_bootstrap.types import InstallError, Log

SPEC = JUPYTERLAB

SERVER_MAIN = str(Path(__file__).parent.parent / "servers" / "jupyter.py")
KERNEL_MAIN = str(Path(__file__).parent.parent / "servers" / "kernel.py")
KERNEL_ONLY = ("PYTHONDONTWRITEBYTECODE",)  # the server starts in half the time once its own bytecode is there
QUIET = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


def application(context: Context) -> "JupyterLab":
    """Return what runs in a session; its ``install`` and ``launch`` do the work."""
    return JupyterLab(context)


def preinstall(cache: Path, environments: Environments, log: Log) -> str:
    """Fill the cache for the Python that runs this; returns what was installed where. Raises InstallError."""
    jupyter = Jupyter(cache, environments, log)
    return "%s, %s" % (jupyter.lab(), jupyter.kernel())


class JupyterLab:
    """JupyterLab in its own environment; its kernels run in the task's Python."""

    key = SPEC.key
    host = network.LOOPBACK

    def __init__(self, context: Context) -> None:
        self._context = context
        self._folder = context.folder / SPEC.key
        self._sockets = socket_folder(context.task)
        self._runtime = self._sockets or self._folder / "runtime"
        self._python = Path()
        self._port = 0
        self._overlay_problem = ""
        self._overlay_thread: Optional[threading.Thread] = None
        self.secret = secrets.token_hex(24)
        self.marker = context.app_marker(SPEC.key)

    def install(self, log: Log) -> None:
        version = self._context.settings.option(SPEC.key, "version")
        jupyter = Jupyter(self._context.cache, self._context.environments, log, version)
        # Beside the installation and the start of the server, which need it last.
        self._overlay_thread = threading.Thread(target=self._install_overlay, args=(jupyter,), name="ipykernel")
        self._overlay_thread.daemon = True
        self._overlay_thread.start()
        self._python = jupyter.lab()

    def launch(self) -> Launch:
        for folder in (self._folder / "config", self._folder / "data", self._runtime):
            private(folder)
        self._port = network.free_port(network.LOOPBACK)
        self._write_config()
        self._write_kernel()
        # -I: what PYTHONPATH and the like say is for kernels and terminals, which inherit it.
        argv = [str(self._python), "-I", SERVER_MAIN, "-m", SPEC.key, "--no-browser", "--allow-root"]
        return Launch(argv, self._environment(), self._context.settings.user_folder)

    def ready(self, pid: int) -> int:
        authorization = {"Authorization": "token " + self.secret}
        if not self._listens(pid) or network.http_status(self._port, "/api/status", authorization) != 200:
            return 0
        if self._overlay_thread is not None and self._overlay_thread.is_alive():
            return 0
        if self._overlay_problem:
            raise InstallError(self._overlay_problem)
        return self._port

    def _install_overlay(self, jupyter: Jupyter) -> None:
        """Leave the folder's name in a file: the kernel is described before the installation is over."""
        try:
            own = importlib.util.find_spec("ipykernel") is not None  # the task brings its own
            write_private(private(self._folder) / "overlay", "" if own else str(jupyter.kernel()))
        except (InstallError, OSError) as error:
            self._overlay_problem = str(error)

    def _environment(self) -> Dict[str, str]:
        folders = {
            "JUPYTER_CONFIG_DIR": str(self._folder / "config"),
            "JUPYTER_DATA_DIR": str(self._folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "IPYTHONDIR": str(self._context.home / "ipython"),
            # First of all: Jupyter's own environment comes before the data folder, and has a kernel of its own.
            "JUPYTER_PATH": os.pathsep.join(filter(None, [str(self._folder / "data"), os.environ.get("JUPYTER_PATH")])),
        }
        env = self._context.environment(SPEC.key, folders)
        ours = ("PYTHONHOME", *KERNEL_ONLY)
        return {
            name: value
            for name, value in env.items()
            if name not in ours and (name in folders or not name.startswith("JUPYTER"))
        }

    def _write_config(self) -> None:
        """Write the token into a file that only this user reads: not in argv, not in an environment that kernels and
        terminals would inherit."""
        config = {
            "IdentityProvider": {"token": self.secret},
            "ServerApp": {
                "ip": network.LOOPBACK,
                "port": self._port,  # not 0: the server for Python 3.8 does not tell which one it got
                "port_retries": 0,
                "base_url": "/",
                "open_browser": False,
                "root_dir": str(self._context.settings.user_folder),
                "terminado_settings": {"shell_command": [str(self._context.home / "shell")]},
            },
            # Unix sockets: a kernel's TCP ports are chosen before it binds them, and a program that takes one
            # meanwhile leaves the notebook waiting for ever; every user of the machine could connect to them, too, and
            # read the output.
            "KernelManager": {"transport": "ipc" if self._sockets else "tcp"},
            "KernelSpecManager": {"ensure_native_kernel": False},
            "LanguageServerManager": {"autodetect": False},  # it runs npm, which writes into the user's home
        }
        write_private(self._folder / "config" / "jupyter_server_config.json", json.dumps(config))
        labconfig = private(self._folder / "config" / "labconfig")
        write_private(labconfig / "default_setting_overrides.json", json.dumps(QUIET))

    def _write_kernel(self) -> None:
        """Describe ``python3`` in our data folder, which is first in JUPYTER_PATH and hides the kernel of JupyterLab's
        own environment."""
        argv: List[str] = [sys.executable, KERNEL_MAIN, str(self._folder / "overlay"), "-f", "{connection_file}"]
        name = "Python %d.%d (task)" % sys.version_info[:2]
        env = {one: os.environ[one] for one in KERNEL_ONLY if one in os.environ}
        spec = {"argv": argv, "display_name": name, "language": "python", "env": env, "metadata": {"debugger": True}}
        folder = self._folder / "data" / "kernels" / "python3"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(folder / "kernel.json", json.dumps(spec))

    def _listens(self, pid: int) -> bool:
        """True if our server has the port: the token must not be shown to another program."""
        try:
            text = (self._runtime / ("jpserver-%d.json" % pid)).read_text("utf-8")
            return int(json.loads(text)["port"]) == self._port
        except (OSError, ValueError, KeyError):
            return False
