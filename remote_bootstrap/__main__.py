"""``python -m remote_bootstrap``: ``install`` fills the application cache; ``session`` is what the task runs."""

import sys
from typing import List

from remote_bootstrap.installers.command import install

USAGE = "usage: python -m remote_bootstrap install jupyterlab|vscode|all"


def main(arguments: List[str]) -> int:
    if arguments[:1] == ["install"]:
        return install(arguments[1:])
    print(USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
