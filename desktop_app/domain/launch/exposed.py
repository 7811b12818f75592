"""What looks like a secret in options that the task keeps for all members of the workspace to read. Pure functions.

Names are told, values never. A guess: it warns before a launch and stops nothing.
"""

import re
import shlex

from desktop_app.domain.launch.options import LaunchSpec, options

FIELDS = ("docker_args", "init_script", "packages", "requirements", "docker")
# NAME=value, however it is given: -e NAME=…, --env=NAME=…, -eNAME=…, --label name=…, export NAME=…
_ASSIGNED = re.compile(r"(?:^|[\s=;&|({]|^-e)['\"]?(?P<name>[A-Za-z_][\w.-]*)=(?P<value>[^\s;&|)}]+)")
_SECRET_NAME = re.compile(
    r"(?:^|[_.-])(?:api|access|private|secret|account|storage|master|auth|encryption)?_?key(?:$|[_.-])"
    r"|token|secret|passw|passphrase|credential|(?:^|_)(?:pat|pwd|auth)(?:$|_)|connection_string|(?:^|_)dsn(?:$|_)",
    re.IGNORECASE,
)
_HARMLESS_NAME = re.compile(r"_(?:file|path|dir|id|name|url|type|length|size|limit)s?$|public", re.IGNORECASE)
_REFERENCE = re.compile(r"^['\"]?(?:\$|/|~|$)|^['\"]{2}$|^(?:true|false|yes|no|none|null|\d{1,3})$", re.IGNORECASE)
# Values that give themselves away: logins in addresses, and what services print as their keys.
_SHAPES = {
    "a login in an address": re.compile(
        r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://[^\s/:@'\"$]*:[^\s/@'\"$]+@", re.IGNORECASE
    ),
    "an access token": re.compile(
        r"\b(?:hf_|ghp_|gho_|ghs_|github_pat_|glpat-|sk-|xox[abpr]-|AKIA|ASIA|npm_|pypi-|dop_v1_)[A-Za-z0-9_-]{12,}"
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}


def secrets_in(text: str) -> tuple[str, ...]:
    """Return what there is to warn of, by name, each once."""
    names = [match["name"] for piece in _pieces(text) for match in _ASSIGNED.finditer(piece) if _is_secret(match)]
    names += [what for what, shape in _SHAPES.items() if shape.search(text)]
    return tuple(dict.fromkeys(names))


def _pieces(text: str) -> list[str]:
    """Return its lines, and its words as a shell splits them: a quoted one may begin with the name."""
    try:
        return [*text.splitlines(), *shlex.split(text, comments=False)]
    except ValueError:  # an open quote
        return text.splitlines()


def _is_secret(match: "re.Match[str]") -> bool:
    name = match["name"].removeprefix("-")
    is_secret = _SECRET_NAME.search(name) and not _HARMLESS_NAME.search(name)
    return bool(is_secret) and not _REFERENCE.search(match["value"])


def warnings_of(spec: LaunchSpec) -> tuple[str, ...]:
    """Return one sentence for each option that holds such a thing, "what is safe" included."""
    table = options()
    labels = []
    for name in FIELDS:
        named = secrets_in(str(getattr(spec, name)))
        if named:
            labels.append(f"{table[name].label} ({table[name].flag}): {', '.join(named)}")
    if not labels:
        return ()
    return (
        f"{'; '.join(labels)} would be kept readable: all members of the ClearML workspace see it in the task and its"
        " log, and so do others on the agent's machine. Safe: launch without, then hand it over inside the connection "
        "(“sessiondock give” for git logins, the ClearML key and the SSH agent, or set it in a terminal of the "
        "session); or have the agent's administrator set it there.",
    )
