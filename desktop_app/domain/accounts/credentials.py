"""ClearML credentials as users already have them: a configuration file's tree, variables, a copied snippet. Pure.

The names are ClearML's: https://clear.ml/docs/latest/docs/configs/clearml_conf and …/env_vars.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from desktop_app.domain.accounts.account import UNCHECKED
from desktop_app.domain.accounts.addresses import HOSTED_API
from desktop_app.domain.problems import Problem

PREFIXES = ("CLEARML_", "TRAINS_")  # the newer name wins
CONFIG_FILE = "CONFIG_FILE"

# our field -> the variable's name behind its prefix
VARIABLES = {
    "api_url": "API_HOST",
    "web_url": "WEB_HOST",
    "files_url": "FILES_HOST",
    "access_key": "API_ACCESS_KEY",
    "secret": "API_SECRET_KEY",
    "token": "AUTH_TOKEN",
    "trust": "API_HOST_VERIFY_CERT",
}
# our field -> names in section ``api`` of clearml.conf
NAMES = {
    "api_url": ("api_server", "host"),
    "web_url": ("web_server",),
    "files_url": ("files_server",),
    "access_key": ("access_key",),
    "secret": ("secret_key",),
    "trust": ("verify_certificate",),
}
UNCHECKED_TEXT = "The server's certificate will not be checked: someone between you and the server can read your key."
_FALSE = ("false", "no", "off", "0")
_TRUE = ("true", "yes", "on", "1", "")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was found; "" where something is missing. ``trust``: see ``domain.accounts.account.Account``; ``source``:
    for users, such as ~/clearml.conf."""

    api_url: str = ""
    access_key: str = ""
    secret: str = field(default="", repr=False)
    web_url: str = ""
    token: str = field(default="", repr=False)
    trust: str = ""
    source: str = ""
    files_url: str = ""

    @property
    def warning(self) -> str:
        """Return what the user should know before using these, "" = nothing."""
        return UNCHECKED_TEXT if self.trust == UNCHECKED else ""

    @property
    def found(self) -> bool:
        """True if they are enough to sign in."""
        return bool(self.access_key and self.secret) or bool(self.token)

    def over(self, other: "Credentials") -> "Credentials":
        """Return these, and what they lack from ``other``; where they suffice to sign in, no key or token is taken."""
        keys = ("access_key", "secret", "token")
        taken = {
            f.name: getattr(other, f.name)
            for f in fields(self)
            if not getattr(self, f.name) and not (f.name in keys and self.found)
        }
        return replace(self, **taken)

    def at_home(self) -> "Credentials":
        """Return them with the hosted service's address where none is named, as the ClearML SDK does."""
        return self if self.api_url else replace(self, api_url=HOSTED_API)


@dataclass(frozen=True, slots=True)
class Offer:
    """What was found on this computer. Accounts that exist already are left out of ``found`` and counted in ``known``;
    ``problems``: what kept files from being read."""

    found: tuple[Credentials, ...] = ()
    problems: tuple[Problem, ...] = ()
    known: int = 0


def from_tree(tree: Mapping[str, Any]) -> Credentials:
    """Return the credentials in a parsed clearml.conf, or only its section ``api`` (or what is in it)."""
    api = tree.get("api")
    section: Mapping[str, Any] = api if isinstance(api, Mapping) else tree
    inner = section.get("credentials")
    places = [place for place in (inner, section) if isinstance(place, Mapping)]

    def value(name: str) -> str:
        found = (place.get(spelling) for spelling in NAMES.get(name, ()) for place in places)
        return next((_text(one) for one in found if _text(one)), "")

    return _made(value)


def from_environment(environ: Mapping[str, str]) -> Credentials:
    """Return those of the CLEARML_* variables and, where one is missing, TRAINS_*."""

    def value(name: str) -> str:
        found = (environ.get(prefix + VARIABLES[name], "").strip() for prefix in PREFIXES)
        return next((one for one in found if one), "")

    return _made(value)


def from_text(text: str, environ: Mapping[str, str]) -> Credentials:
    """Return those anywhere in a text: a whole or partial ``api { … }``, on many lines or squashed into one, JSON, and
    variables as a shell, a notebook or a program sets them. Commented lines count only where nothing else is found."""
    bare = "\n".join(line for line in text.splitlines() if not re.match(r"\s*(#|//|rem\s)", line))
    found = _in_text(bare, environ)
    return found if found.found else _in_text(text, environ)


def _in_text(text: str, environ: Mapping[str, str]) -> Credentials:
    def value(name: str) -> str:
        patterns = [rf"{prefix}{VARIABLES[name]}(?:{_SET}|[ \t]+){_VALUE}" for prefix in PREFIXES]
        patterns += [rf"{word}{_SET}{_VALUE}" for word in NAMES.get(name, ())]
        matches = (re.search(rf"(?<![A-Za-z0-9_]){pattern}", text) for pattern in patterns)
        return next((_expanded(m["quoted"] or m["single"] or m["bare"] or "", environ) for m in matches if m), "")

    return _made(value)


_SET = r"""["'\]]{0,2}\s*[:=]\s*"""
_VALUE = r"""(?:"(?P<quoted>[^"\n]*)"|'(?P<single>[^'\n]*)'|(?P<bare>(?:\$\{\??\w+\}|[^\s,;"'{}])+))"""


def _expanded(value: str, environ: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\??(\w+)\}", lambda m: environ.get(m[1], ""), value).strip()


def _made(value: Callable[[str], str]) -> Credentials:
    found = {name: value(name) for name in VARIABLES}
    found["trust"] = trust_of(found["trust"])
    for name in ("api_url", "web_url", "files_url"):
        found[name] = found[name].rstrip("/")
    return Credentials(**found)


def trust_of(setting: str) -> str:
    """Return ClearML's verify_certificate (true, false or a bundle's path) as our ``trust``."""
    if setting.lower() in _TRUE:
        return ""
    return UNCHECKED if setting.lower() in _FALSE else setting


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip() if isinstance(value, (str, int)) else ""
