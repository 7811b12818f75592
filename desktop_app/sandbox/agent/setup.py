"""What the real clearml-agent is started with: configuration, environment, command line. Pure but for files.

The agent gets a home, a temporary folder and a configuration of its own, so it never reads or writes the user's
~/clearml.conf, ~/.ssh or /etc.
"""

import json
import os
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from platformdirs import user_cache_path

from desktop_app.private_files import write_private
from desktop_app.sandbox.home import Home
from desktop_app.sandbox.rules.auth import Credential
from desktop_app.sandbox.rules.limits import Limits

PIP = "pip"
UV = "uv"
PACKAGE_MANAGERS = (PIP, UV)
CACHE_VARIABLE = "SESSIONDOCK_CACHE"  # of the user and of the bootstrap alike

# What belongs to the user's desktop or to another ClearML set-up, and has no business in a task.
DROPPED = re.compile(
    r"(CLEARML|TRAINS)_.*|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_.*|XDG_.*|GNOME_KEYRING_.*|SSH_(AUTH_SOCK|AGENT_PID|"
    r"ASKPASS|CLIENT|CONNECTION|TTY)|PYTHON(PATH|HOME|STARTUP)|PYTHON_KEYRING_.*|VIRTUAL_ENV.*|CONDA_.*|QT_.*|"
    r"_MEIPASS.*|_PYI_.*|SESSIONDOCK_.*|SUDO_.*|OLDPWD|PWD"
)
SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True)
class AgentOptions:
    """How the agent works. ``cache`` outlives the sandbox's home: applications that sessions install lie there."""

    queue: str = "default"
    package_manager: str = UV
    cache: Path | None = None
    own_python: bool = False  # install the agent into the sandbox's home even where there is one beside us

    def cache_folder(self) -> Path:
        given = self.cache or os.environ.get(CACHE_VARIABLE)
        return Path(given) if given else user_cache_path("sessiondock") / "remote"


def worker_name() -> str:
    """Return the name that the agent is listed under: the computer's, and that it is a sandbox's."""
    host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()) or "localhost"
    return f"{host}:sandbox"


def _quoted(value: str | Path) -> str:
    return json.dumps(str(value))  # HOCON strings are JSON strings


def _flag(value: bool) -> str:
    return "true" if value else "false"


def write_config(
    home: Home, api_url: str, files_url: str, pair: Credential, options: AgentOptions, environments: Path
) -> Path:
    """Write the agent's clearml.conf (0600). ``environments`` is where it makes the tasks' Python environments."""
    caches = home.agent_work / "cache"
    text = f"""# Written by SessionDock at every start of its sandbox.
api {{
    api_server: {_quoted(api_url)}
    web_server: {_quoted(api_url)}
    files_server: {_quoted(files_url)}
    credentials {{ access_key: {_quoted(pair.access_key)}, secret_key: {_quoted(pair.secret_key)} }}
}}
agent {{
    disable_agent_update_check: true
    package_manager {{ type: {options.package_manager}, uv_replace_pip: {_flag(options.package_manager == UV)} }}
    venvs_dir: {_quoted(environments)}
    venvs_cache {{ max_entries: 10, free_space_threshold_gb: 2.0, path: {_quoted(caches / "venvs")} }}
    pip_download_cache {{ enabled: true, path: {_quoted(caches / "pip")} }}
    vcs_cache {{ enabled: true, path: {_quoted(caches / "vcs")} }}
}}
"""
    path = home.agent_work / "clearml.conf"
    write_private(path, text)
    return path


def plain_environment(base: Mapping[str, str], home: Home) -> dict[str, str]:
    """Return the caller's environment (certificates, proxies and pip settings count) without its desktop, in our
    folders."""
    kept = {key: value for key, value in base.items() if not DROPPED.fullmatch(key)}
    path = [part for part in base.get("PATH", "").split(os.pathsep) if part]
    path += [part for part in SYSTEM_PATH if part not in path]
    kept |= {
        "HOME": str(home.agent_home),
        "TMPDIR": str(home.tmp),
        "PATH": os.pathsep.join(path),
        "NO_PROXY": _no_proxy(base),
        "no_proxy": _no_proxy(base),
    }
    pip_config = _pip_config(base)
    if pip_config is not None:  # the user's own index settings, which pip would look for below the other HOME
        kept.setdefault("PIP_CONFIG_FILE", str(pip_config))
    return kept


def environment(
    base: Mapping[str, str], home: Home, config: Path, options: AgentOptions, limits: Limits, tools: Path
) -> dict[str, str]:
    """Return the agent's environment. ``tools`` is a folder, last on PATH, where uv is found."""
    plain = plain_environment(base, home)
    return plain | {
        "PATH": os.pathsep.join([plain["PATH"], str(tools)]),
        "PYTHONUNBUFFERED": "1",
        "CLEARML_CONFIG_FILE": str(config),
        "CLEARML_WORKER_ID": worker_name(),
        "CLEARML_AGENT_QUEUE_POLL_FREQ_SEC": str(limits.agent_poll),
        CACHE_VARIABLE: str(options.cache_folder()),
    }


def _no_proxy(base: Mapping[str, str]) -> str:
    """Exempt the server, which is on this computer, from proxies."""
    given = base.get("no_proxy") or base.get("NO_PROXY") or ""
    return ",".join(dict.fromkeys([part for part in given.split(",") if part] + ["127.0.0.1", "localhost"]))


def _pip_config(base: Mapping[str, str]) -> Path | None:
    home = Path(base.get("HOME") or Path.home())
    config = Path(base.get("XDG_CONFIG_HOME") or home / ".config")
    for path in (config / "pip" / "pip.conf", home / ".pip" / "pip.conf"):
        if path.is_file():
            return path
    return None


def make_tools(home: Home, python: Path) -> Path:
    """Make a folder with nothing but uv in it: the agent must find uv, but not the environment that uv lies in."""
    tools = home.root / "tools"
    tools.mkdir(exist_ok=True, mode=0o700)
    found = shutil.which("uv", path=str(python.parent)) or shutil.which("uv")
    link = tools / "uv"
    link.unlink(missing_ok=True)
    if found:
        link.symlink_to(found)
    return tools


def fresh_environments(home: Home) -> Path:
    """Make a folder for the environments of one agent's tasks, at its start.

    A session outlives an agent that was killed, and goes on using its environment: folders of earlier agents are
    removed only when no process runs from them.
    """
    folder = _plain_place(home)
    folder.mkdir(exist_ok=True)
    running = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    for old in folder.iterdir():
        if not any(f"{old}{os.sep}" in line for line in running):
            discard(home, old)
    taken = [int(old.name) for old in folder.iterdir() if old.name.isdigit()]
    return folder / str(max(taken, default=0) + 1)


def _plain_place(home: Home) -> Path:
    """Return a folder whose name has no blank, which clearml-agent refuses; a home folder or macOS' may have one.

    Elsewhere it is a private one with a name that can't be guessed, remembered for the next start.
    """
    usual, note = home.agent_work / "venvs", home.root / "environments-folder"
    if not re.search(r"\s", str(usual)):
        return usual
    known = Path(note.read_text("utf-8")) if note.is_file() else None
    if known is not None and known.is_dir() and not known.is_symlink() and known.stat().st_uid == os.getuid():
        return known
    where = next(one for one in (tempfile.gettempdir(), "/var/tmp", "/tmp") if not re.search(r"\s", one))  # noqa: S108
    made = Path(tempfile.mkdtemp(prefix="sessiondock-", dir=where))
    write_private(note, str(made))
    return made


def discard(home: Home, folder: Path) -> None:
    """Take a folder away at once; its files go later, in a thread.

    Done before each task of an agent with uv: clearml-agent 3.0.3 does not use its cache of environments then (uv's own
    is fast enough), and when it finds the folder of an earlier task it loses track of it and lets uv install into the
    environment that the agent itself runs in.
    """
    if folder.exists():
        inside = folder.is_relative_to(home.root)  # a rename stays on its disk
        trash = Path(tempfile.mkdtemp(dir=home.tmp if inside else folder.parent, prefix="discarded-"))
        folder.rename(trash / folder.name)
        threading.Thread(target=shutil.rmtree, args=(trash, True), name="sandbox-discard", daemon=True).start()


def command(python: Path, options: AgentOptions) -> list[str]:
    return [str(python), "-m", "clearml_agent", "daemon", "--queue", options.queue, "--foreground"]
