"""The command line without a command: what ``clearml-session`` does with the same flags. Main thread.

On a terminal it asks what was not given; elsewhere, or with --yes, it asks nothing. Once connected a terminal may type
commands, with --yes too; other standard input is never read.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop_app.cli import ask, flags
from desktop_app.cli.keyboard import on_terminal
from desktop_app.cli.options import PREFIX, add_launch_options, given
from desktop_app.cli.output import say
from desktop_app.cli.run import RunCommands
from desktop_app.cli.sessions import SessionCommands
from desktop_app.cli.shell import run_shell
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
    """Those of ``cli.flags`` and the launch options; what is not given leaves no trace."""
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
        given: dict[str, Any] = {"dest": dest, "default": argparse.SUPPRESS, "help": flag.help, **shape}
        group.add_argument(*names, **given)
    add_launch_options(top)


def wants_session(arguments: argparse.Namespace) -> bool:
    """Whether anything was given that is about a session; otherwise the window opens."""
    return any(name in _FLAGS or name.startswith(PREFIX) for name in vars(arguments))


class OneSession(RunCommands, SessionCommands):
    """The one run that has no command."""

    def run_session(self) -> int:
        if hasattr(self.arguments, "ask") and not on_terminal():
            raise failure("ask.no_terminal")
        self._say_what_is_always_so()
        for name, act in (("end", self._end), ("attach", self._attach)):
            text = getattr(self.arguments, name, None)
            if text is not None:
                return act(self._chosen(text))
        found = self._to_connect() if self.asks else None
        return self._attach(found) if found is not None else self._launch()

    def _say_what_is_always_so(self) -> None:
        for name, text in (
            ("keepalive", "--keepalive: connections are always kept and repaired; nothing to switch on."),
            ("fingerprint", "--disable-fingerprint-check: a session's host key is always checked; nothing to disable."),
        ):
            if hasattr(self.arguments, name):
                say(text)

    # -- which session

    def _chosen(self, text: str) -> SessionSnapshot:
        """The named session; without a name the newest that lives, or, on a terminal, the one that is picked."""
        if text:
            self.arguments.session = text
            return self.session()
        found = self._living()
        if not found:
            raise failure("session.none")
        if len(found) == 1 or not self.asks:
            return found[0]
        return ask.pick("Which session?", found)

    def _living(self) -> list[SessionSnapshot]:
        return [snapshot for snapshot in self.look()[0] if snapshot.remote is not Remote.ENDED]

    def _to_connect(self) -> SessionSnapshot | None:
        known = [account.id for account in self.core.accounts.all()]
        found = self._living() if known else []
        return ask.running_session(found) if found else None

    # -- what to do with it

    def _end(self, snapshot: SessionSnapshot) -> int:
        if self.asks and not ask.yes(f"Shut down {ask.session_entry(snapshot)}?"):
            return 0
        return self.shut_down(snapshot, wait=True)

    def _attach(self, snapshot: SessionSnapshot) -> int:
        if snapshot.remote in (*WAITING, Remote.STARTING):
            self.core.accounts.watch(snapshot.id.account)
            self.core.connections.pending.attach_when_up(snapshot.id)
            return self._held(snapshot.id)
        if snapshot.held_by and not self._wants_shell:
            return self.held_elsewhere(snapshot.id, snapshot.held_by)
        self.core.accounts.watch(snapshot.id.account)
        pid = 0 if snapshot.held_by else self.attach_or_holder(snapshot.id)
        return self.held_elsewhere(snapshot.id, pid) if pid and not self._wants_shell else self._held(snapshot.id)

    def _launch(self) -> int:
        account = self.account()
        spec = self._spec_of(account)
        session = self.launch(
            account, replace(spec, store_defaults=spec.store_defaults and not self._file), asks=self.asks
        )
        if self._file and spec.store_defaults:
            options_file.save(self._file, spec, self.core.text_files)
        return self._held(session)

    @property
    def _wants_shell(self) -> bool:
        return hasattr(self.arguments, "shell")

    def _held(self, session: SessionId) -> int:
        """Stay connected; with --shell only as long as the shell."""
        if not self._wants_shell:
            return self.stay(session, hold=True, commands=self.listens)
        code = self.stay(session, hold=False, commands=False, link_only=True)
        return code or run_shell(self.core.open_in.ssh_command(session, self.cancel()))

    # -- what to launch

    @property
    def _file(self) -> Path | None:
        path = getattr(self.arguments, "config_file", "")
        return Path(path).expanduser() if path else None

    def _spec_of(self, account: Account) -> LaunchSpec:
        """The flags over what is remembered, then over what is answered."""
        files = self.core.text_files
        start = self.start_spec(
            lambda: options_file.load(self._file, files) if self._file else self.core.launches.last_spec(account.id)
        )
        flags = given(self.arguments, files)
        base = wanted_task(str(flags.get("base_task", start.base_task)))
        if base != start.base_task:  # what was remembered belongs to the other task
            start = replace(start, packages="", requirements="", init_script="")
        if flags.get("debug_task") and flags["debug_task"] != start.debug_task:
            start = replace(start, user_folder="")  # a folder of other work would hide the task's code
        if "packages" in flags and "requirements" not in flags:
            start = replace(start, requirements="")
        spec = replace(start, **flags)
        if not self.asks:
            return self.with_queue(account, spec)
        return self._asked(account, spec, frozenset(flags))

    def _asked(self, account: Account, spec: LaunchSpec, flags: frozenset[str]) -> LaunchSpec:
        if "queue" not in flags:
            spec = replace(spec, queue=ask.queue_of(self.offered(account, spec), spec.queue))
        spec = ask.spec(spec, flags)
        if not ask.yes(f"Launch “{spec.name}” in queue “{spec.queue}”?"):
            raise ask.Left
        return spec
