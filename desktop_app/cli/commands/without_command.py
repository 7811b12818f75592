"""The command line without a command: what ``clearml-session`` does with the same flags. Main thread; blocks.

On a terminal it asks what was not given; elsewhere, or with --yes, it asks nothing. Once connected a terminal may type
commands, with --yes too; other standard input is never read.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop_app.cli.commands.shutdown import shut_down
from desktop_app.cli.context.context import Context
from desktop_app.cli.following.attach import attach_or_holder, tell_holder
from desktop_app.cli.following.stay import stay
from desktop_app.cli.following.watch import Until, Watch
from desktop_app.cli.launching.launch import Launch, launch, offered_queues, profile_of, start_spec, with_queue
from desktop_app.cli.launching.questions import ask_spec, pick, queue_of, running_session, session_entry
from desktop_app.cli.parsing import flags
from desktop_app.cli.parsing.launch_options import PREFIX, add_launch_options, given
from desktop_app.cli.terminal.keyboard import on_terminal
from desktop_app.cli.terminal.output import say
from desktop_app.cli.terminal.questions import Left, yes
from desktop_app.cli.terminal.shell import run_shell
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.launch.option_checks import wanted_task
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import WAITING, Remote, SessionId, SessionSnapshot
from desktop_app.services.launching import options_file

_FLAGS = (
    "attach",
    "end",
    "shell",
    "yes",
    "ask",
    "keepalive",
    "fingerprint",
    "verbose",
    "config_file",
    "profile",
    "json",
    "account",
)


def add_session_flags(top: argparse.ArgumentParser) -> None:
    """Add the flags of ``parsing.flags`` and the launch options; what is not given leaves no trace."""
    group = top.add_argument_group("without a command, as clearml-session has it")
    for flag, dest, shape in (
        (flags.ATTACH, "attach", {"nargs": "?", "const": "", "metavar": "SESSION"}),
        (flags.SHUTDOWN, "end", {"nargs": "?", "const": "", "metavar": "SESSION"}),
        (flags.SHELL, "shell", {"action": "store_true"}),
        (flags.YES, "yes", {"action": "store_true"}),
        (flags.ASK, "ask", {"action": "store_true"}),
        (flags.CONFIG_FILE, "config_file", {"metavar": "FILE"}),
        (flags.PROFILE, "profile", {"metavar": "NAME"}),
        (flags.KEEPALIVE, "keepalive", {"nargs": "?", "metavar": "true|false"}),
        (flags.FINGERPRINT, "fingerprint", {"action": "store_true"}),
        (flags.VERBOSE, "verbose", {"action": "store_true"}),
        (flags.JSON, "json", {"action": "store_true"}),
        (flags.ACCOUNT, "account", {"metavar": "ACCOUNT"}),
    ):
        names = (flag.flag, *flag.also)
        options: dict[str, Any] = {"dest": dest, "default": argparse.SUPPRESS, "help": flag.help, **shape}
        group.add_argument(*names, **options)
    add_launch_options(top)


def wants_session(arguments: argparse.Namespace) -> bool:
    """True if anything was given that is about a session; otherwise the window opens."""
    return any(name in _FLAGS or name.startswith(PREFIX) for name in vars(arguments))


def run(context: Context, arguments: argparse.Namespace) -> int:
    """Attach, shut down or launch, as the flags or the user's answers say."""
    if hasattr(arguments, "ask") and not on_terminal():
        raise failure("ask.no_terminal")
    _say_what_is_always_so(arguments)
    if hasattr(arguments, "end"):
        return _end(context, _chosen(context, arguments.end))
    for_shell = hasattr(arguments, "shell")
    if hasattr(arguments, "attach"):
        return _attach(context, _chosen(context, arguments.attach), for_shell=for_shell)
    running = _running(context) if context.asks else None
    if running is not None:
        return _attach(context, running, for_shell=for_shell)
    return _hold(context, _launch(context, arguments), for_shell=for_shell)


def _say_what_is_always_so(arguments: argparse.Namespace) -> None:
    for name, text in (
        ("keepalive", "--keepalive: connections are always kept and repaired; nothing to switch on."),
        ("fingerprint", "--disable-fingerprint-check: a session's host key is always checked; nothing to disable."),
    ):
        if hasattr(arguments, name):
            say(text)


# -- which session


def _chosen(context: Context, text: str) -> SessionSnapshot:
    """Return the named session; without a name the newest that lives, or, on a terminal, the one that the user picks.

    Problems: as of ``SessionChoice.find``
    """
    if text:
        return context.sessions.find(text)
    living = context.sessions.living()
    if not living:
        raise failure("session.none")
    if len(living) == 1 or not context.asks:
        return living[0]
    return pick("Which session?", living)


def _running(context: Context) -> SessionSnapshot | None:
    """Ask whether to connect to a session that runs; None for a new one, or where none runs."""
    living = context.sessions.living() if context.core.accounts.all() else []
    return running_session(living) if living else None


# -- what to do with it


def _end(context: Context, snapshot: SessionSnapshot) -> int:
    if context.asks and not yes(f"Shut down {session_entry(snapshot)}?"):
        return 0
    return shut_down(context, snapshot, wait=True)


def _attach(context: Context, snapshot: SessionSnapshot, *, for_shell: bool) -> int:
    session = snapshot.id
    if snapshot.remote in (*WAITING, Remote.STARTING):
        context.core.polling.watch(session.account)
        context.core.connections.pending.attach_when_up(session)
        return _hold(context, session, for_shell=for_shell)
    if snapshot.held_by and not for_shell:
        return tell_holder(context, session, snapshot.held_by)
    context.core.polling.watch(session.account)
    pid = 0 if snapshot.held_by else attach_or_holder(context, session)
    return tell_holder(context, session, pid) if pid and not for_shell else _hold(context, session, for_shell=for_shell)


def _hold(context: Context, session: SessionId, *, for_shell: bool) -> int:
    """Stay connected; with a shell only as long as that."""
    if not for_shell:
        return stay(context, Watch(context, Until(hold=True)), session, typed=context.listens)
    code = stay(context, Watch(context, Until(hold=False, link_only=True)), session)
    return code or run_shell(context.core.open_in.ssh_command(session, context.cancel()))


# -- what to launch


def _launch(context: Context, arguments: argparse.Namespace) -> SessionId:
    account, file = context.accounts.chosen(), _options_file(arguments)
    spec = _spec_of(context, arguments, account, file)
    remembered = replace(spec, store_defaults=spec.store_defaults and file is None)
    session = launch(context, Launch(account, remembered, profile_of(arguments), asks=context.asks))
    if file is not None and spec.store_defaults:
        options_file.save(file, spec, context.core.text_files)
    return session


def _options_file(arguments: argparse.Namespace) -> Path | None:
    """Return the file of --config-file, which the options are remembered in instead of the account's."""
    path = getattr(arguments, "config_file", "")
    return Path(path).expanduser() if path else None


def _spec_of(context: Context, arguments: argparse.Namespace, account: Account, file: Path | None) -> LaunchSpec:
    """Return the flags over what is remembered, then over what is answered."""
    last, files = context.core.launches.last_spec(account.id), context.core.text_files
    start = start_spec(context, profile_of(arguments), lambda: options_file.load(file, files) if file else last)
    changed = given(arguments, files)
    base = wanted_task(str(changed.get("base_task", start.base_task)))
    if base != start.base_task:  # what was remembered belongs to the other task
        start = replace(start, packages="", requirements="", init_script="")
    if changed.get("debug_task") and changed["debug_task"] != start.debug_task:
        start = replace(start, user_folder="")  # a folder of other work would hide the task's code
    if "packages" in changed and "requirements" not in changed:
        start = replace(start, requirements="")
    spec = replace(start, **changed)
    if not context.asks:
        return with_queue(context, account, spec, remembered=last.queue)
    return _asked(context, account, spec, frozenset(changed))


def _asked(context: Context, account: Account, spec: LaunchSpec, changed: frozenset[str]) -> LaunchSpec:
    if "queue" not in changed:
        spec = replace(spec, queue=queue_of(offered_queues(context, account, spec), spec.queue))
    spec = ask_spec(spec, changed)
    if not yes(f"Launch “{spec.name}” in queue “{spec.queue}”?"):
        raise Left
    return spec
