"""``kernel.py OVERLAY ARGUMENTS…``: an IPython kernel in the task's Python, without installing anything into it.

OVERLAY is a file that names a folder of packages, or is empty. The folder comes last in the search path: whatever the
task has installed is found first. Run as a program by the task's Python; imports nothing of this package.
"""

import runpy
import sys
from pathlib import Path


def main() -> None:
    overlay = Path(sys.argv[1]).read_text("utf-8").strip()
    sys.path[0] = ""  # not this file's folder but the notebook's: modules beside it can be imported
    if overlay:
        sys.path.append(overlay)
    sys.argv = ["ipykernel_launcher", *sys.argv[2:]]
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
