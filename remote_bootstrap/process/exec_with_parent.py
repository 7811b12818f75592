"""Started between a supervisor and a service: ``exec_with_parent.py PARENT_PID COMMAND…`` becomes COMMAND.

The kernel then ends the service when the supervising thread ends (PR_SET_PDEATHSIG), and signals that the supervisor
ignores (a shell's ``&`` leaves SIGINT ignored) are usual again. A program of its own, because doing this between
fork and exec is unsafe in a process with threads. Standard library only, no import of this package: it must be fast.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
RESET = ("SIGINT", "SIGQUIT", "SIGHUP", "SIGPIPE", "SIGXFSZ", "SIGTERM", "SIGCHLD")


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # SIGTERM, not SIGKILL: code-server's wrapper must get the chance to end its children.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the supervisor has gone")
    for name in RESET:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit("%s: %s" % (command[0], error))


if __name__ == "__main__":
    main()
