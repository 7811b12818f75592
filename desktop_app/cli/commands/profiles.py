"""The command profiles: named launches, which ``launch --profile NAME`` begins with. Main thread; blocks."""

import argparse
from collections.abc import Callable
from pathlib import Path

from desktop_app.boundary.cancel import Cancel
from desktop_app.cli.context.context import Context
from desktop_app.cli.parsing.launch_options import add_launch_options, names_given, spec_of
from desktop_app.cli.registry import Commands
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.cli.terminal.tables import table
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.launch.profile import values_of
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, failure
from desktop_app.services.launching.launch_profiles import CLEARML_SESSION_STATE

QUEUES_S = 5.0  # a profile is saved without a server, too

Action = Callable[[Context, argparse.Namespace], dict[str, object]]


def add_profiles(commands: Commands) -> None:
    """Register profiles."""
    command = commands.add("profiles", run_profiles, "named launches: keep, change and exchange them", check=_missing)
    command.add_argument("what", nargs="?", default="list", choices=tuple(ACTIONS))
    command.add_argument(
        "name",
        nargs="?",
        default="",
        metavar="NAME|FILE",
        help=f"the profile; import: its file (default: clearml-session's {CLEARML_SESSION_STATE})",
    )
    command.add_argument(
        "to",
        nargs="?",
        default="",
        metavar="NAME|FILE",
        help="rename: the new name; export: the file (default: NAME.json); import: the name",
    )
    add_launch_options(command)


def _missing(arguments: argparse.Namespace) -> str:
    if arguments.what in ("list", "import") or arguments.name:
        return ""
    return f"{arguments.what} needs the profile; sessiondock profiles list shows them."


def run_profiles(context: Context, arguments: argparse.Namespace) -> int:
    """Do what the first word says, and tell it as JSON where that was asked for."""
    what = arguments.what
    if what != "save" and names_given(arguments):
        raise failure("launch.invalid", why=f"Launch options belong to “profiles save”, not to “profiles {what}”.")
    value = ACTIONS[what](context, arguments)
    if context.json:
        json_line(value)
    return 0


def _list(context: Context, _arguments: argparse.Namespace) -> dict[str, object]:
    profiles = {name: context.core.profiles.get(name) for name in context.core.profiles.names()}
    if profiles and not context.json:
        rows = [(name, spec.queue, spec.docker) for name, spec in profiles.items()]
        result(table(("NAME", "QUEUE", "IMAGE"), rows))
    elif not profiles:
        say("No profiles. Keep one: sessiondock profiles save NAME --queue QUEUE …")
    return {"profiles": [_json(name, spec) for name, spec in profiles.items()]}


def _show(context: Context, arguments: argparse.Namespace) -> dict[str, object]:
    name = arguments.name
    spec = context.core.profiles.get(name)
    if not context.json:
        rows = [(option, str(value).replace("\n", " ")) for option, value in values_of(spec).items()]
        result(table(("OPTION", "VALUE"), rows))
    return _json(name, spec)


def _save(context: Context, arguments: argparse.Namespace) -> dict[str, object]:
    """Save the flags over the profile of that name, or over the defaults where there is none."""
    profiles, name = context.core.profiles, arguments.name
    start = profiles.get(name) if name in profiles.names() else LaunchSpec()
    spec = spec_of(arguments, start, context.core.text_files)
    name = profiles.save(name, spec)
    say(f"Saved the profile “{name}”.")
    _warn_of_queue(context, spec.queue)
    return _json(name, profiles.get(name))


def _rename(context: Context, arguments: argparse.Namespace) -> dict[str, object]:
    name = context.core.profiles.rename(arguments.name, arguments.to)
    say(f"It is called “{name}” now.")
    return _json(name, context.core.profiles.get(name))


def _delete(context: Context, arguments: argparse.Namespace) -> dict[str, object]:
    context.core.profiles.delete(arguments.name)
    say(f"Deleted the profile “{arguments.name}”.")
    return {"deleted": arguments.name}


def _export(context: Context, arguments: argparse.Namespace) -> dict[str, object]:
    name = arguments.name
    path = Path(arguments.to or f"{name.replace('/', '-')}.json")
    file = context.core.profiles.export(name, path)
    say(f"Exported to {file}. It holds no passwords.")
    return {"exported": name, "file": str(file.absolute())}


def _import(context: Context, arguments: argparse.Namespace) -> dict[str, object]:
    imported = context.core.profiles.import_file(Path(arguments.name or CLEARML_SESSION_STATE), arguments.to)
    say(imported.news)
    _warn_of_queue(context, imported.spec.queue)
    return {**_json(imported.name, imported.spec), "left_out": list(imported.left_out)}


ACTIONS: dict[str, Action] = {
    "list": _list,
    "show": _show,
    "save": _save,
    "rename": _rename,
    "delete": _delete,
    "export": _export,
    "import": _import,
}


def _warn_of_queue(context: Context, queue: str) -> None:
    """Say so where no server of the known accounts has that queue; one that does not answer now may have it."""
    if not queue:
        return
    known: list[str] = []
    for account in context.core.accounts.all():
        if account.sandbox and not context.core.sandbox.address():
            return
        try:
            known += [other.name for other in context.core.launches.queues(account.id, Cancel(QUEUES_S))]
        except AppError:
            return
    if known and queue not in known:
        say(f"No server of yours has a queue “{queue}” now: a launch with this profile needs another one."
            f"{nearest(queue, known)}")  # fmt: skip


def _json(name: str, spec: LaunchSpec) -> dict[str, object]:
    return {"name": name, "options": values_of(spec)}
