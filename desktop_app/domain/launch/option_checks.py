"""What values launch options may have: reading them as users write them, saying what is wrong. Pure functions.

A check returns a sentence for users, "" = the value is good.
"""

import re
import shlex
from urllib.parse import urlsplit

from desktop_app.domain.launch import requirements

MAX_NAME = 200
TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WEB_ADDRESS = re.compile(r"https?://\S*/(?:tasks|experiments)/([A-Za-z0-9_-]{1,64})(?:[/?#]\S*)?$")
_SEVERAL = re.compile(
    r"(?<![\s,])[\s,]+(?=[A-Za-z]|$)(?![^\[]*\])"
)  # between packages, not inside a[b, c] or >= 1, < 3
_VERSION = r"[0-9A-Za-z][0-9A-Za-z.+!-]*"
_EXTENSION = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+(@[0-9A-Za-z.+-]+)?")
# An extension is a program: it must not be changed on the way, so https or the session's own machine.
_VSIX_ADDRESS = re.compile(r"(https://|http://(127\.0\.0\.1|localhost)(:\d+)?/)\S+(#sha256=[0-9a-fA-F]{64})?")
# So is an archive of a program; a file is of the session's machine.
_ARCHIVE = re.compile(
    r"(https://\S+|http://(127\.0\.0\.1|localhost)(:\d+)?/\S+|file:///\S+|/\S+)#sha256=[0-9a-fA-F]{64}"
)
_GATEWAY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[\w.-]+)(:(?P<port>\d+))?")
PASSPHRASE_MIN = 12  # characters
SHORTEST_PROJECT, MOST_LEVELS = 3, 10  # characters of each part of its name; parts


def clean_line(text: str) -> str:
    """Return one printable line: newlines and control characters become blanks, ends are trimmed."""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()


def project_path(text: str) -> str:
    """Return a project's name as ClearML stores it: parts between slashes, each trimmed, without empty ones."""
    parts = (clean_line(part) for part in text.split("/"))
    return "/".join(part for part in parts if part)


def items(text: str) -> tuple[str, ...]:
    """Return the lines of a list, trimmed, without empty ones and repetitions."""
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def words(text: str) -> tuple[str, ...]:
    """Return the items of a list whose items hold neither blanks nor commas."""
    return tuple(dict.fromkeys(part for part in re.split(r"[\s,]+", text) if part))


def split_packages(text: str) -> tuple[str, ...]:
    """Return requirement lines: one per line, or several on one line separated by commas or blanks where
    unambiguous."""
    found: list[str] = []
    for line in requirements.lines_of(text):
        whole = line.startswith("-") or re.search(r"[;@]|://| --", line)
        found += [line] if whole else [part for part in _SEVERAL.split(line) if part]
    return tuple(found)


def task_id(text: str) -> str:
    """Return the id in an id or in a task's address in ClearML's web page; anything else comes back trimmed. The word
    "none" is clearml-session's for no task."""
    text = "" if text.strip().lower() == "none" else text.strip()
    match = _WEB_ADDRESS.match(text)
    return match.group(1) if match else text


def wanted_task(text: str) -> str:
    """Return the id for an option that may name a task; clearml-session says "none" for no task."""
    found = task_id(text)
    return "" if found.lower() == "none" else found


def gateway(text: str) -> tuple[str, int]:
    """Return address and port of ``address[:port]``; port 0 when there is none, and ("", 0) for what is neither."""
    match = _GATEWAY.fullmatch(text.strip())
    port = int(match.group("port") or 0) if match else 0
    return (match.group("host").strip("[]"), port) if match and port < 65536 else ("", 0)


# -- what is wrong


def name(value: str) -> str:
    line = clean_line(value)
    if len(line) < 3:
        return "Give the session a name of at least three characters."
    return f"The name is longer than {MAX_NAME} characters." if len(line) > MAX_NAME else ""


def project(value: str) -> str:
    """Check ClearML's rules for a project and the projects above it, whose names are its path."""
    parts = project_path(value).split("/")
    short = next((part for part in parts if len(part) < SHORTEST_PROJECT), None)
    if parts == [""] or (short is not None and len(parts) == 1):
        return "Give the project a name of at least three characters."
    if short is not None:
        return f"Every part of a project's name has at least three characters; “{short}” is shorter."
    if len(parts) > MOST_LEVELS:
        return f"A project has at most {MOST_LEVELS} levels; this one has {len(parts)}."
    return ""


def queue(value: str) -> str:
    return "" if value.strip() else "Choose the queue that the session waits in."


def image(value: str) -> str:
    if value and re.search(r"\s", value.strip()):
        return "A docker image name has no blanks, for example python:3.12 or nvcr.io/nvidia/pytorch:24.05-py3."
    return ""


def packages(value: str) -> str:
    return next((wrong for line in split_packages(value) if (wrong := requirements.wrong_with(line))), "")


def one_line(value: str) -> str:
    return "This is one line of text." if re.search(r"[\r\n\0]", value) else ""


def workspace(value: str) -> str:
    """Check the folder. A stored workspace can be read by all members of the ClearML workspace; a home folder holds
    keys and logins."""
    if value.strip().rstrip("/") in ("~", "$HOME", "${HOME}", "", "/root") and value.strip():
        return (
            "Choose a folder inside the home folder: the home folder itself holds keys, which others could then read."
        )
    return one_line(value)


def arguments(value: str) -> str:
    try:
        shlex.split(value)
    except ValueError:
        return "A quote is not closed."
    return one_line(value)


def version(value: str) -> str:
    if value and not re.fullmatch(_VERSION, value):
        return "Give a version such as 4.6.6, or leave this empty for the default."
    return ""


def code_version(value: str) -> str:
    if value and not re.fullmatch(f"{_VERSION}(:{_VERSION})?", value):
        return "Give a code-server version such as 4.105.1, or with the Python extension's: 4.105.1:2025.12.0."
    return ""


def extensions(value: str) -> str:
    bad = [word for word in words(value) if not _is_extension(word)]
    kinds = "an extension's id (ms-python.python), a .vsix file, nor an https address"
    return f"“{clean_line(bad[0])}” is neither {kinds}." if bad else ""


def _is_extension(word: str) -> bool:
    if "://" in word:
        return _VSIX_ADDRESS.fullmatch(word) is not None and _readable(word)
    return _EXTENSION.fullmatch(word) is not None or word.endswith(".vsix")


def _readable(address: str) -> bool:
    """True if it is a web address without a login in it: that could not be fetched, and tasks are readable."""
    try:
        parts = urlsplit(address)
        return "@" not in parts.netloc and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def ports(value: str) -> str:
    first, _, last = value.strip().partition(":")
    numbers = [int(part) if part.isdecimal() else 0 for part in (first, last or first)]
    if not all(1 <= number <= 65535 for number in numbers) or numbers[0] > numbers[1]:
        return "Give a port from 1 to 65535, or a range such as 10022:15000."
    return ""


def remote_gateway(value: str) -> str:
    if value.strip() and not gateway(value)[0]:
        return "Give an address, with or without a port, for example gate.example.com:31022."
    return ""


def task(value: str) -> str:
    found = wanted_task(value)
    if found and not TASK_ID.fullmatch(found):
        return "Give a task's id or the address of its page in ClearML."
    return ""


def interval(value: str) -> str:
    return "" if re.fullmatch(r"[0-9]{0,5}", value.strip()) else "Give a whole number of minutes, or 0 for never."


def user(value: str) -> str:
    if value and not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", value):
        return "A user name is made of small letters, digits, - and _, and begins with a letter."
    return ""


def passphrase(value: str) -> str:
    """Check the length. All members of the workspace can try to guess it, as often as they like."""
    if value and (len(value) < PASSPHRASE_MIN or not value.isprintable()):
        return f"Give a passphrase of at least {PASSPHRASE_MIN} characters on one line."
    return ""


def minutes(value: str) -> str:
    if value and (not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", value) or float(value) == 0):
        return "Give a number of minutes, such as 45."
    return ""


def password(value: str) -> str:
    if value and (len(value) < 8 or not value.isprintable()):
        return "Give a password of at least eight characters on one line."
    return ""


def archive(text: str) -> str:
    """Check an address or a file's whole name, with the checksum that the download has to have."""
    if not text or _ARCHIVE.fullmatch(text):
        return ""
    return "Give https://… or a file's whole name on the session's machine, followed by #sha256= and the 64 digits."
