"""Names that people choose: keys of properties and parameters, and names of projects. Pure functions.

As recorded: a real server rewrites some keys before it stores them, and doesn't undo that for runtime properties.
"""

import re

from desktop_app.sandbox.rules import errors

PART = 3  # characters that every part of a project's name has at least
DEEPEST = 10  # parts of a project's name
_SPELLINGS = (("%", "%%"), (".", "%2E"), ("$", "%24"), ("__", "%_%_"))
_PLAIN = {"%_": "_", **{spelled: plain for plain, spelled in _SPELLINGS}}
_ESCAPED = re.compile(r"%%|%2E|%24|%_%_|^%_")


def escaped(key: str) -> str:
    """Return the key as the database may hold it. Raises ApiError 400/12 for an empty one."""
    text = key.strip()
    if not text:
        raise errors.invalid_field("Empty key is not allowed")
    for plain, spelled in _SPELLINGS:
        text = text.replace(plain, spelled)
    return "%" + text if text.startswith("_") else text


def unescaped(text: str) -> str:
    """Return the key that was escaped, and what isn't escaped as it is."""
    return _ESCAPED.sub(lambda found: _PLAIN[found.group()], text)


def project_name(name: str) -> str:
    """Return the name in parts as it is stored. Raises ApiError 400/12, 400/407 or 400/409."""
    if not name.strip():
        raise errors.invalid_project_name(name)
    parts = [part.strip() for part in name.split("/") if part.strip()]
    if not parts or any(len(part) < PART for part in parts):
        raise errors.invalid_field("Project name cannot be blank")
    if len(parts) > DEEPEST:
        raise errors.project_too_deep(DEEPEST)
    return "/".join(parts)
