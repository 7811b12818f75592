"""Lines of a requirements file as pip reads them, and which of them an agent elsewhere can use. Pure functions.

Source: pip's "Requirements File Format". What another machine can't do, reading a file of this computer, is said.
"""

import re
from collections.abc import Iterable, Iterator

# Nothing here may try each sign of a line as a beginning: lines of a stranger's file are as long as he likes.
COMMENT = re.compile(r"(^|(?<!\s)\s+)#.*$")
# PEP 508's name and extras, then anything; URLs and versions are pip's business.
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\s*\[[^\]]*\])?\s*([<>=!~;@ ].*)?")
_ADDRESS = re.compile(r"((git|hg|svn|bzr)\+[a-z+]+://|(git|hg|svn|bzr)\+[\w.-]+@|https?://|git://)\S.*")
_LOCAL = re.compile(
    r"\.{1,2}([/\\].*)?(\[.*\])?|[/\\~].*|[A-Za-z]:[/\\].*|file:.*|(git|hg|svn|bzr)\+file:.*", re.IGNORECASE
)
_ARCHIVE = re.compile(r"[^@;\s]+\.(whl|zip|tar|tgz|tar\.(gz|bz2|xz))(\[[^\[\]]*\])?(\s.*)?", re.IGNORECASE)
_PATH = re.compile(r"[\w.-]+[/\\][^@;\s]*(\s.*)?")
_OPTION = re.compile(r"(?P<name>--[a-z][a-z-]*|-[a-zA-Z])(?:\s*=\s*|\s+|(?<=^-\w)(?=\S)|$)(?P<value>.*)")
_READS = ("-r", "--requirement", "--requirements")
_LIMITS = ("-c", "--constraint", "--constraints")
_EDITABLE = ("-e", "--editable")
_LINKS = ("-f", "--find-links", "-i", "--index-url", "--pypi-url", "--extra-index-url")
_SWITCHES = ("--no-index", "--prefer-binary", "--require-hashes", "--pre", "--always-unzip", "-Z")
_VALUES = ("--no-binary", "--only-binary", "--trusted-host", "--use-feature", "--global-option", "--config-settings")
_IGNORED = ("-f", "--find-links", "-i", "--index-url", "--no-index", "-Z", "--always-unzip")  # by clearml-agent 3.0.3
_HASH = re.compile(r"\s--hash[=\s]\s*[^\s;]+")
HERE = "names a place on this computer, which the session's machine can't read"


def lines_of(text: str) -> tuple[str, ...]:
    """Return the file's lines without comments, what a backslash continues joined to one."""
    lines = []
    for line, joined in _joined(text.splitlines()):
        line = COMMENT.sub("", line).strip()
        if line:
            lines.append(" ".join(line.split()) if joined else line)
    return tuple(lines)


def _joined(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Join lines as pip does: a comment ends a continued line."""
    begun: list[str] = []
    for line in lines:
        comment = COMMENT.match(line) is not None
        if line.endswith("\\") and not comment:
            begun.append(line.strip("\\"))
            continue
        yield "".join([*begun, f" {line}" if comment else line]), bool(begun)
        begun = []
    if begun:
        yield "".join(begun), True


def for_agent(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the lines as clearml-agent 3 and its pip can use them: ``unused`` says what is lost.

    One hash in the file makes pip want one of every package, also of those that the session itself needs. Of
    ``--extra-index-url=…`` the agent keeps the sign as a part of the address.
    """
    kept = []
    for line in lines:
        option, value = _option(line)
        if option == "--extra-index-url":
            kept.append(f"{option} {value}")
        elif option != "--require-hashes":
            kept.append(line if option else _HASH.sub("", line).rstrip())
    return tuple(kept)


def unused(lines: Iterable[str]) -> tuple[str, ...]:
    """Return sentences for users about what of those lines an agent does not heed."""
    told = list(lines)
    names = [_option(line)[0] for line in told]
    sentences = []
    if "--require-hashes" in names or any(
        not name and _HASH.search(line) for name, line in zip(names, told, strict=True)
    ):
        sentences.append(
            "The packages are installed in the versions that are named, without a look at their hashes: pip "
            "would want hashes of the session's own packages, too."
        )
    ignored = sorted({name for name in names if name in _IGNORED})
    if ignored:
        sentences.append(
            f"clearml-agent ignores {', '.join(ignored)}; it uses --extra-index-url, and an index that its own "
            "configuration names."
        )
    return tuple(sentences)


def file_to_read(line: str) -> str:
    """Return the path of ``-r path``, "" for any other line, and for an address."""
    name, value = _option(line)
    return value if name in _READS and "://" not in value else ""


def place_of(line: str) -> str:
    """Return the path of ``package @ file:///path``, "" for any other line: it may be there or a machine's that built
    it."""
    match = re.fullmatch(r"[^@]+@\s*file://[^/]*(/[^#;\s]*).*", line, re.IGNORECASE)
    return match[1] if match and not line.startswith("-") else ""


def wrong_with(line: str) -> str:
    """Return what keeps an agent from using the line, a sentence for users; "" = nothing. A ``-r`` has to be read
    before."""
    shown = f"“{_shown(line)}”"
    if line.startswith("-"):
        return _wrong_option(line, shown)
    if _LOCAL.fullmatch(line) or (not _ADDRESS.fullmatch(line) and (_ARCHIVE.fullmatch(line) or _PATH.fullmatch(line))):
        return f"{shown} {HERE}. Name a package, or the address of a repository."
    if _ADDRESS.fullmatch(line) or _PACKAGE.fullmatch(line):
        return ""
    return f"{shown} is not a package requirement such as torch==2.5 or tqdm."


def _wrong_option(line: str, shown: str) -> str:
    name, value = _option(line)
    far = _ADDRESS.fullmatch(value) is not None
    if name in _READS:
        why = (
            "is an address, which the agent does not read" if "://" in value else f"{HERE}; give it as the file itself"
        )
        return f"{shown} {why}."
    if name in (*_LIMITS, *_EDITABLE):
        return "" if far else f"{shown} {HERE}. Name {'an address' if name in _LIMITS else 'a repository'} instead."
    if name in _LINKS:
        place = _LOCAL.fullmatch(value) or (name in _LINKS[:2] and "://" not in value)
        return (
            f"{shown} {HERE}. Name an address instead."
            if value and place
            else ""
            if value
            else f"{shown} names nothing."
        )
    if name in _SWITCHES or (name in _VALUES and value):
        return ""
    return f"{shown} is no option that pip takes in a requirements file."


def _option(line: str) -> tuple[str, str]:
    match = _OPTION.fullmatch(line)
    return (match["name"], match["value"].strip().strip("\"'")) if match else ("", "")


def _shown(line: str) -> str:
    """Return the line short, printable, and without the login that an address may hold."""
    clean = "".join(sign if sign.isprintable() else " " for sign in line)
    return re.sub(r"(?<=://)[^/@\s]*@", "…@", clean)[:120]
