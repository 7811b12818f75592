"""As an ordinary user: the system's sshd, one unpacked from Debian's packages, or asyncssh where terminals need it.

Each session runs in a mount namespace, so that neither the machine's accounts nor its sshd are touched: where root runs
the tests as a user of its own, else as whoever does.
"""

import os
import pwd
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bootstrap_rig import MAIN, SSH_ONLY, BootstrapRig, Control, bootstrap_rig, run_command
from tests.support.namespaces import TERMINALS, accounts_file, as_this_user, bind, is_root
from tests.support.paths import REPOSITORY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.leaves_threads("Thread-"),
]
USER, UID = "sdtester", 54242
PYTHON = "/usr/bin/python3"  # the test's own may lie where an ordinary user can't read
CODE = ("remote_bootstrap", "tests/fakes/task_on_disk.py", "tests/support/bootstrap_main.py")
ODD_TERMINALS = (
    "mount -t devpts devpts /dev/pts -o newinstance,mode=600,ptmxmode=666",
    "mount --bind /dev/pts/ptmx /dev/ptmx",
)
NO_SSHD = ("! test -e /usr/sbin/sshd || mount --bind /dev/null /usr/sbin/sshd",)


@pytest.fixture
def rig() -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        yield rig


def start_as_user(rig: BootstrapRig, *mounts: str) -> str:
    """The user's name."""
    rig.brings_account = True
    if is_root():
        start_as_tester(rig, mounts)
        return USER
    account = bind(accounts_file(rig.home.parent, rig.login_home, "/bin/bash"), "/etc/passwd")
    rig.command = (*as_this_user([account, *mounts]), PYTHON, "-u", str(MAIN))
    rig.start({"SHELL": "/bin/bash", "SESSIONDOCK_CACHE": str(rig.home.parent / "cache")}, **SSH_ONLY)
    return pwd.getpwuid(os.getuid()).pw_name


def start_as_tester(rig: BootstrapRig, mounts: tuple[str, ...]) -> None:
    folder = rig.home.parent
    folder.chmod(0o755)
    for name in CODE:
        target = folder / "code" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, target)
    rig.work.mkdir()
    for path in (folder, folder / "login", rig.work, rig.server_folder):
        os.chown(path, UID, UID)
    rig.command = ("unshare", "--mount", "sh", str(script(folder, mounts)))
    rig.server_folder.chmod(0o777)
    rig.start({"HOME": str(folder / "login"), "USER": USER, "LOGNAME": USER, "SHELL": "/bin/bash",
               "SESSIONDOCK_CACHE": str(folder / "cache")}, **SSH_ONLY)  # fmt: skip


def script(folder: Path, mounts: tuple[str, ...]) -> Path:
    """Root's part: accounts and mounts of the namespace, then the session as the user."""
    for name, line in (("passwd", f"{USER}:x:{UID}:{UID}::{folder}/login:/bin/bash"), ("group", f"{USER}:x:{UID}:")):
        (folder / name).write_text(Path("/etc", name).read_text() + line + "\n")
    main = shlex.join([PYTHON, "-u", str(folder / "code" / MAIN.relative_to(REPOSITORY))])
    lines = [
        "set -e",
        "mount --make-rprivate /",
        *(f"mount --bind {folder}/{name} /etc/{name}" for name in ("passwd", "group")),
        *mounts,
        f"cd {folder}",
        f'exec setpriv --reuid {UID} --regid {UID} --clear-groups {main} "$@"',
    ]
    path = folder / "as_user.sh"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parity("S3")
@pytest.mark.parametrize(
    ("mounts", "program", "greeting"),
    [
        (TERMINALS, "/usr/sbin/sshd", "OpenSSH"),
        ((*TERMINALS, *NO_SSHD), "root/usr/sbin/sshd", "OpenSSH"),
        (ODD_TERMINALS, "asyncssh_main", "AsyncSSH"),
    ],
    ids=["system sshd", "unpacked sshd", "asyncssh"],
)
def test_the_whole_job(rig: BootstrapRig, mounts: tuple[str, ...], program: str, greeting: str) -> None:
    user = start_as_user(rig, *mounts)
    with rig.ssh(seconds=120) as client:
        assert greeting in client.get_transport().remote_version
        assert any(program in command for command in rig.left().values())
        assert run_command(client, "id -un; pwd") == (0, f"{user}\n{rig.work}\n", "")
        shell = client.invoke_shell()
        shell.settimeout(15)
        shell.sendall(b"test -t 0; echo term''inal=$?; exit 4\n")
        received = b""
        while chunk := shell.recv(4096):
            received += chunk
        assert b"terminal=0" in received
        assert shell.recv_exit_status() == 4
        files = client.open_sftp()
        assert files.normalize(".") == str(rig.work)
        files.close()
        assert Control(client).ask("hello").ok
    rig.server.set_status("in_progress", "stopping")
    rig.wait_nothing_left()
