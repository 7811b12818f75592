"""Private mount namespaces for what tests start: files of the machine replaced for one program, and another user.

Root makes them directly. Anybody else makes a user namespace first, in which the subordinate ids of the account
(/etc/subuid, by newuidmap of Debian's package uidmap) stand for the machine's other accounts: so both kinds of user
run the same tests. Where a system forbids that, the test fails and says what to change. Pure but for what it starts.
"""

import os
import pwd
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

UNSHARE = "/usr/bin/unshare"
NOBODY = 65534
# Terminals as on most machines: their group is tty, so that sshd need not change it, which an ordinary user's can't.
TERMINALS = (
    "mount -t devpts devpts /dev/pts -o newinstance,gid=5,mode=620,ptmxmode=666",
    "mount --bind /dev/pts/ptmx /dev/ptmx",
)
# Room for what only root may make in these folders of the machine.
ROOTS_OWN = ("mount -t tmpfs tmpfs /run -o mode=755", "mkdir -m 755 /run/sshd", *TERMINALS)
# mount(8) serves nobody but root, who is somebody else here for a moment; the rights come with the namespace.
_MOUNT = 'mount() { /bin/mount "$@"; }'
_AS_ROOT = 'mount() { /usr/bin/setpriv --reuid 0 --regid 0 --clear-groups /bin/mount "$@"; }'
_WITHOUT_RIGHTS = "/usr/bin/setpriv --bounding-set -all --inh-caps -all --ambient-caps -all"


def is_root() -> bool:
    return os.geteuid() == 0


def as_this_user(lines: Sequence[str]) -> list[str]:
    """What to put before a command, so that it runs as the same user after the shell lines were obeyed as root.

    The lines call ``mount`` only. The command keeps the process id. Raises RuntimeError where no namespace can be made.
    """
    if is_root():
        script = ["set -e", _MOUNT, "mount --make-rprivate /", *lines, 'exec "$@"']
        return [UNSHARE, "--mount", "/bin/sh", "-c", "\n".join(script), "sh"]
    _require_user_namespaces()
    script = [_AS_ROOT, "mount --make-rprivate /", *lines, f'exec {_WITHOUT_RIGHTS} "$@"']
    return _in_user_namespace(["--map-current-user", "--keep-caps", "--mount"], script)


def as_root(lines: Sequence[str] = ()) -> list[str]:
    """What to put before a command that root runs: the machine's root, or the root of a user namespace of one's own.

    Raises RuntimeError where no namespace can be made.
    """
    if is_root():
        return as_this_user(lines)
    _require_user_namespaces()
    script = ["export USER=root LOGNAME=root", "/bin/mount --make-rprivate /", _MOUNT, *ROOTS_OWN, *lines, 'exec "$@"']
    return _in_user_namespace(["--map-root-user", "--mount"], script)


def as_another_user(uid: int = NOBODY) -> list[str]:
    """What to put before a command that another user of this computer runs, for the kernel too.

    Raises RuntimeError where that is not possible.
    """
    switch = ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    if is_root():
        return switch
    _require_user_namespaces()
    return _in_user_namespace(["--map-root-user"], [f'exec {shlex.join(switch)} "$@"'])


def give_away(path: Path, uid: int = NOBODY) -> None:
    """Make another user the owner of a file or folder."""
    subprocess.run([*as_root(), "/bin/chown", "-R", f"{uid}:{uid}", str(path)], check=True, timeout=30)


def take_back(path: Path) -> None:
    """Undo ``give_away``, so that the folder can be removed."""
    subprocess.run([*as_root(), "/bin/chown", "-R", "0:0", str(path)], check=True, timeout=30)


def bind(file: Path, target: str) -> str:
    """The line that puts ``file`` in the place of the machine's ``target``."""
    return f"mount --bind {shlex.quote(str(file))} {target}"


def accounts_file(folder: Path, home: Path, shell: str = "", name: str = "") -> Path:
    """A copy of /etc/passwd in ``folder`` in which the account (the one that runs this) has that home folder."""
    name = name or pwd.getpwuid(os.geteuid()).pw_name
    fields = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    for one in fields:
        if one[0] == name:
            one[5:] = [str(home), shell or one[6]]
    made = folder / "passwd"
    made.write_text("".join(":".join(one) + "\n" for one in fields))
    return made


def shadow_text(passwords: Mapping[str, str]) -> str:
    """An /etc/shadow for this machine's accounts: those have these password hashes, the others can't log in."""
    names = [line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines()]
    return "".join(f"{name}:{passwords.get(name, '*')}:19000:0:99999:7:::\n" for name in names)


def _in_user_namespace(options: Sequence[str], script: Sequence[str]) -> list[str]:
    """The command keeps its PATH, on which unshare might not find newuidmap."""
    inside = "\n".join(["set -e", "PATH=$SAVED_PATH", "unset SAVED_PATH", *script])
    begin = f'export SAVED_PATH="$PATH"; PATH=/usr/bin:/bin exec {UNSHARE} "$@"'
    own = ["--user", "--map-auto", *options, "/bin/sh", "-c", inside, "sh"]
    return ["/bin/sh", "-c", begin, "sh", *own]


@cache
def _require_user_namespaces() -> None:
    argv = _in_user_namespace(["--map-root-user", "--mount"], ["/bin/mount --make-rprivate /"])
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            "This user can't make user namespaces with subordinate ids, which tests need for a second user. They take "
            "the package uidmap, a line for this account in /etc/subuid and /etc/subgid (usermod --add-subuids "
            "100000-165535 --add-subgids 100000-165535 NAME), and a kernel that allows it (on Ubuntu: sysctl "
            f"kernel.apparmor_restrict_unprivileged_userns=0). It said: {done.stderr.strip()}"
        )
