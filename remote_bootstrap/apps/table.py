"""The working half of the table of applications: key -> what runs it. Beside apps/__init__.py, which is the data half;
a new application is one line in each. SSH is not here: it is the way in and is always there."""

from pathlib import Path
from typing import Callable, Dict

from remote_bootstrap.apps import jupyterlab, vscode
from remote_bootstrap.context import Context
from remote_bootstrap.environments import Environments
from remote_bootstrap.store import Say
from remote_bootstrap.supervise import Application

WORK: Dict[str, Callable[[Context], Application]] = {
    jupyterlab.SPEC.key: jupyterlab.JupyterLab,
    vscode.SPEC.key: vscode.VsCode,
}
PREINSTALL: Dict[str, Callable[[Path, Environments, Say], str]] = {
    jupyterlab.SPEC.key: jupyterlab.preinstall,
    vscode.SPEC.key: vscode.preinstall,
}
