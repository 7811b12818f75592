"""ClearML credentials that are on this computer already: configuration files and variables. Read only; any thread.

The only module that knows pyhocon, the parser whose dialect clearml.conf is written in: it reads ``api_server:
https://…`` without quotes, where strict HOCON sees a comment.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from desktop_app.adapters.files.chosen_text import read_chosen
from desktop_app.boundary.computer import CredentialSource
from desktop_app.domain.accounts.credentials import (
    CONFIG_FILE,
    PREFIXES,
    Credentials,
    from_environment,
    from_text,
    from_tree,
)
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.domain.problems import AppError, Problem, failure

STANDARD = ("trains.conf", "clearml.conf")  # in the SDK's order
PATTERNS = ("trains*.conf", "clearml*.conf")  # how users call their files for other servers
ENVIRONMENT = "environment variables"
# An include could read any file or address; ClearML's own files have none.
_INCLUDE = re.compile(
    r"""\binclude\s+(?:required\s*\(\s*)?(?:(?:url|file|package|classpath)\s*\(\s*)?"[^"\n]*"[\s)]*"""
)
_KEY_ELSEWHERE = re.compile(r"""\b(?:access|secret)_key["']?\s*[:=]\s*\$\{""")

# What the parser itself stumbles over in texts that are no configuration.
_BROKEN = (RecursionError, ValueError, KeyError, IndexError, TypeError, AttributeError)

_parser_lock = threading.Lock()  # the parser keeps its settings in global variables


class CredentialFiles(CredentialSource):
    """What the environment and the home folder hold."""

    def __init__(self, environ: Mapping[str, str], home: Path) -> None:
        self._environ = environ
        self._home = home

    def found(self) -> tuple[tuple[Credentials, ...], tuple[Problem, ...]]:
        """Return the credentials that could sign in, as the SDK would prefer them, and what kept files from being
        read."""
        problems: list[Problem] = []
        files = [found for path in self._paths() if (found := self._try(path, problems)) is not None]
        named = from_environment(self._environ)
        merged = named.over(files[0]) if files else named
        mixed = any((named.api_url, named.access_key, named.secret, named.token))
        if mixed and merged.found:
            files.insert(0, self._named(merged, ENVIRONMENT))
        usable: dict[tuple[str, ...], Credentials] = {}
        for one in files:
            usable.setdefault((one.api_url, one.access_key, one.secret, one.token), one)
        return tuple(one for one in usable.values() if one.found), tuple(problems)

    def environment(self) -> Credentials:
        """Return those of the variables alone. Problems: credentials.none"""
        found = from_environment(self._environ)
        if not found.found:
            raise failure("credentials.none", where="The environment (CLEARML_API_ACCESS_KEY and its like)")
        return self._named(found, ENVIRONMENT)

    def read(self, path: Path) -> Credentials:
        """Return those of one file. Problems: credentials.unreadable, credentials.none"""
        path = path.expanduser()
        text = _content(path)
        found = self.text(text, self._shown(path))
        if not found.found:
            missing = self._missing(text)
            where = self._shown(path) + (f" (where {missing} is not set)" if missing else "")
            raise failure("credentials.none", where=where)
        return found

    def text(self, text: str, source: str) -> Credentials:
        """Return those of a whole configuration file or a part of one, however damaged; without ``found`` where there
        are none."""
        tree = _tree(text)
        parsed = from_tree(tree) if tree is not None else Credentials()
        clean = parsed.found and not any(re.search(r"\s", part) for part in (parsed.api_url, parsed.access_key))
        return self._named(parsed if clean else from_text(text, self._environ), source)

    @staticmethod
    def _named(found: Credentials, source: str) -> Credentials:
        return replace(found.at_home() if found.found else found, source=source)

    def _try(self, path: Path, problems: list[Problem]) -> Credentials | None:
        try:
            return self.read(path)
        except AppError as error:
            # An agent's or an empty file is nothing to complain about; one whose secret is in a missing variable is.
            if error.problem.code != "credentials.none" or _KEY_ELSEWHERE.search(_content(path)):
                problems.append(error.problem)
            return None

    def _paths(self) -> list[Path]:
        named = [self._environ.get(prefix + CONFIG_FILE, "") for prefix in PREFIXES]
        paths = [Path(name).expanduser() for name in named if name]
        standard = [self._home / name for name in STANDARD]
        more = [path for pattern in PATTERNS for path in sorted(self._home.glob(pattern))]
        return list(dict.fromkeys((*paths, *(path for path in (*standard, *more) if path.is_file()))))

    def _missing(self, text: str) -> str:
        names = re.findall(r"\$\{\??(\w+)\}", text)
        return ", ".join(name for name in dict.fromkeys(names) if name not in self._environ)

    def _shown(self, path: Path) -> str:
        try:
            return f"~/{path.relative_to(self._home).as_posix()}"
        except ValueError:
            return str(path)


def _content(path: Path) -> str:
    try:
        return read_chosen(path, lenient=True)
    except UnreadableText as error:
        raise failure("credentials.unreadable", path=path, why=error.why) from None


def _tree(text: str) -> Mapping[str, object] | None:
    """Return the parsed text, None where it is no configuration. A variable that is not set counts as left out."""
    import pyhocon  # late on purpose: a quarter of a second that only an import needs

    text = _INCLUDE.sub("", text)
    with _parser_lock:
        for attempt in (text, re.sub(r"\$\{(?!\?)", "${?", text)):
            try:
                parsed = pyhocon.ConfigFactory.parse_string(attempt, unresolved_value=None)
                found: Mapping[str, object] = parsed.as_plain_ordered_dict()
            except pyhocon.exceptions.ConfigSubstitutionException:
                continue
            except (pyhocon.exceptions.ConfigException, pyhocon.config_parser.pyparsing.ParseBaseException, *_BROKEN):
                return None
            return found
    return None
