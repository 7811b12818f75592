"""What of a process's command line may be shown: enough to recognise the program, and nothing that may be a secret.

Users pass tokens and passwords as arguments, so this names what may stay and drops the rest; there is no list of
suspicious words to be incomplete. Pure functions; any thread.
"""

import re
from typing import List

HIDDEN = "…"
MAX_LENGTH = 200
MAX_WORDS = 400
SCRIPT_PARTS = 3  # of a script's path: "ray/dashboard/dashboard.py" says more than its last part

_PROGRAM = re.compile(r"[A-Za-z0-9_.+:-]{1,40}")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}(\.[A-Za-z_][A-Za-z0-9_]{0,40}){0,6}")
_SCRIPT = re.compile(r"[A-Za-z0-9_./+ -]{1,300}")
_LONG_FLAG = re.compile(r"--[a-z][a-z-]{0,30}")
_SHORT_FLAG = re.compile(r"-[A-Za-z]")
_INTERPRETER = re.compile(r"(python|pypy|perl|ruby|node|bun|deno|bash|dash|zsh|sh|Rscript)[0-9.]*")
_SCRIPT_ENDINGS = (".py", ".pyz", ".js", ".mjs", ".ts", ".sh", ".jar", ".ipynb", ".rb", ".pl", ".R")
_TAKES_VALUE = ("-W", "-X")  # of Python, before the script
_WORDS = frozenset(
    ("run", "serve", "server", "ui", "start", "lab", "notebook", "dashboard", "dev", "edit", "preview", "scheduler")
)
_KNOWN_APPLICATIONS = ("mlflow.server:app", "mlflow.server.fastapi_app:app")
# The value of such a flag is shown if it looks like an address or a port.
_ADDRESS_FLAGS = ("--port", "--host", "--bind", "--address", "--ip", "--server.port", "--server.address")
_ADDRESS = re.compile(r"[0-9]{1,5}|localhost|[0-9.:\[\]]{3,45}")


def shown(argv: List[str]) -> str:
    """Return the command line to show, at most MAX_LENGTH characters."""
    if not argv:
        return ""
    words = argv[:MAX_WORDS]
    program = _program(words[0])
    kept = [program, *_arguments(program, words[1:], len(words[0].split()) > 1)]
    once = [word for at, word in enumerate(kept) if word != HIDDEN or kept[at - 1 : at] != [HIDDEN]]
    return " ".join(once)[:MAX_LENGTH]


def name_of(argv: List[str], thread: str) -> str:
    """Return the program's name. ``thread``: the kernel's name of the main thread, cut to 15 characters. It is the
    better one where a script runs under an interpreter, and is of no use where the program named its thread (Node:
    "MainThread")."""
    if any(word.rsplit("/", 1)[-1].startswith(thread) for word in argv[:MAX_WORDS]):
        return thread
    program = _program(argv[0]).rstrip(":") if argv else HIDDEN
    return thread if program == HIDDEN else program


def _program(word: str) -> str:
    first = word.split()  # a process that renames itself leaves one long word
    name = first[0].rsplit("/", 1)[-1].lstrip("-") if first else ""
    return name if _PROGRAM.fullmatch(name) else HIDDEN


def _arguments(program: str, words: List[str], more: bool) -> List[str]:
    kept = [HIDDEN] if more else []
    if not _INTERPRETER.fullmatch(program):
        return kept + [_word(words, at) for at in range(len(words))]
    for at, word in enumerate(words):
        if at and words[at - 1] in _TAKES_VALUE:
            kept.append(HIDDEN)
        elif word == "-m" and at + 1 < len(words) and _MODULE.fullmatch(words[at + 1]):
            return [*kept, "-m", words[at + 1], *(_word(words, rest) for rest in range(at + 2, len(words)))]
        elif word == "-c":
            return [*kept, "-c", HIDDEN]  # a program as an argument
        elif not word.startswith("-"):
            return [*kept, _script(word), *(_word(words, rest) for rest in range(at + 1, len(words)))]
        else:
            kept.append(_word(words, at))
    return kept


def _word(words: List[str], at: int) -> str:
    word, before = words[at], words[at - 1] if at else ""
    if word in _WORDS or word in _KNOWN_APPLICATIONS or _SHORT_FLAG.fullmatch(word):
        return word
    flag, equals, value = word.partition("=")
    if flag in _ADDRESS_FLAGS or _LONG_FLAG.fullmatch(flag):
        return flag + equals + (_value(flag, value) if equals else "")
    if before in _ADDRESS_FLAGS:
        return _value(before, word)
    return _script(word) if word.endswith(_SCRIPT_ENDINGS) else HIDDEN


def _value(flag: str, value: str) -> str:
    return value if flag in _ADDRESS_FLAGS and _ADDRESS.fullmatch(value) else HIDDEN


def _script(path: str) -> str:
    if not _SCRIPT.fullmatch(path):
        return HIDDEN
    return "/".join(path.split("/")[-SCRIPT_PARTS:]).strip("/") or HIDDEN
