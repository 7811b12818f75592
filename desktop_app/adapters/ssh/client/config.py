"""The two ssh config files: our own, which we write freely, and the user's, which we touch with consent only.

Any thread, several processes; small local files. The user's file is replaced in one step, with its mode, after a copy
of it was kept; a symbolic link is followed, not replaced. What can't be changed is a problem that says which line to
add by hand.
"""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from desktop_app.adapters.files.chosen_text import read_bytes
from desktop_app.adapters.ssh.client.alias_file import render
from desktop_app.adapters.ssh.client.files import ClientFiles
from desktop_app.adapters.ssh.route.asked import OVERRIDE, account_home
from desktop_app.boundary.computer import SshConfigFiles
from desktop_app.domain.access import ssh_config_text
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.file_lock import lock
from desktop_app.private_files import write_private

BACKUP = ".before-sessiondock"
LOCK_S = 5.0
ADD, REMOVE = "Add this line at its top", "Remove this line"


def user_config_path() -> Path:
    """Return the file that this user's ssh reads: OpenSSH takes the account's home folder, whatever HOME says."""
    given = os.environ.get(OVERRIDE)
    return Path(given) if given else account_home() / ".ssh" / "config"


class SshConfig(SshConfigFiles):
    """Both files of this user."""

    def __init__(
        self, folder: Path, user_config: Path, files: Callable[[str], ClientFiles], proxy: Sequence[str]
    ) -> None:
        """Read nothing yet. ``folder``: of our own file. ``files``: of a session. ``proxy``: argv to which an alias's
        name is added."""
        self.own = folder / "ssh_config"
        self._user = user_config
        self._lock = folder / "ssh_config.lock"  # of both files
        self._files = files
        self._proxy = tuple(proxy)

    @property
    def user(self) -> Path:
        return self._user

    @property
    def line(self) -> str:
        """Return what makes the user's ssh read our file."""
        return ssh_config_text.include_line(self.own.as_posix())

    # -- our own file

    def publish(self, aliases: Callable[[], Sequence[Alias]]) -> None:
        """Write an entry for each of ``aliases()``, which is asked while no other process writes.

        Problems: file.unwritable
        """
        try:
            self.own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with lock(self._lock, LOCK_S):
                known = tuple(aliases())
                text = render(known, lambda alias: self._files(alias.session), self._proxy, sys.platform != "win32")
                if not self.own.exists() or self.own.read_text("utf-8") != text:
                    write_private(self.own, text)
                self._sweep(known)
        except OSError as error:
            raise failure("file.unwritable", path=self.own, why=error.strerror or str(error)) from None

    def entries(self) -> frozenset[str]:
        """Return the names in our file, none while it can't be read."""
        return _names(self.own)

    def _sweep(self, known: Sequence[Alias]) -> None:
        """Remove the public keys and known hosts of sessions that are gone."""
        folder = self._files("").public_key.parent
        tasks = {SessionId.parse(alias.session).task for alias in known}
        for path in (*folder.glob("*.pub"), *folder.glob("*.known_hosts")):
            if path.stem not in tasks:
                path.unlink(missing_ok=True)

    # -- the user's file

    def place(self) -> Place:
        """Return where the user's file includes ours. Problems: ssh.config_unwritable, when it can't even be read"""
        return ssh_config_text.place_of(self._read(), self.own.as_posix())

    def host_names(self) -> frozenset[str]:
        """Return the hosts that the user named; none when the file can't be read."""
        return _names(self._user)

    def install(self) -> bool:
        """Add our line at the top; False when it is there. Problems: ssh.config_unwritable, ssh.config_text"""
        return self._edit(lambda text: ssh_config_text.with_include(text, self.own.as_posix()), ADD)

    def remove(self) -> bool:
        """Take our line out; False when it is not there. Problems: ssh.config_unwritable"""
        return self._edit(lambda text: ssh_config_text.without_include(text, self.own.as_posix()), REMOVE)

    def _read(self) -> bytes:
        if not os.path.exists(self._user):  # noqa: PTH110  pathlib raises where a folder may not be looked into
            return b""
        try:
            return read_bytes(self._user)
        except UnreadableText as error:
            raise self._unwritable(error.why, ADD) from None

    def _edit(self, change: Callable[[bytes], bytes], by_hand: str) -> bool:
        before = self._read()
        after = change(before)
        if after == before:
            return False
        try:
            self.own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with lock(self._lock, LOCK_S):
                self._write(before, after)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error), by_hand) from None
        return True

    def _write(self, before: bytes, after: bytes) -> None:
        if not self._user.parent.exists():
            self._user.parent.mkdir(mode=0o700)
        real = Path(os.path.realpath(self._user))
        mode = 0o600
        if real.exists():
            mode = stat.S_IMODE(real.stat().st_mode)
            if not mode & stat.S_IWUSR or not os.access(real, os.W_OK):
                raise PermissionError(1, "it is read-only")
            if before == ssh_config_text.without_include(before, self.own.as_posix()):  # the copy is without our line
                write_private(real.with_name(real.name + BACKUP), before, mode=mode)
        if not after and not self._user.is_symlink():
            real.unlink()
            return
        _replace(real, after, mode, before)

    def _unwritable(self, why: str, by_hand: str) -> Exception:
        return failure("ssh.config_unwritable", path=self._user, why=why, by_hand=by_hand, line=self.line)


def _names(path: Path) -> frozenset[str]:
    try:
        return ssh_config_text.host_names(read_bytes(path))
    except UnreadableText:
        return frozenset()


def _replace(path: Path, content: bytes, mode: int, expected: bytes) -> None:
    """Replace the user's file, which keeps its owner. Raises OSError, also when it does not hold ``expected`` now."""

    def check(draft: Path) -> None:
        if path.exists():
            _same_owner(path, draft)
            if path.read_bytes() != expected:
                raise OSError(errno.EAGAIN, "another program changed it just now")

    write_private(path, content, mode=mode, before=check)


def _same_owner(path: Path, draft: Path) -> None:
    found = path.stat()
    if sys.platform != "win32" and (found.st_uid, found.st_gid) != (os.getuid(), os.getgid()):
        with contextlib.suppress(PermissionError):
            os.chown(draft, found.st_uid, found.st_gid)
