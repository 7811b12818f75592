"""SSH: the way in. Data first (the desktop reads it), work below (the remote runs it on its SSH service's thread)."""

import os
import sys
from pathlib import Path
from typing import Callable, List, Mapping, NamedTuple, Optional, Protocol

from remote_bootstrap import contract
from remote_bootstrap.contract.apps import SSH
from remote_bootstrap.installers import asyncssh, openssh
from remote_bootstrap.machine import listening, network
from remote_bootstrap.machine.folders import private, write_private
from remote_bootstrap.servers import shell
from remote_bootstrap.servers.openssh import OpenSsh, Program, Subsystems
from remote_bootstrap.session.context import Context
from remote_bootstrap.session.host_key import HostKey
from remote_bootstrap.session.supervise import Launch
from remote_bootstrap.types import InstallError, Log

SPEC = SSH

BANNER = b"SSH-2.0-"
TRIES = 2  # starts without an answer before the next kind of server gets its turn
RELAY = str(Path(__file__).parent.parent / "channel" / "relay.py")
AGENT_LINK = str(Path(__file__).parent.parent / "channel" / "agent_link.py")
NOT_GRANTED = (
    "SSH can't use %s here: the SSH server that could do so without changing the machine can't be installed. "
    "Log in with the session's key as %s."
)
FORCE_VARIABLE = "SESSIONDOCK_SSH"  # "openssh", "unpacked" or "asyncssh": for machines where the first choice is wrong


class Wishes(NamedTuple):
    """What the user wants of SSH beside the session's key. ``lost``: what an sshd could not give, in words."""

    user: str
    own_server: bool = False
    lost: str = ""


def wishes_of(raw: Mapping[str, str], account: str) -> Wishes:
    """Read the wishes from the task's parameters."""
    name = raw.get(contract.PARAM_USERNAME, "").strip()
    user = name if name and contract.usable_user(name) else account
    wanted = ["the user name %s" % name] if name and name != account else []
    if raw.get(contract.PARAM_PASSWORD_HASH, "").strip():
        wanted.append("the password")
    own = bool(wanted) or contract.param_true(raw.get(contract.PARAM_PORTABLE_SSH), False)
    return Wishes(user, own, " and ".join(wanted))


class SshServer(Protocol):
    """One kind of SSH server."""

    def prepare(self) -> None:
        """Make it ready to be launched. Raises InstallError where it can't work."""

    def launch(self, host: str, port: int) -> Launch:
        """Return how to start it."""


class Ssh:
    """Tries the kinds of servers in order of quality and stays with the first that answers."""

    key = SPEC.key
    secret = ""
    marker = ""  # logins outlive a restart of the listener

    def __init__(self, context: Context) -> None:
        self._context = context
        self._folder = context.folder / "ssh"
        self.host = network.bind_address(context.address)
        self._port = 0
        self._log: Log = print
        self._kinds: List[Callable[[], SshServer]] = []
        self._server: Optional[SshServer] = None
        self._starts = 0
        self._account, self._has_login = openssh.account()
        self._wishes = wishes_of(context.settings.raw, self._account)
        self.user = self._account
        self.host_key = HostKey(self._folder, self._crypto_python)

    def install(self, log: Log) -> None:
        self._log = log
        private(self._folder)
        write_private(self._folder / "authorized_keys", self._context.settings.authorized_key + "\n")
        ours = self._subsystems()
        sftp = [str(self._context.home / shell.SFTP_LINK)]
        words = {shell.RELAY_WORD: ours.relay, shell.AGENT_WORD: ours.agent, shell.SFTP_WORD: sftp}
        self._shell = shell.write(self._context, words)
        openssh_may = self._has_login and openssh.terminals_work()
        if not openssh_may:
            log("SSH: sshd can't log this user in with a terminal here")
        kinds = kinds_in_order(openssh_may, self._openssh, self._asyncssh, self._context.cache, log)
        self._kinds = [self._own_server, *kinds] if self._wishes.own_server else kinds
        self._next_kind()
        self.host_key.make()  # with the ssh-keygen that may have come with the server

    def launch(self) -> Launch:
        if self._starts >= TRIES:
            self._next_kind()
        self._starts += 1
        if not self._port or not network.is_free(self.host, self._port):
            self._port = network.free_port(self.host, *self._context.settings.ssh_ports)
        assert self._server is not None
        return self._server.launch(self.host, self._port)

    def ready(self, pid: int) -> int:
        if not network.greeting(self._port, network.near(self.host)).startswith(BANNER) or not listening.listens(
            pid, self._port
        ):
            return 0  # another session may have been quicker with this port
        self._starts = 0
        return self._port

    def _next_kind(self) -> None:
        """Turn to the next kind that works. Raises InstallError with the last reason when none is left."""
        reason = "no SSH server can be started on this machine"
        while self._kinds:
            try:
                self._server = self._kinds.pop(0)()
                self._server.prepare()
            except InstallError as error:
                reason = str(error)
                self._log("SSH: %s" % reason)
                continue
            self._starts = 0
            return
        raise InstallError(reason)

    def _subsystems(self) -> Subsystems:
        python = [sys.executable, "-I", "-S"]
        relay = [*python, RELAY, str(self._context.control_socket)]
        return Subsystems(relay, [*python, AGENT_LINK, str(self._context.agent_socket)])

    def _openssh(self, program: Program) -> SshServer:
        self._as_the_account()
        return OpenSsh(self._context, program, self.user, self._subsystems(), self._shell)

    def _asyncssh(self) -> SshServer:
        self._as_the_account()
        return asyncssh.AsyncSsh(self._context, self.user, self._subsystems(), self._shell, self._log)

    def _own_server(self) -> SshServer:
        """Choose our own server for a user name or a password of the user's own: sshd would have to change the
        machine's accounts for them."""
        self.user = self._wishes.user
        return asyncssh.AsyncSsh(self._context, self.user, self._subsystems(), self._shell, self._log)

    def _as_the_account(self) -> None:
        self.user = self._account
        if self._wishes.lost:
            self._context.notice(NOT_GRANTED % (self._wishes.lost, self._account))
            self._wishes = Wishes(self._account)

    def _crypto_python(self) -> str:
        return str(asyncssh.python(self._context, self._log))


def kinds_in_order(
    openssh_may: bool,
    with_program: Callable[[Program], SshServer],
    with_asyncssh: Callable[[], SshServer],
    cache: Path,
    log: Log,
) -> List[Callable[[], SshServer]]:
    """Return the kinds that may work here, best first."""

    kinds = {
        "openssh": lambda: with_program(openssh.system()),
        "apt": lambda: with_program(openssh.installed_by_apt(log)),
        "unpacked": lambda: with_program(openssh.unpacked(cache, log)),
        "asyncssh": with_asyncssh,
    }
    forced = os.environ.get(FORCE_VARIABLE, "")
    if forced in kinds:
        return [kinds[forced]]
    return list(kinds.values()) if openssh_may else [with_asyncssh]
