"""Debugging another task: where its code is, and how the IDEs run it. On the main thread, before anything starts.

The agent cloned the repository and built the environment as for the task itself, and runs us inside that clone. A task
without a repository has its code in a configuration object; it gets a folder of its own. Nothing of the repository is
overwritten, and what we add is kept out of its status.
"""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from remote_bootstrap import contract
from remote_bootstrap.machine.folders import private, write_private
from remote_bootstrap.task.settings import Settings, SettingsError

CODE_FOLDER = "task_repository"
NOTEBOOK = "sessiondock-debug.ipynb"
LAUNCH = ".vscode/launch.json"


class Run(NamedTuple):
    """How the debugged task was run."""

    program: str  # relative to ``folder``
    folder: str  # relative to the code
    arguments: List[str]


def run_of(raw: Mapping[str, str]) -> Optional[Run]:
    """Return what the session debugs, None if nothing. Raises SettingsError."""
    text = raw.get(contract.PARAM_DEBUG_RUN, "").strip()
    if not text:
        return None
    try:
        content = json.loads(text)
        run = Run(str(content["program"]), str(content["folder"]), [str(word) for word in content["arguments"]])
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError("%s can't be read: %s" % (contract.PARAM_DEBUG_RUN, type(error).__name__)) from error
    for path in (run.program, run.folder):
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise SettingsError("%s leads out of the code: %s" % (contract.PARAM_DEBUG_RUN, path))
    return run


def prepare(settings: Settings, home: Path, code: str) -> Settings:
    """Lay the code and the ways to run it down; return the settings with its folder as the applications' folder, unless
    the user named another. ``code``: the configuration object, "" where the agent has cloned a repository."""
    run = run_of(settings.raw)
    if run is None:
        return settings
    folder = _write_code(private(home) / CODE_FOLDER, run, code) if code else Path.cwd()
    _links(home, folder)
    _write_launch(folder, run)
    _write_notebook(folder, run)
    _hide(folder, [LAUNCH, NOTEBOOK, contract.ENTRY_POINT])
    named = settings.raw.get("user_folder", "").strip()
    return settings if named else replace(settings, user_folder=folder)


def _write_code(folder: Path, run: Run, code: str) -> Path:
    private(folder)
    try:
        text = str(json.loads(code)["code"])
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError("the task's code can't be read: %s" % type(error).__name__) from error
    path = folder / run.program
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, text)
    return folder


def _links(home: Path, folder: Path) -> None:
    """Link ``environment`` and ``task_repository`` beside the dotfiles, as clearml-session's documentation has them."""
    private(home)
    for name, target in (("environment", Path(sys.prefix)), (CODE_FOLDER, folder)):
        link = home / name
        if not link.exists() and not link.is_symlink():
            link.symlink_to(target)


def _write_launch(folder: Path, run: Run) -> None:
    """Write VS Code's run configuration; a repository that brings its own keeps it."""
    path = folder / LAUNCH
    if path.exists() or path.parent.is_symlink() or path.parent.is_file():
        return
    inside = "${workspaceFolder}/" + ("" if run.folder in ("", ".") else run.folder + "/")
    entry: Dict[str, Any] = {
        "name": "The task, with its arguments",
        "type": "debugpy",
        "request": "launch",
        "python": sys.executable,
        "program": inside + run.program,
        "cwd": inside.rstrip("/"),
        "args": run.arguments,
        "console": "integratedTerminal",
        "justMyCode": False,
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"version": "0.2.0", "configurations": [entry]}, indent=4) + "\n", "utf-8")


def _write_notebook(folder: Path, run: Run) -> None:
    """Write a notebook whose one cell runs the task's program; its first line changes into the program's folder."""
    path = folder / NOTEBOOK
    if path.exists():
        return
    change = [] if run.folder in ("", ".") else ["import os\n", "os.chdir(%r)\n" % str(folder / run.folder)]
    cell: Dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "run",
        "metadata": {},
        "outputs": [],
        "source": [*change, "%run " + " ".join(shlex.quote(word) for word in [run.program, *run.arguments])],
    }
    kernel = {"display_name": "Python (task)", "language": "python", "name": "python3"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook, indent=1) + "\n", "utf-8")


def _hide(folder: Path, names: List[str]) -> None:
    """Keep what we added out of ``git status``, in the clone's own list."""
    info = folder / ".git" / "info"
    if not info.parent.is_dir():
        return
    info.mkdir(exist_ok=True)
    path = info / "exclude"
    known = path.read_text("utf-8") if path.is_file() else ""
    fresh = ["/" + name for name in names if "/" + name not in known.splitlines()]
    if fresh:
        end = "" if not known or known.endswith("\n") else "\n"
        path.write_text(known + end + "\n".join(fresh) + "\n", "utf-8")
