"""Commands about profiles: named launches, which ``launch --profile NAME`` begins with. Main thread."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop_app.boundary.cancel import Cancel
from desktop_app.cli.base import CommandBase
from desktop_app.cli.options import PREFIX, add_launch_options, spec_of
from desktop_app.cli.output import json_line, result, say, table
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.launch.profile import values_of
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, failure
from desktop_app.services.launching.launch_profiles import THEIR_STATE

QUEUES_S = 5.0  # a profile is saved without a server, too
ACTIONS = ("list", "show", "save", "rename", "delete", "export", "import")


def add_profile_command(make: Callable[[str, str, str], argparse.ArgumentParser]) -> None:
    command = make("profiles", "run_profiles", "named launches: keep, change and exchange them")
    command.add_argument("what", nargs="?", default="list", choices=ACTIONS)
    command.add_argument(
        "name",
        nargs="?",
        default="",
        metavar="NAME|FILE",
        help=f"the profile; import: its file (default: clearml-session's {THEIR_STATE})",
    )
    command.add_argument(
        "to",
        nargs="?",
        default="",
        metavar="NAME|FILE",
        help="rename: the new name; export: the file (default: NAME.json); import: the name",
    )
    add_launch_options(command)


class ProfileCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_profiles(self) -> int:
        what = self.arguments.what
        if what not in ("list", "import") and not self.arguments.name:
            raise failure("usage.missing", why=f"Name the profile: sessiondock profiles {what} NAME.")
        if what != "save" and any(name.startswith(PREFIX) for name in vars(self.arguments)):
            raise failure("launch.invalid", why=f"Launch options belong to “profiles save”, not to “profiles {what}”.")
        done: Any = getattr(self, f"_{what}_profile")()
        if self.json:
            json_line(done)
        return 0

    def _list_profile(self) -> dict[str, object]:
        found = {name: self.core.profiles.get(name) for name in self.core.profiles.names()}
        if found and not self.json:
            rows = [(name, spec.queue, spec.docker) for name, spec in found.items()]
            result(table(("NAME", "QUEUE", "IMAGE"), rows))
        elif not found:
            say("No profiles. Keep one: sessiondock profiles save NAME --queue QUEUE …")
        return {"profiles": [_json(name, spec) for name, spec in found.items()]}

    def _show_profile(self) -> dict[str, object]:
        name = self.arguments.name
        spec = self.core.profiles.get(name)
        if not self.json:
            rows = [(option, str(value).replace("\n", " ")) for option, value in values_of(spec).items()]
            result(table(("OPTION", "VALUE"), rows))
        return _json(name, spec)

    def _save_profile(self) -> dict[str, object]:
        """The flags over the profile of that name, or over the defaults where there is none."""
        profiles, name = self.core.profiles, self.arguments.name
        start = profiles.get(name) if name in profiles.names() else LaunchSpec()
        spec = spec_of(self.arguments, start, self.core.text_files)
        name = profiles.save(name, spec)
        say(f"Saved the profile “{name}”.")
        self._warn_of_queue(spec.queue)
        return _json(name, profiles.get(name))

    def _rename_profile(self) -> dict[str, object]:
        name = self.core.profiles.rename(self.arguments.name, self.arguments.to)
        say(f"It is called “{name}” now.")
        return _json(name, self.core.profiles.get(name))

    def _delete_profile(self) -> dict[str, object]:
        self.core.profiles.delete(self.arguments.name)
        say(f"Deleted the profile “{self.arguments.name}”.")
        return {"deleted": self.arguments.name}

    def _export_profile(self) -> dict[str, object]:
        name = self.arguments.name
        path = Path(self.arguments.to or f"{name.replace('/', '-')}.json")
        where = self.core.profiles.export(name, path)
        say(f"Exported to {where}. It holds no passwords.")
        return {"exported": name, "file": str(where.absolute())}

    def _import_profile(self) -> dict[str, object]:
        found = self.core.profiles.import_file(Path(self.arguments.name or THEIR_STATE), self.arguments.to)
        say(found.news)
        self._warn_of_queue(found.spec.queue)
        return {**_json(found.name, found.spec), "left_out": list(found.left_out)}

    def _warn_of_queue(self, queue: str) -> None:
        """A queue that no server of the known accounts has; one that does not answer now may have it."""
        if not queue:
            return
        known: list[str] = []
        for account in self.core.accounts.all():
            if account.sandbox and not self.core.sandbox.address():
                return
            try:
                known += [one.name for one in self.core.launches.queues(account.id, Cancel(QUEUES_S))]
            except AppError:
                return
        if known and queue not in known:
            say(f"No server of yours has a queue “{queue}” now: a launch with this profile needs another one."
                f"{nearest(queue, known)}")  # fmt: skip


def _json(name: str, spec: LaunchSpec) -> dict[str, object]:
    return {"name": name, "options": values_of(spec)}
