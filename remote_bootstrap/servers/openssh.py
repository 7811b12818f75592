"""OpenSSH's sshd with a configuration of its own, in the session's folder: as root or as an ordinary user.

Facts about what works where: measured with OpenSSH 9.2 (see docs/decisions). Called from the SSH service's thread.
"""

import contextlib
import os
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List

from remote_bootstrap.machine.folders import write_private
from remote_bootstrap.process.processes import SESSION_VARIABLE
from remote_bootstrap.servers import shell
from remote_bootstrap.session.context import Context
from remote_bootstrap.session.supervise import Launch
from remote_bootstrap.types import InstallError

SFTP_SERVERS = ("usr/lib/openssh/sftp-server", "usr/libexec/openssh/sftp-server", "usr/lib/ssh/sftp-server")
PRIVILEGE_FOLDER = Path("/run/sshd")
PAM_SERVICE = Path("/etc/pam.d/sshd")
SHADOW = Path("/etc/shadow")
TEST_SECONDS = 20.0  # of `sshd -t`

# StrictModes: our folder is private and checked; sshd would also refuse a base folder below a shared one like /tmp.
# ClientAlive: a laptop that sleeps keeps its channels for ten minutes.
CONFIG = """\
ListenAddress {where}:{port}
HostKey {host_key}
AuthorizedKeysFile {authorized_keys}
PidFile none
StrictModes no
AllowUsers {user}
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PermitUserEnvironment no
UsePAM {pam}
PrintMotd no
PrintLastLog no
X11Forwarding no
AllowAgentForwarding yes
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
StreamLocalBindUnlink yes
GatewayPorts no
PermitTunnel no
UseDNS no
TCPKeepAlive yes
ClientAliveInterval 30
ClientAliveCountMax 20
LoginGraceTime 60
MaxAuthTries 6
MaxSessions 200
MaxStartups 100:30:300
AcceptEnv LANG LANGUAGE LC_* COLORTERM
SetEnv {marker} SHLVL=1
"""
SUBSYSTEMS = """\
Subsystem sessiondock %s
Subsystem sessiondock-agent %s
Subsystem sftp %s
"""
# SHLVL: sshd runs every command, the control channel's too, in the login shell, and bash then reads ~/.bashrc unless it
# believes to run in another shell (bash's shell.c). A dotfile that prints or waits must not reach the control channel.
# Options that some versions lack: PerSourcePenalties (9.8) would lock out a desktop that redials often.
OPTIONAL = ("PerSourcePenalties no",)


@dataclass(frozen=True)
class Subsystems:
    """The command lines of our own SSH subsystems."""

    relay: List[str]
    agent: List[str]


@dataclass(frozen=True)
class Program:
    """An sshd: the system's, or an unpacked one with its own libraries."""

    sshd: str
    root: Path = Path("/")
    env: Dict[str, str] = field(default_factory=dict)

    def sftp_server(self) -> str:
        present = [str(self.root / name) for name in SFTP_SERVERS if (self.root / name).is_file()]
        return present[0] if present else ""

    def extra_lines(self) -> List[str]:
        """Return the lines by which an unpacked OpenSSH >= 9.8 finds its own parts."""
        parts = {"SshdSessionPath": "sshd-session", "SshdAuthPath": "sshd-auth"}
        folder = self.root / "usr" / "lib" / "openssh"
        if self.root == Path("/"):
            return []
        present = [(name, folder / part) for name, part in parts.items() if (folder / part).is_file()]
        return ["%s %s" % (name, quoted(path)) for name, path in present]


def quoted(path: Path) -> str:
    """Return the path as sshd reads it; older versions know no way to write a quote. Raises InstallError."""
    if set(str(path)) & set('"\\\n'):
        raise InstallError("sshd can't read the name of the folder %s" % path.parent)
    return '"%s"' % path


def _lead(link: Path, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(target)


class OpenSsh:
    """Starts one sshd."""

    def __init__(self, context: Context, program: Program, user: str, subsystems: Subsystems, login: Path) -> None:
        self._context = context
        self._program = program
        self._user = user
        self._subsystems = subsystems
        self._shell = login
        self._folder = context.folder / "ssh"

    def prepare(self) -> None:
        """Try this sshd's configuration. Raises InstallError where it can't work."""
        if hasattr(os, "getuid") and os.getuid() == 0 and not PRIVILEGE_FOLDER.is_dir():
            try:
                PRIVILEGE_FOLDER.mkdir(mode=0o755, parents=True)
            except OSError as error:
                raise InstallError("sshd needs %s: %s" % (PRIVILEGE_FOLDER, error)) from error
        self._lines("127.0.0.1", 0)  # whether it can be said in sshd's words where we are

    def launch(self, host: str, port: int) -> Launch:
        config = self._folder / "sshd_config"
        lines = self._lines(host, port)
        write_private(config, lines)
        for option in OPTIONAL:
            if self._accepts(config, option):
                lines = option + "\n" + lines
        write_private(config, lines)
        argv = [self._program.sshd, "-D", "-e", "-f", str(config)]
        return Launch(argv, self._environment(), self._folder)

    def _environment(self) -> Dict[str, str]:
        return {**self._context.environment(), **self._program.env}

    def _lines(self, host: str, port: int) -> str:
        lines = CONFIG.format(
            where="[%s]" % host if ":" in host else host,
            port=port,
            host_key=quoted(self._folder / "host_key"),
            authorized_keys=quoted(self._folder / "authorized_keys").replace("%", "%%"),
            user=self._user,
            pam="yes" if _needs_pam(self._user) else "no",
            marker="%s=%s" % (SESSION_VARIABLE, self._context.task),
        )
        lines += self._subsystem_lines()
        return lines + "".join(line + "\n" for line in self._program.extra_lines())

    def _subsystem_lines(self) -> str:
        """Return the lines of the subsystems. The session's shell runs them, too; it can't run the internal one of an
        sshd without an sftp-server."""
        sftp, ours = self._program.sftp_server(), self._subsystems
        if sftp:
            _lead(self._context.home / shell.SFTP_LINK, sftp)
            words = SUBSYSTEMS % (shell.RELAY_WORD, shell.AGENT_WORD, shell.SFTP_WORD)
            return words + "ForceCommand %s\n" % shlex.quote(str(self._shell))
        commands = tuple(" ".join(argv) for argv in (ours.relay, ours.agent))
        if any(word != shlex.quote(word) for word in (*ours.relay, *ours.agent)):
            raise InstallError("sshd without an sftp-server can't run from the folder %s" % self._folder)
        return SUBSYSTEMS % (*commands, "internal-sftp")

    def _accepts(self, config: Path, option: str) -> bool:
        name, value = option.split(" ", 1)
        check = [self._program.sshd, "-t", "-f", str(config), "-o", "%s=%s" % (name, value)]
        env, void = self._environment(), subprocess.DEVNULL
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(check, stdin=void, stdout=void, stderr=void, env=env, timeout=TEST_SECONDS)
            return done.returncode == 0
        return False


def _needs_pam(user: str) -> bool:
    """True if sshd needs PAM. Without it, sshd refuses even keys for an account whose password is locked ("!" in
    shadow)."""
    try:
        entries = SHADOW.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    fields = [entry.split(":") for entry in entries]
    locked = any(len(one) > 1 and one[0] == user and one[1].startswith("!") for one in fields)
    return locked and PAM_SERVICE.is_file()
