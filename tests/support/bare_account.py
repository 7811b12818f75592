"""An account without dotfiles, for servers that log people in: sshd runs a login's shell with the account's own, and
those of whoever runs the tests are slow, or in the middle of something. Pure but for one file.
"""

from pathlib import Path

from tests.support.namespaces import TERMINALS, accounts_file, as_this_user, bind, is_root


def without_dotfiles(folder: Path, home: Path) -> list[str]:
    """What to put before a command: a mount namespace in which this user's account has ``home`` as its home, and in
    which an ordinary user's sshd can open terminals, as on most machines. The command keeps the process id."""
    terminals = () if is_root() else TERMINALS
    return as_this_user([bind(accounts_file(folder, home), "/etc/passwd"), *terminals])
