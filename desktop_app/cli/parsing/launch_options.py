"""Launch options as flags: the option table becomes arguments of a parser, parsed ones a LaunchSpec. Main thread.

``clearml-session`` spells switches with a value (``--jupyter-lab false``) and some flags with underscores; ``normal``
brings a command line into the one form that the parser reads.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop_app.boundary.computer import TextFiles
from desktop_app.cli.parsing.parser import EMPTY
from desktop_app.cli.terminal.output import say
from desktop_app.cli.terminal.questions import NO, YES
from desktop_app.cli.terminal.standard_input import read_secret
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.domain.launch.option import Kind, Option
from desktop_app.domain.launch.options import ASK, LaunchSpec, options
from desktop_app.domain.problems import failure

REMOTE_FOLDERS = ("--user-folder", "--store-workspace")  # whose ~ is the agent user's home
PREFIX = "option_"
MISSPELT = {"--shutdowm": "--shutdown"}  # as the documentation of clearml-session has it
_FILES = (Kind.FILE, Kind.SCRIPT)
_NAMES = (Kind.QUEUE, *_FILES)
# They name what is there already, as --queue does: nothing is not among it. Of others "" takes back what is remembered.
NAMING = ("--session-name", "--project", "--debugging-session", "--base-task-id", "--continue-session")
_WITH_LINES = (Kind.LIST, Kind.PATHS)


def boolean(text: str) -> bool:
    """Return the value of a switch. Raises ArgumentTypeError."""
    if text.lower() not in (*YES, *NO):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() in YES


def normal(arguments: Sequence[str]) -> list[str]:
    """Return a command line with dashes for underscores in flags, known misspellings mended, and each switch and its
    value in one word."""
    switches = {option.flag for option in options().values() if option.kind is Kind.SWITCH} | _fixed_flags()
    dashed = {option.flag for option in options().values() if option.dashes}
    words: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*words, word, *rest]
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            flag = flag.replace("_", "-")
            word = MISSPELT.get(flag, flag) + equals + value
            if word in dashed and rest:
                word += "=" + rest.pop(0)
            elif word in switches:
                word += "=" + (rest.pop(0) if rest and rest[0].lower() in (*YES, *NO) else YES[0])
        words.append(word)
    return words


def _fixed_flags() -> set[str]:
    return {flag for option in options().values() for flag, _ in option.sets}


def add_launch_options(command: argparse.ArgumentParser) -> None:
    """Add one flag per launch option; ``domain.launch.options`` is the only place that spells them."""
    groups: dict[str, Any] = {}
    for name, option in options().items():
        group = groups.setdefault(option.page.value, command.add_argument_group(option.page.value))
        _add(group, name, option)


def add_filters(command: argparse.ArgumentParser) -> None:
    """Add the options by which a list of sessions can be narrowed."""
    for name, help_text in (
        ("project", "only sessions of that project"),
        ("tags", "only sessions with one of the tags"),
    ):
        option = options()[name]
        shape = {**_shape(option), "help": help_text, "dest": PREFIX + name, "default": argparse.SUPPRESS}
        command.add_argument(option.flag, **shape)


def _add(group: Any, name: str, option: Option) -> None:
    common = {"dest": PREFIX + name, "default": argparse.SUPPRESS}
    help_text = f"{option.label}. {option.help}".replace("%", "%%")
    group.add_argument(option.flag, help=help_text, **_shape(option), **common)
    if option.kind is Kind.SWITCH:
        negative = option.flag.replace("--", "--no-", 1)
        group.add_argument(negative, action="store_const", const=False, help=argparse.SUPPRESS, **common)
    for flag, value in option.sets:
        fixed = {"action": _Fixed, "nargs": "?", "metavar": "true|false", "value": value}
        group.add_argument(flag, help=f"As {option.flag} {shown(value)}.", **fixed, **common)


class _Fixed(argparse.Action):
    """A flag that gives the option a fixed value; with ``=false`` it does nothing."""

    def __init__(self, *arguments: Any, value: object, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._value = value

    def __call__(self, _parser: object, namespace: argparse.Namespace, given: Any, _flag: str | None = None) -> None:
        if given is None or boolean(str(given)):
            setattr(namespace, self.dest, self._value)


class Bare(str):
    """What a flag alone means; argparse hands it to the flag's type as if it had been typed."""


def something(text: str) -> str:
    """Return the text. Raises ArgumentTypeError where it is empty."""
    if not text.strip() and not isinstance(text, Bare):
        raise argparse.ArgumentTypeError(EMPTY)
    return text


def shown(value: object) -> str:
    """Return a value as it is written on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shape(option: Option) -> dict[str, Any]:
    if option.kind is Kind.SWITCH:
        return {"type": boolean, "nargs": "?", "const": True, "metavar": "true|false"}
    if option.kind is Kind.PATHS:
        return {"nargs": "*", "metavar": "PATH", "type": something}
    if option.kind in _WITH_LINES:
        return {"nargs": "*", "metavar": "ITEM"}
    bare = {} if option.bare is None else {"nargs": "?", "const": Bare(option.bare)}
    if option.kind in _NAMES or option.flag in NAMING:
        return {"metavar": "FILE" if option.kind in _FILES else "TEXT", "type": something, **bare}
    if option.kind is Kind.CHOICE:
        return {"choices": [value for value, _ in option.choices], **bare}
    return {"metavar": "TEXT", **bare}


# -- what was given


def names_given(arguments: argparse.Namespace) -> frozenset[str]:
    """Return the names of the fields that were given, without reading any value from a prompt or a file."""
    return frozenset(name.removeprefix(PREFIX) for name in vars(arguments) if name.startswith(PREFIX))


def given(arguments: argparse.Namespace, files: TextFiles) -> dict[str, Any]:
    """Return field name -> value of each option that was on the command line; secrets and scripts are read here.

    Problems: launch.invalid, input.unreadable
    """
    table = options()
    typed = {name.removeprefix(PREFIX): value for name, value in vars(arguments).items() if name.startswith(PREFIX)}
    assert typed.keys() <= table.keys()
    return {name: _value(table[name], value, files) for name, value in typed.items()}


def _value(option: Option, value: Any, files: TextFiles) -> Any:
    if isinstance(value, list):
        return "\n".join(value)
    if option.kind is Kind.SCRIPT and value:
        return _read(option, value, files)
    if option.kind is Kind.SECRET:
        return _secret(option, value)
    if option.flag in REMOTE_FOLDERS and str(value).startswith(f"{Path.home()}{os.sep}"):
        inside = Path(value).relative_to(Path.home()).as_posix()
        say(f"{option.flag}: {value} is a folder of the session's machine. If your shell expanded ~, quote it there: "
            f"{option.flag} '~/{inside}'")  # fmt: skip
    return value


def _secret(option: Option, value: str) -> str:
    if not value:
        return ""
    if value == ASK:
        return read_secret(f"{option.label}: ")
    say(f"{option.flag}: others on this computer can see what stands on a command line, and your shell may keep it. "
        f"Give {option.flag} alone to be asked, or to have it read from standard input.")  # fmt: skip
    return value


def _read(option: Option, path: str, files: TextFiles) -> str:
    try:
        return files.read(path)
    except UnreadableText as error:
        raise failure("launch.invalid", why=f"{option.flag}: {path} can't be read: {error.why}.") from error


def spec_of(arguments: argparse.Namespace, start: LaunchSpec, files: TextFiles) -> LaunchSpec:
    """Return ``start`` with what the command line says. Problems: launch.invalid, input.unreadable"""
    return replace(start, **given(arguments, files))
