"""The script of a session's task: one Python file that holds every module of remote_bootstrap as readable text.

Made here from the package's own sources (importlib.resources, so it works in a frozen app too); pure, any thread.
The agent writes it to contract.ENTRY_POINT and runs it with the task's Python (3.8 or newer).
"""

from importlib import resources
from importlib.resources.abc import Traversable

PACKAGE = "remote_bootstrap"
QUOTES = "'''"
TARGET = "remote_bootstrap/__main__.py"

HEAD = '''\
"""A SessionDock session, made by the SessionDock desktop app.

Below are the modules of the package remote_bootstrap, as they are in the project. This program writes them into the
session's private folder and runs them from there: an SSH server that admits the key of whoever launched the session,
and the applications that were asked for. The session ends when this task is aborted.
"""

import glob
import os
import stat
import sys
import tempfile

SOURCES = {}

'''

FOOT = '''\


def base_folder():
    """$SESSIONDOCK_HOME, else ~/.sessiondock, else (no home, or one that can't be written to) a temporary folder."""
    given = os.environ.get("SESSIONDOCK_HOME")
    if given:
        return os.path.abspath(os.path.expanduser(given))
    own = os.path.expanduser(os.path.join("~", ".sessiondock"))
    try:
        if os.path.isabs(own):
            os.makedirs(own, mode=0o700, exist_ok=True)
            if os.access(own, os.W_OK):
                return own
    except OSError as error:
        print("SessionDock: %s" % error)
    return temporary_folder(tempfile.gettempdir())


def temporary_folder(top):
    """One of this user's: every user of the machine can write there, and may have taken the name that we would."""
    name = os.path.join(top, "sessiondock-%d" % os.getuid())
    for one in [name] + sorted(glob.glob(glob.escape(name) + "-*")):
        try:
            os.makedirs(one, mode=0o700, exist_ok=True)
            about = os.lstat(one)
        except OSError:
            continue
        if stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o022:
            return one
    return tempfile.mkdtemp(prefix="sessiondock-%d-" % os.getuid(), dir=top)


def unpack(task):
    """Write the modules into the session's folder, for this user only; returns the folder."""
    base = os.environ["SESSIONDOCK_HOME"] = base_folder()
    sessions = os.path.join(base, "sessions")
    folder = os.path.join(sessions, task, "code")
    for part in (base, sessions, os.path.dirname(folder), folder):
        os.makedirs(part, mode=0o700, exist_ok=True)  # each by itself: a parent's mode would be the agent's umask
        if os.lstat(part).st_uid != os.getuid():
            sys.exit("SessionDock: %s belongs to another user; set SESSIONDOCK_HOME to a folder of your own" % part)
        if part != base:
            os.chmod(part, 0o700)
    for name, text in SOURCES.items():
        path = os.path.join(folder, *name.split("/"))
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(text.encode("utf-8"))
    return folder


def main():
    task = os.environ.get("CLEARML_TASK_ID") or os.environ.get("TRAINS_TASK_ID")
    if not task:
        sys.exit("SessionDock: this program is run by a ClearML agent, which names its task in CLEARML_TASK_ID")
    if sys.version_info < (3, 8):
        sys.exit("SessionDock: the task's Python is %d.%d; 3.8 or newer is needed" % sys.version_info[:2])
    sys.path.insert(0, unpack(task))
    from remote_bootstrap.__main__ import session

    sys.exit(session(task))


if __name__ == "__main__":
    main()
'''


class PayloadError(ValueError):
    """A module can't be embedded as it is; the text says which and why."""


def module_sources() -> dict[str, str]:
    """Return path in the package (``remote_bootstrap/…``) -> text of every module, sorted."""
    found: dict[str, str] = {}
    _collect(resources.files(PACKAGE), PACKAGE, found)
    return dict(sorted(found.items()))


def _collect(folder: Traversable, path: str, found: dict[str, str]) -> None:
    for entry in folder.iterdir():
        name = f"{path}/{entry.name}"
        if entry.is_dir() and entry.name != "__pycache__":
            _collect(entry, name, found)
        elif entry.name.endswith(".py"):
            found[name] = entry.read_bytes().decode("utf-8")


def build_payload() -> str:
    """Return the whole program. Raises PayloadError for a module that a raw string can't hold."""
    modules = module_sources()
    if TARGET not in modules:
        raise PayloadError(f"{TARGET} is missing: this build of SessionDock is incomplete")
    return HEAD + "\n".join(_embedded(name, text) for name, text in modules.items()) + FOOT


def _embedded(name: str, text: str) -> str:
    if QUOTES in text:
        raise PayloadError(f"{name} contains {QUOTES}, which ends the raw string that it is embedded in")
    if text.endswith(("\\", "'")):
        raise PayloadError(f"{name} ends in a backslash or a quote, which a raw string can't")
    if "\r" in text:
        raise PayloadError(f"{name} has carriage returns, which Python would change")
    return f"SOURCES[{name!r}] = r{QUOTES}{text}{QUOTES}\n"
