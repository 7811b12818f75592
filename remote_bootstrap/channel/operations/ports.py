"""Operations on listening ports: what of this machine the desktop could forward. Operation thread; no state.

Only TCP sockets of processes that this user may look into: those of others have no name here, and are not our affair.
"""

import contextlib
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Tuple

from remote_bootstrap.channel.operations.operation import Host, OperationError
from remote_bootstrap.machine import listening as machine_listening
from remote_bootstrap.machine import shown_command
from remote_bootstrap.process import processes

MAX_ROWS = 200
MAX_COMMAND_BYTES = 64 * 1024


@dataclass(frozen=True)
class Row:
    """One listening socket."""

    port: int
    address: str
    pid: int
    process: str
    command: str  # see machine/shown_command.py
    session: bool  # started in this session


def listening(host: Host, _args: Dict[str, Any]) -> Dict[str, Any]:
    """Return {"ports": rows, those of the session first, "more": how many were left out}."""
    sockets = machine_listening.sockets()
    owners = machine_listening.owners_of(set(sockets), sorted(processes.pids()))
    own = processes.marked(processes.SESSION_VARIABLE, host.context.task) | processes.descendants(os.getpid())
    rows = [_row(sockets[inode], pid, pid in own) for inode, pid in owners.items()]
    rows.sort(key=lambda row: (not row.session, row.port, row.address))
    return {"ports": [asdict(row) for row in rows[:MAX_ROWS]], "more": max(0, len(rows) - MAX_ROWS)}


def release(host: Host, args: Dict[str, Any]) -> Dict[str, Any]:
    """End the SSH connection of a desktop that went away and still listens on a port here: {"released": bool}.

    Until its server notices, such a connection would keep the port from its own successor. Only an sshd of this session
    is ended, never another program; with a server that is one process for all connections there is nothing to end.
    """
    port = args.get("port")
    if port in {app.port for app in host.progress.current().apps.values()}:
        raise OperationError("Port %s belongs to the session itself." % port)
    sockets = machine_listening.sockets()
    inodes = {inode for inode, (_address, at) in sockets.items() if at == port}
    holders = set(machine_listening.owners_of(inodes, sorted(processes.pids())).values())
    released = False
    for pid in holders & processes.descendants(os.getpid()):
        if _name(pid).startswith("sshd"):
            with contextlib.suppress(OSError):  # it ended by itself
                os.kill(pid, signal.SIGTERM)
                released = True
    return {"released": released}


def _row(where: Tuple[str, int], pid: int, session: bool) -> Row:
    words = _read("/proc/%d/cmdline" % pid, MAX_COMMAND_BYTES).decode("utf-8", "replace").rstrip("\0").split("\0")
    return Row(where[1], where[0], pid, shown_command.name_of(words, _name(pid)), shown_command.shown(words), session)


def _name(pid: int) -> str:
    return _read("/proc/%d/comm" % pid, 64).decode("utf-8", "replace").strip()


def _read(path: str, size: int) -> bytes:
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        return file.read(size)
    return b""
