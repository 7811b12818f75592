"""A profile: a launch under a name, without what belongs to one launch only and without secrets. Pure, any thread.

What is in a profile follows from the option table (``Keep``); values that are the default are left out, so that a
profile follows when a default changes. The file is JSON:
``{"sessiondock": "profile", "schema": 1, "name": …, "options": {field: value}}``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from desktop_app.domain.launch.option import Keep, Kind, Option
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.launch.options import LaunchSpec, defaults, from_profile, options, problem_of, to_profile
from desktop_app.domain.problems import failure

SCHEMA = 1
MAX_NAME = 60
THEIR_NAME = "clearml-session"
_YES = ("true", "yes", "on", "1")
_WITH_LINES = (Kind.LIST, Kind.PATHS)


@dataclass(frozen=True, slots=True)
class Profile:
    """``left_out``: what a file held that a profile does not, by the names that users know."""

    name: str
    spec: LaunchSpec
    left_out: tuple[str, ...] = ()

    @property
    def news(self) -> str:
        """Return what a user should know of a profile that came from a file."""
        said = [f"Imported as “{self.name}”."]
        if self.left_out:
            said.append(f"Left out: {', '.join(self.left_out)}.")
        if self.spec.init_script:
            said.append("It runs an init script in the session: look at it before you launch.")
        return " ".join(said)


def check_name(name: str) -> str:
    """Return the name as it is kept. Problems: profile.name"""
    line = clean_line(name)
    if not line or len(line) > MAX_NAME:
        raise failure("profile.name", longest=MAX_NAME)
    return line


def values_of(spec: LaunchSpec) -> dict[str, Any]:
    """Return what a profile keeps of a launch."""
    start = to_profile(defaults())
    return {name: value for name, value in to_profile(spec).items() if value != start[name]}


def dumps(name: str, spec: LaunchSpec) -> str:
    """Return the file's text."""
    head = {"sessiondock": "profile", "schema": SCHEMA, "name": name}
    return json.dumps({**head, "options": values_of(spec)}, indent=1, ensure_ascii=False) + "\n"


def loads(text: str, source: str) -> Profile:
    """Read a profile's file, or the state that clearml-session keeps. Problems: profile.unreadable"""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise failure("profile.unreadable", path=source, why="it is not JSON") from None
    if not isinstance(content, dict):
        raise failure("profile.unreadable", path=source, why="it holds no launch options")
    if content.get("sessiondock") == "profile":
        return _exported(content, source)
    profile = from_clearml_session(content)
    if profile is None:
        raise failure("profile.unreadable", path=source, why="it holds no launch options")
    return profile


def _exported(content: Mapping[str, Any], source: str) -> Profile:
    values = content.get("options")
    if not isinstance(content.get("schema"), int) or content["schema"] > SCHEMA or not isinstance(values, dict):
        raise failure("profile.unreadable", path=source, why="a newer SessionDock made it")
    known = {
        name: value for name, value in values.items() if name in options() and options()[name].keep is Keep.PROFILE
    }
    spec = _valid(known)
    kept = to_profile(spec)
    out = [name for name, value in values.items() if kept.get(name) != value]
    return Profile(check_name(str(content.get("name") or "Profile")[:MAX_NAME]), spec, tuple(out))


def _valid(values: Mapping[str, Any]) -> LaunchSpec:
    """Return the launch from values of a file: what the table does not accept counts as absent."""
    spec = from_profile(values)
    start = defaults()
    wrong = {name for name in values if name in options() and problem_of(options()[name], getattr(spec, name))}
    return replace(spec, **{name: getattr(start, name) for name in wrong})


# -- clearml-session


def from_clearml_session(state: Mapping[str, Any]) -> Profile | None:
    """Read the content of ~/.clearml_session.json; None where it holds no option of that program. A password is named
    among what is left out, and its value is not looked at."""
    values: dict[str, Any] = {}
    out: list[str] = []
    known = False
    for name, option in options().items():
        for flag in option.covers:
            key = flag.lstrip("-").replace("-", "_")
            if key in state:
                known = True
                if option.keep is Keep.PROFILE and option.kind is not Kind.SECRET:
                    values.update(_from_flag(name, option, flag, state[key]))
                elif state[key]:
                    out.append(flag)
    if not known:
        return None
    spec = _valid(values)
    out += [options()[name].flag for name, value in values.items() if getattr(spec, name) != value]
    return Profile(THEIR_NAME, spec, tuple(out))


def _from_flag(name: str, option: Option, flag: str, value: Any) -> dict[str, Any]:
    """Return our field and value for one of clearml-session's; nothing where it says nothing."""
    given = dict(option.sets)
    if value is None:
        return {}
    if flag in given:
        return {name: given[flag]} if _true(value) else {}
    if option.kind is Kind.SWITCH:
        return {name: _true(value)}
    if option.kind in _WITH_LINES:
        return {name: "\n".join(map(str, value)) if isinstance(value, list) else str(value)}
    if isinstance(value, list):  # a flag that may stand alone
        value = value[0] if value else option.bare
    return {} if isinstance(value, bool) or value is None else {name: str(value)}


def _true(value: Any) -> bool:
    return value.strip().lower() in _YES if isinstance(value, str) else bool(value)
