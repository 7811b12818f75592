"""What the user's own ssh makes of the user's configuration: ``ssh -G``. On the dialling thread; a few milliseconds.

OpenSSH's language (Match, tokens, quotes, canonical names) has one true reader. A program that is not there, or that is
too old for the question, leaves it to our parser.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from desktop_app.adapters.os.start import NO_WINDOW
from desktop_app.adapters.ssh.route.settings import folder, system_folder
from desktop_app.domain.access.route import Hop
from desktop_app.domain.problems import failure

OVERRIDE = "SESSIONDOCK_SSH_CONFIG"  # the user's file, where ssh is told to use another (-F)
ANSWER_S = 15.0  # "Match exec" may ask the network
_SEVERAL = ("userknownhostsfile", "globalknownhostsfile")
_FLAG_MISSING = ("unknown option", "illegal option")


def answers(hop: Hop, flattened: str) -> dict[str, list[str]] | None:
    """Return directive -> values; None where no ssh can tell. ``flattened``: our reading of the files, for an ssh that
    would read those of another home. Problems: route.config"""
    program = shutil.which("ssh")
    if program is None:
        return None
    if account_home() == Path.home():
        given = os.environ.get(OVERRIDE)
        return _ask(program, hop, ["-F", given] if given else [])
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="replace", suffix=".ssh_config") as file:
        file.write(flattened)
        file.flush()
        found = _ask(program, hop, ["-F", file.name])
    return None if found is None else {key: [_at_home(value) for value in values] for key, values in found.items()}


def _ask(program: str, hop: Hop, more: list[str]) -> dict[str, list[str]] | None:
    said = ["-p", str(hop.port)] if hop.port else []
    said += ["-l", hop.user] if hop.user else []
    try:
        done = subprocess.run(
            [program, "-G", *more, *said, "--", hop.host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_S,
            check=False,
            creationflags=NO_WINDOW,
        )
    except subprocess.TimeoutExpired:
        raise failure("route.config", why=f"ssh did not read it within {ANSWER_S:g} s.") from None
    except OSError:
        return None
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip()
        if any(text in why for text in _FLAG_MISSING):
            return None
        raise failure("route.config", why=f"ssh says: {_sentence(why)}")
    return parsed(done.stdout.decode("utf-8", "replace"))


def files() -> tuple[Path, ...]:
    """Return the user's file and the system's; with -F, ssh reads that one alone."""
    given = os.environ.get(OVERRIDE)
    return (Path(given),) if given else (folder() / "config", system_folder() / "ssh_config")


def _sentence(text: str) -> str:
    """Return what matters of its complaints, without its remark about terminals."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "terminal" not in line]
    return ("; ".join(lines[:3])[:400] or "it can't be used").rstrip(".") + "."


def parsed(text: str) -> dict[str, list[str]]:
    """Return the directives in ``ssh -G``'s answer."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key.lower(), []).extend(_files(value) if key.lower() in _SEVERAL else [value])
    found.setdefault("identityfile", ["none"])  # not even the usual ones
    return found


def _files(text: str) -> list[str]:
    """Return the names of files that stand in one line without quotes: those with blanks are told by what exists, or by
    how the next one begins."""
    words, found = text.split(" "), []
    while words:
        length = next((n for n in range(len(words), 0, -1) if _exists(" ".join(words[:n]))), 0)
        if not length:
            length = next((n for n in range(1, len(words)) if words[n].startswith(("/", "~", "%"))), len(words))
        found.append(" ".join(words[:length]))
        words = words[length:]
    return [name for name in found if name]


def _exists(name: str) -> bool:
    return os.path.exists(os.path.expanduser(name))  # noqa: PTH110, PTH111  names of any bytes and length


def account_home() -> Path:
    """Return the account's home folder, which OpenSSH takes whatever HOME says."""
    if sys.platform == "win32":
        return Path.home()
    import pwd  # not on Windows

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # a container's user without an account
        return Path.home()


def _at_home(value: str) -> str:
    """Resolve ~ to HOME, where that is not the account's home, which ssh would take."""
    inside = value.removeprefix(f"{account_home()}/")
    if inside == value:
        return value
    ours = Path.home() / inside
    return str(ours) if ours.exists() or inside.startswith(f"{folder().name}/") else value
