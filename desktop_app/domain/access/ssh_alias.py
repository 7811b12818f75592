"""The name under which the user's own ssh knows a session: ``sd-<name>``. Pure; any thread."""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass

PREFIX = "sd-"
LONGEST = 48


@dataclass(frozen=True, slots=True)
class Alias:
    """One session in our ssh config file. ``session`` is SessionId.text, ``port`` the local one."""

    name: str
    session: str
    user: str
    port: int
    title: str  # the session's own name


def slug(name: str, otherwise: str) -> str:
    """Return ``name`` in lower-case ASCII letters, digits and single dashes; ``otherwise`` when nothing is left of
    it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:LONGEST].rstrip("-") or otherwise


def free_alias(name: str, task: str, taken: Container[str]) -> str:
    """Return the alias for a session of that name: unlike all that are ``taken``."""
    base = PREFIX + slug(name, task[:8].lower())
    if base not in taken:
        return base
    number = 2
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"
