"""The command options: the option table for users, for programs and as the page docs/options.md. Main thread."""

import argparse
from typing import Any

from desktop_app.cli.context.context import Context
from desktop_app.cli.parsing.flags import CLI_FLAGS, Flag
from desktop_app.cli.parsing.launch_options import shown
from desktop_app.cli.registry import Commands
from desktop_app.cli.terminal.output import json_line, result
from desktop_app.cli.terminal.tables import table
from desktop_app.domain.launch.option import Kind, Option, Page
from desktop_app.domain.launch.options import defaults, options

COMMAND_LINE = "The command line"
INTRODUCTION = """# Launch options

Every option of a launch, as the wizard shows them and as the command line takes them. This page is printed by
`sessiondock options --markdown`. A flag that `clearml-session` knows has the same name and meaning here; those that it
has not are marked **new**. Switches take `true` or `false` or stand alone, `--no-…` switches off. “Remembered” says
what the next launch begins with; a password is never remembered.
"""


def add_options(commands: Commands) -> None:
    """Register options."""
    command = commands.add("options", run_options, "print the launch options and what they are for")
    command.add_argument("--markdown", action="store_true", help="print the page docs/options.md")


def run_options(context: Context, arguments: argparse.Namespace) -> int:
    """Print the option table."""
    if context.json:
        json_line([*map(_row, options().items()), *map(_flag_row, CLI_FLAGS)])
    elif arguments.markdown:
        result(markdown().rstrip("\n"))
    else:
        rows = [(option.flag, _default(name, option), option.label) for name, option in options().items()]
        rows += [(flag.flag, "", flag.help) for flag in CLI_FLAGS]
        result(table(("FLAG", "DEFAULT", "WHAT"), rows))
    return 0


def _default(name: str, option: Option) -> str:
    return "" if option.kind is Kind.SECRET else shown(getattr(defaults(), name))


def _row(item: tuple[str, Option]) -> dict[str, Any]:
    name, option = item
    return {
        "name": name,
        "flag": option.flag,
        "covers": list(option.covers),
        "type": option.kind.value,
        "choices": [value for value, _ in option.choices],
        "default": getattr(defaults(), name),
        "label": option.label,
        "help": option.help,
        "page": option.page.value,
        "advanced": option.advanced,
        "remembered": option.keep.value,
    }


def _flag_row(flag: Flag) -> dict[str, Any]:
    return {
        "name": flag.flag.removeprefix("--").replace("-", "_"),
        "flag": flag.flag,
        "covers": list(flag.covers),
        "type": flag.kind.value,
        "choices": [],
        "default": False if flag.kind is Kind.SWITCH else "",
        "label": "",
        "help": flag.help,
        "page": COMMAND_LINE,
        "advanced": False,
        "remembered": "never",
    }


# -- docs/options.md


def markdown() -> str:
    """Return the page docs/options.md."""
    parts = [INTRODUCTION]
    for page in Page:
        rows = [_line(name, option) for name, option in options().items() if option.page is page]
        parts.append(f"## {page.value}\n\n{_HEAD}\n" + "\n".join(rows) + "\n")
    flags = [f"| {_flags(flag.flag, flag.also, own=flag.own)} | {_cell(flag.help)} |" for flag in CLI_FLAGS]
    parts.append(f"## {COMMAND_LINE}\n\n| Flag | What it does |\n| --- | --- |\n" + "\n".join(flags) + "\n")
    return "\n".join(parts)


_HEAD = "| Option | Flag | Default | What it is | Remembered |\n| --- | --- | --- | --- | --- |"
_REMEMBERED = {"profile": "yes", "session": "with the session", "never": "no"}


def _line(name: str, option: Option) -> str:
    default = _default(name, option)
    help_text = option.help
    if option.choices:
        help_text += " " + ", ".join(f"`{value}`: {label}" for value, label in option.choices) + "."
    cells = (
        option.label,
        _flags(option.flag, tuple(flag for flag, _ in option.sets), own=option.own),
        f"`{default}`" if default else "",
        _cell(help_text),
        _REMEMBERED[option.keep.value],
    )
    return f"| {' | '.join(cells)} |"


def _flags(flag: str, also: tuple[str, ...], *, own: bool) -> str:
    return ", ".join([f"`{flag}`" + (" **new**" if own else ""), *(f"`{other}`" for other in also)])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
