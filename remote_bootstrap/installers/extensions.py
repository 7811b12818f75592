"""Extensions of VS Code, installed by code-server itself before its first start. On VS Code's service thread.

code-server asks the registry that it was built for (Open VSX) or the one that EXTENSIONS_GALLERY names; a path ending
in .vsix is a file on this machine, a web address is fetched. The user can work without one that can't
be installed.
"""

import os
import shutil
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from remote_bootstrap.installers import vsix
from remote_bootstrap.process import commands
from remote_bootstrap.types import InstallError, Log

PYTHON_EXTENSION = "ms-python.python"
TIMEOUT_S = 180.0  # seconds for all of them
# What an agent may set for its sessions, as clearml-session reads it: a version, an id, a .vsix file or its address.
PYTHON_VARIABLE = "CLEARML_SESSION_VSCODE_PY_EXT"


def wanted(listed: str, python_version: str) -> List[str]:
    """Return the extensions to install. ``listed``: one per line or separated by commas; ``python_version``: of the
    Python extension, "" = as listed."""
    extensions = [part.strip() for part in listed.replace(",", "\n").splitlines() if part.strip()]
    python = python_version or os.environ.get(PYTHON_VARIABLE, "").strip()
    if not python:
        return extensions
    if not python[0].isdigit():
        return [*extensions, python]
    others = [one for one in extensions if one.partition("@")[0].lower() != PYTHON_EXTENSION]
    return [*others, "%s@%s" % (PYTHON_EXTENSION, python)]


def install(command: Sequence[str], names: Sequence[str], options: Dict[str, str], folder: Path, log: Log) -> str:
    """Install them; return what did not work, as a sentence, "" = all are there. ``folder``: for what is fetched."""
    if not names:
        return ""
    log("Installing %d VS Code extension%s" % (len(names), "s" if len(names) > 1 else ""))
    flags = [part for option in options.items() for part in option]
    usable, failed = _found(names, folder)
    try:
        if usable:
            each = [part for name in usable for part in ("--install-extension", name)]
            commands.run([*command, *flags, *each], "some are not there", timeout_s=TIMEOUT_S)
    except InstallError as error:
        failed.append("%s (%s)" % (error, ", ".join(name.partition("?")[0] for name in names)))
    finally:
        shutil.rmtree(str(folder), ignore_errors=True)
    return "VS Code's extensions: %s" % "; ".join(failed) if failed else ""


def _found(names: Sequence[str], folder: Path) -> Tuple[List[str], List[str]]:
    """Return what code-server can install, and why the others are missing."""
    usable, failed = [], []
    for name in names:
        try:
            usable.append(str(vsix.fetch(name, folder)) if vsix.is_address(name) else _path(name))
        except InstallError as error:
            failed.append(str(error))
    return usable, failed


def _path(name: str) -> str:
    return str(Path(name).expanduser()) if name.endswith(".vsix") else name
