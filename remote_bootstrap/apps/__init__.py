"""The table of applications. A new one is one file beside this and one entry here; the data half is imported by the
desktop, so these modules import nothing that exists on Linux only."""

from typing import Tuple

from remote_bootstrap.apps import jupyterlab, ssh, vscode
from remote_bootstrap.apps.spec import AppSpec, Login, Module

MODULES: Tuple[Module, ...] = (jupyterlab, vscode)
SSH = ssh.SPEC  # the way in: always there, and started by the runner itself
APPS = (*(module.SPEC for module in MODULES), SSH)
BY_KEY = {spec.key: spec for spec in APPS}

__all__ = ["APPS", "BY_KEY", "MODULES", "SSH", "AppSpec", "Login"]
