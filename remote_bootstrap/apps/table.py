"""The table of applications: key -> what runs it, and key -> what fills the cache for it. A new one is one file beside
this, one entry here and its row in contract/apps.py. SSH is not here: it is the way in and is always there."""

from typing import Tuple

from remote_bootstrap.apps import jupyterlab, vscode
from remote_bootstrap.apps.spec import Module

MODULES: Tuple[Module, ...] = (jupyterlab, vscode)
WORK = {module.SPEC.key: module.application for module in MODULES}
PREINSTALL = {module.SPEC.key: module.preinstall for module in MODULES}
