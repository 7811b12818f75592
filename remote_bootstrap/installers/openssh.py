"""Finds or installs OpenSSH's sshd: the system's, apt-get in a container of ours, else Debian's packages unpacked.

Called from the SSH service's thread.
"""

import os
import shutil
from pathlib import Path
from typing import Callable, Tuple

from remote_bootstrap.environment.install_cache import build_once, first_executable, key_of, machine
from remote_bootstrap.installers import apt
from remote_bootstrap.process import commands
from remote_bootstrap.servers.openssh import Program
from remote_bootstrap.types import InstallError, Log

PACKAGES = ("openssh-server", "openssh-sftp-server", "libwrap0")
OPTIONAL_PACKAGES = ("libwrap0",)  # newer releases of Debian and Ubuntu do without
NO_LOGIN = ("nologin", "false")


def terminals_work() -> bool:
    """True if sshd can hand a terminal to this user: an ordinary user can't chown one to group tty, so the mount of
    /dev/pts must do it (gid=5)."""
    import grp  # Unix only

    if apt.is_root():
        return True
    try:
        master, terminal = os.openpty()
    except OSError:
        return False
    try:
        return os.fstat(terminal).st_gid == grp.getgrnam("tty").gr_gid
    except KeyError:
        return False
    finally:
        os.close(master)
        os.close(terminal)


def has_privilege_user() -> bool:
    import pwd  # Unix only

    try:
        pwd.getpwnam("sshd")
    except KeyError:
        return False
    return True


def account() -> Tuple[str, bool]:
    """Return this user's login name, and whether sshd can log it in: it wants an account with a real shell."""
    import pwd  # Unix only

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:  # a container run with a bare number
        return os.environ.get("USER") or "user", False
    return entry.pw_name, Path(entry.pw_shell or "/bin/sh").name not in NO_LOGIN


def system() -> Program:
    """Return the machine's own sshd. Raises InstallError."""
    program = first_executable("sshd")
    if not program:
        raise InstallError("no sshd is installed")
    if apt.is_root() and not has_privilege_user():
        raise InstallError("sshd is installed without its user sshd")
    return Program(program)


def installed_by_apt(log: Log) -> Program:
    """Install sshd, in a container and as root only. Raises InstallError."""
    apt.install(["openssh-server"], log)
    return system()


def unpacked(cache: Path, log: Log) -> Program:
    """Unpack Debian's packages into the cache, for an ordinary user. Raises InstallError."""
    apt_get, dpkg = first_executable("apt-get"), first_executable("dpkg")
    if apt.is_root() or not (apt_get and dpkg):
        raise InstallError("an unpacked sshd needs apt-get and an ordinary user")
    folder = build_once(cache / ("openssh-" + key_of(machine(), *PACKAGES)), _unpacker(apt_get, dpkg, log), log)
    libraries = sorted(folder.glob("root/usr/lib/*-linux-*"))
    env = {"LD_LIBRARY_PATH": os.pathsep.join(str(one) for one in libraries)}
    return Program(str(folder / "root" / "usr" / "sbin" / "sshd"), folder / "root", env)


def _unpacker(apt_get: str, dpkg: str, log: Log) -> Callable[[Path], None]:
    def unpack(folder: Path) -> None:
        log("Downloading openssh-server with apt-get")
        packages = folder / "packages"
        packages.mkdir()
        for name in PACKAGES:
            try:
                apt.run([apt_get, "download", "-qq", name], {}, packages)
            except InstallError:
                if name not in OPTIONAL_PACKAGES:
                    raise
        for package in sorted(packages.glob("*.deb")):
            commands.run([dpkg, "-x", str(package), str(folder / "root")], "a Debian package could not be unpacked")
        shutil.rmtree(str(packages))
        if not (folder / "root" / "usr" / "sbin" / "sshd").is_file():
            raise InstallError("Debian's openssh-server holds no sshd")

    return unpack
