"""The table of applications. A new one is one file beside this and one line here; the data half is imported by the
desktop, so these modules import nothing that exists on Linux only."""

from remote_bootstrap.apps import jupyterlab, ssh, vscode
from remote_bootstrap.apps.spec import AppSpec, Login

APPS = (jupyterlab.SPEC, vscode.SPEC, ssh.SPEC)
SSH = ssh.SPEC
BY_KEY = {spec.key: spec for spec in APPS}

__all__ = ["APPS", "BY_KEY", "SSH", "AppSpec", "Login"]
