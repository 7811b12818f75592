"""The commands that launch: launch and enqueue. Main thread; blocks."""

import argparse
from dataclasses import replace

from desktop_app.cli.context.context import Context
from desktop_app.cli.following.stay import stay
from desktop_app.cli.following.watch import Until, Watch
from desktop_app.cli.launching.again import again
from desktop_app.cli.launching.launch import Launch, launch, naming_queues, profile_of, start_spec, with_queue
from desktop_app.cli.parsing.flags import PROFILE
from desktop_app.cli.parsing.launch_options import add_launch_options, spec_of
from desktop_app.cli.registry import Commands, add_account, add_session_or_id
from desktop_app.cli.terminal.output import json_line, say
from desktop_app.cli.views.as_json import session_json
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import AppError


def add_launch(commands: Commands) -> None:
    """Register launch."""
    command = commands.add("launch", run_launch, "launch a session and connect to it")
    add_account(command, " (default: the only one)")
    command.add_argument("--no-attach", action="store_true", help="don't connect; the session runs on its own")
    command.add_argument(
        "--wait", action="store_true", help="return once every application is ready (or has failed), not before"
    )
    start = command.add_mutually_exclusive_group()
    start.add_argument(
        "--again", nargs="?", const="", default=argparse.SUPPRESS, metavar="SESSION",
        help="the options of that session, which may have ended (alone: of the one that ended last); other flags "
        "change them",
    )  # fmt: skip
    command.add_argument(
        "--yes", "-y", action="store_true", dest="take_over",
        help="with --again: launch with what only that session's task says; it is shown, and nothing is asked",
    )  # fmt: skip
    start.add_argument(PROFILE.flag, default=argparse.SUPPRESS, metavar="NAME", help=PROFILE.help)
    add_launch_options(command)


def run_launch(context: Context, arguments: argparse.Namespace) -> int:
    """Launch, and stay until the session is ready, or as long as it is attached."""
    start = again(context, arguments) if hasattr(arguments, "again") else _from_profile(context, arguments)
    spec = with_queue(context, start.account, spec_of(arguments, start.spec, context.core.text_files))
    attach = not arguments.no_attach
    session = launch(context, replace(start, spec=spec, attach=attach))
    if arguments.no_attach and not arguments.wait and not spec.upload_files:
        return 0
    until = Until(hold=attach and not arguments.wait, attaching=attach, apps_elsewhere=arguments.wait)
    return stay(context, Watch(context, until), session)


def _from_profile(context: Context, arguments: argparse.Namespace) -> Launch:
    """Begin with a profile or the defaults. A launch from a script is not what the next wizard begins with, unless it
    says so."""
    account, profile = context.accounts.chosen(), profile_of(arguments)
    spec = start_spec(context, profile, LaunchSpec)
    return Launch(account, replace(spec, store_defaults=False), profile)


def add_enqueue(commands: Commands) -> None:
    """Register enqueue."""
    command = commands.add("enqueue", run_enqueue, "put a session that waits, or is in no queue, into a queue")
    add_session_or_id(command)
    command.add_argument("--queue", required=True, metavar="QUEUE", help="its name")


def run_enqueue(context: Context, arguments: argparse.Namespace) -> int:
    """Put a session into a queue, from another one or from none."""
    snapshot, queue = context.session(), arguments.queue
    try:
        context.core.sessions.move_to_queue(snapshot.id, queue, context.cancel())
    except AppError as error:
        account = context.core.accounts.find(snapshot.id.account)
        raise naming_queues(context, error, account, LaunchSpec(queue=queue)) from None
    moved = context.core.store.get(snapshot.id) or snapshot
    if context.json:
        json_line({"done": "enqueued", **session_json(moved)})
        return 0
    watched = "" if moved.facts.queue_watched else " No agent serves it now."
    say(f"“{snapshot.name}” waits in the queue “{queue}”.{watched}")
    return 0
