"""A shell in a session on this terminal. Main thread; blocks until it is left."""

import shlex
import subprocess
import sys

from desktop_app.cli.terminal.output import say


def run_shell(command: str) -> int:
    """Run an ssh command line of the core's on this terminal; return the exit code of the shell."""
    try:
        argv = shlex.split(command)
        # On the very terminal that we read and write.
        return subprocess.run(argv, stdin=sys.stdin, stderr=sys.stderr, check=False).returncode
    except FileNotFoundError:
        say("There is no ssh program on this computer. Install an OpenSSH client.")
        return 1
