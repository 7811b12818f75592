"""``jupyter.py -m MODULE ARGUMENTS…``: a program of Jupyter without the configuration of this machine.

/etc/jupyter and /usr/local/etc/jupyter are for the servers of the machine's administrator; a base_url from there would
make ours answer nowhere. The user's folder, where it starts (a kernel without a notebook runs there), is no place for
its configuration either. Jupyter has no setting for this but one that leaves out our own folder, too. Run as a program
by JupyterLab's own Python; imports nothing of this package.
"""

import os
import runpy
import sys

from jupyter_core import paths
from jupyter_core.application import JupyterApp


def main() -> None:
    paths.SYSTEM_CONFIG_PATH[:] = []
    usual = JupyterApp.config_file_paths.fget
    JupyterApp.config_file_paths = property(lambda app: [one for one in usual(app) if one != os.getcwd()])  # noqa: PTH109
    module = sys.argv[2]
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
