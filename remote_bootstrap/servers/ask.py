"""``shutdown`` and ``clearml-sync-workspace`` in a session's shells: one request to the session's control socket.

Run by the programs that ``steps/programs.py`` writes, as ``main([SOCKET, COMMAND, ARGUMENTS…])``. Standard library
only, and of this package only what starts quickly.
"""

import sys
from typing import Any, Callable, Dict, List

from remote_bootstrap import contract
from remote_bootstrap.channel.relay import connect
from remote_bootstrap.machine import git

USAGE = 2
NOW = ("", "now", "-h", "-h now", "-P", "-P now", "-h +0", "-P +0")  # what users type by habit


class AskError(Exception):
    """No answer, or a refusal; the text is for the user at the terminal."""


def ask(socket: str, op: str, args: Dict[str, Any]) -> Dict[str, Any]:
    """Return the answer to one request. Waits as long as it takes. Raises AskError."""
    try:
        with connect(socket) as connection, connection.makefile("rb") as lines:
            connection.sendall(contract.Request(1, op, args).dumps().encode("utf-8"))
            line = lines.readline()
    except OSError as error:
        raise AskError("The session does not answer: %s" % error) from error
    try:
        reply = contract.Reply.loads(line.decode("utf-8", "replace"))
    except contract.ContractError as error:
        raise AskError("The session ended meanwhile.") from error
    if not reply.ok:
        raise AskError(reply.error)
    return reply.result


def shutdown(socket: str, arguments: List[str]) -> int:
    """End the session, not the machine."""
    if " ".join(arguments) not in NOW:
        print("usage: shutdown    ends this SessionDock session (not the machine)", file=sys.stderr)
        return USAGE
    print("Shutting the session down ...", flush=True)  # afterwards this connection may end at any moment
    ask(socket, contract.OP_SHUTDOWN, {})
    return 0


def sync_workspace(socket: str, arguments: List[str]) -> int:
    """Store the workspace now."""
    if arguments:
        print("usage: clearml-sync-workspace    stores the workspace of this session now", file=sys.stderr)
        return USAGE
    print("Storing the workspace ...", flush=True)
    answer = ask(socket, contract.OP_SYNC_WORKSPACE, {})
    print(str(answer.get("text") or "The workspace is stored."))
    return 0


def git_login(socket: str, arguments: List[str]) -> int:
    """Serve as git's credential helper: tell the delivered login that fits, keep and forget nothing."""
    if arguments == ["get"]:
        answer = ask(socket, contract.OP_GIT_ASK, dict(git.parse_attributes(sys.stdin.read())))
        for name in ("username", "password"):
            if answer.get(name):
                print("%s=%s" % (name, answer[name]))
    return 0


COMMANDS: Dict[str, Callable[[str, List[str]], int]] = {
    "shutdown": shutdown,
    "clearml-sync-workspace": sync_workspace,
    git.HELPER: git_login,
}


def main(arguments: List[str]) -> None:
    """Run the command; end the process with the command's exit code."""
    socket, command, rest = arguments[0], arguments[1], arguments[2:]
    try:
        sys.exit(COMMANDS[command](socket, rest))
    except AskError as error:
        sys.exit("%s: %s" % (command, error))
