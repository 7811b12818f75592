"""The user's own git on this computer: logins that git keeps in files, and harmless settings. Read only, any thread.

Nothing here is read before the user has agreed that it goes to a session.
"""

import os
import shutil
import subprocess
from pathlib import Path

from desktop_app.adapters.files.chosen_text import read_chosen
from desktop_app.adapters.os.start import NO_WINDOW
from desktop_app.domain.accounts.git_logins import GitIdentity, parse_logins, parse_settings
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.domain.problems import failure
from remote_bootstrap.contract.git import BY_PATH, GitLogin

GIT_SECONDS = 10.0


def read_git() -> GitIdentity:
    """Return the logins and settings of this user. Problems: git.unreadable"""
    return GitIdentity(_logins(), _settings())


def login_files() -> tuple[Path, ...]:
    """Return where ``git credential-store`` keeps logins, in its order."""
    config = os.environ.get("XDG_CONFIG_HOME")
    folder = Path(config) if config else Path.home() / ".config"
    return (Path.home() / ".git-credentials", folder / "git" / "credentials")


def _logins() -> tuple[GitLogin, ...]:
    found: list[GitLogin] = []
    for path in login_files():
        if not os.path.exists(path):  # noqa: PTH110  pathlib raises where a folder may not be looked into
            continue
        try:
            found += parse_logins(read_chosen(path, lenient=True))
        except UnreadableText as error:
            raise failure("git.unreadable", path=path, why=error.why) from None
    return tuple(found)


def _settings() -> dict[str, str]:
    """Ask git itself, which knows how its files include each other; without git there are no settings."""
    git = shutil.which("git")
    if git is None:
        return {}
    found: dict[str, str] = {}
    for scope in ("--system", "--global"):
        argv = [git, "config", scope, "--includes", "--list", "-z"]
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=GIT_SECONDS,
                check=False,
                creationflags=NO_WINDOW,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        read = parse_settings(done.stdout.decode("utf-8", "replace")) if done.returncode == 0 else {}
        # Of the machine's, only how logins are told apart: Git Credential Manager says it there for everybody.
        found.update({name: value for name, value in read.items() if scope == "--global" or BY_PATH.fullmatch(name)})
    return found
