"""``python -m remote_bootstrap install APPLICATION|all``: fill the cache before any session needs it.

Safe to repeat: what is there stays, and each line says what was done. Runs on the main thread.
"""

import sys
import time
from typing import List

from remote_bootstrap.apps.table import PREINSTALL
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.machine.folders import cache_folder, private
from remote_bootstrap.types import InstallError

ALL = "all"


def _log(text: str) -> None:
    print(text, flush=True)


def install(names: List[str]) -> int:
    """Install ``names``; returns the exit code: 0, 1 if one failed, 2 for an unknown name."""
    applications = list(PREINSTALL) if names == [ALL] else names
    if not applications or any(name not in PREINSTALL for name in applications):
        print("usage: install %s" % "|".join([*PREINSTALL, ALL]), file=sys.stderr)
        return 2
    environments = Environments(private(cache_folder()), _log)
    failed = False
    for name in applications:
        begun = time.monotonic()
        try:
            where = PREINSTALL[name](cache_folder(), environments, _log)
        except InstallError as error:
            print("%s: %s" % (name, error), file=sys.stderr, flush=True)
            failed = True
        else:
            _log("%s: ready after %.1f s: %s" % (name, time.monotonic() - begun, where))
    return 1 if failed else 0
