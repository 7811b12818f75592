"""LaunchProfiles: named launches, and what was launched last in which queue. Any thread.

What is kept is in one small document of its own, and in memory, from which reading is quick; ``reload`` looks for what
other processes changed. See ``domain.launch.profile`` for what is in a profile.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop_app.boundary.computer import TextFiles
from desktop_app.boundary.memory import Document
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.domain.launch.options import LaunchSpec, defaults, from_profile
from desktop_app.domain.launch.profile import Profile, check_name, dumps, loads, values_of
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import Problem, failure

PROFILES, QUEUES = "profiles", "queues"
CLEARML_SESSION_STATE = "~/.clearml_session.json"
KEPT_QUEUES = 100  # per account


class LaunchProfiles:
    """Keeps launches under names, which are unique, and each queue's last launch."""

    def __init__(self, document: Document, files: TextFiles) -> None:
        self._document = document
        self._files = files
        self._content: Mapping[str, Any] = document.read()

    def reload(self) -> None:
        """Read what other processes may have changed. Blocks (a file)."""
        self._content = self._document.read()

    def _change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change the document, and what is in memory. Blocks. Problems: file.unwritable"""
        self._document.change(edit)
        self.reload()

    def names(self) -> tuple[str, ...]:
        """Return the names in alphabetical order. Quick."""
        return tuple(sorted(self._all(), key=str.casefold))

    def get(self, name: str) -> LaunchSpec:
        """Return the launch of this name. Quick. Problems: profile.unknown"""
        return from_profile(self._values(name))

    def problems(self) -> tuple[Problem, ...]:
        """Return what could not be read. Blocks (a file)."""
        self._document.read()
        return tuple(self._document.problems)

    def _all(self) -> Mapping[str, Any]:
        profiles = self._content.get(PROFILES)
        return profiles if isinstance(profiles, dict) else {}

    def _values(self, name: str) -> Mapping[str, Any]:
        values = self._all().get(name)
        if not isinstance(values, dict):
            names = self.names()
            raise failure("profile.unknown", name=name, known=", ".join(names) or "none", near=nearest(name, names))
        return values

    # -- changing them

    def save(self, name: str, spec: LaunchSpec) -> str:
        """Keep this launch, in place of one of the same name; return the name as it is kept. Blocks.

        Problems: profile.name, file.unwritable
        """
        name = check_name(name)
        self._change(lambda content: _part(content, PROFILES).update({name: values_of(spec)}))
        return name

    def rename(self, old: str, new: str) -> str:
        """Give the profile another name, and return it as it is kept. Blocks.

        Problems: profile.unknown, profile.name, profile.taken, file.unwritable
        """
        new, values = check_name(new), self._values(old)
        if new != old and new in self._all():
            raise failure("profile.taken", name=new)

        def edit(content: dict[str, Any]) -> None:
            profiles = _part(content, PROFILES)
            profiles.pop(old, None)
            profiles[new] = dict(values)
            for rows in _part(content, QUEUES).values():
                for row in rows.values() if isinstance(rows, dict) else ():
                    if isinstance(row, dict) and row.get("profile") == old:
                        row["profile"] = new

        self._change(edit)
        return new

    def delete(self, name: str) -> None:
        """Delete the profile. Blocks. Problems: profile.unknown, file.unwritable"""
        self._values(name)
        self._change(lambda content: _part(content, PROFILES).pop(name, None))

    # -- files

    def export(self, name: str, path: Path) -> Path:
        """Write the profile to a file, and return its path. Blocks. Problems: profile.unknown, file.unwritable"""
        return self._files.write(path, dumps(name, self.get(name)))

    def has_clearml_session_options(self) -> bool:
        """True if clearml-session was used here: ``import_file(CLEARML_SESSION_STATE)`` may read it. Blocks."""
        return self._files.exists(CLEARML_SESSION_STATE)

    def import_file(self, path: Path, name: str = "") -> Profile:
        """Make a profile of a profile's file or clearml-session's state, and return it. Blocks.

        One of the same name stays; the new one gets a number. Problems: profile.unreadable, profile.name
        """
        try:
            text = self._files.read(path)
        except UnreadableText as error:
            raise failure("profile.unreadable", path=path, why=error.why) from None
        profile = loads(text, str(path))
        kept = _free_name(check_name(name) if name else profile.name, self._all())
        self.save(kept, profile.spec)
        return Profile(kept, profile.spec, profile.left_out)

    # -- per queue

    def note_launch(self, account: str, spec: LaunchSpec, profile: str = "") -> None:
        """Remember that this was launched in its queue, from this profile ("" = from none). Blocks."""

        def edit(content: dict[str, Any]) -> None:
            queues = _part(_part(content, QUEUES), account)
            queues.pop(spec.queue, None)
            queues[spec.queue] = {"profile": profile, "options": values_of(spec)}  # the newest last
            for old in list(queues)[:-KEPT_QUEUES]:
                del queues[old]

        self._change(edit)

    def _rows(self, account: str) -> dict[str, Any]:
        queues = self._content.get(QUEUES)
        rows = queues.get(account) if isinstance(queues, dict) else None
        return rows if isinstance(rows, dict) else {}

    def last_launch(self, account: str) -> LaunchSpec:
        """Return the launch that this account saw last, the defaults before the first. Quick."""
        for queue, row in reversed(self._rows(account).items()):  # the newest is the last one
            if isinstance(row, dict) and isinstance(row.get("options"), dict):
                return replace(from_profile(row["options"]), queue=queue)
        return defaults()

    def last_in(self, account: str, queue: str) -> tuple[str, LaunchSpec] | None:
        """Return the profile (a deleted one counts as none) and the launch that this queue saw last. Quick."""
        row = self._rows(account).get(queue)
        if not isinstance(row, dict) or not isinstance(row.get("options"), dict):
            return None
        profile = str(row.get("profile"))
        return (profile if profile in self._all() else "", from_profile(row["options"]))

    def last_profile(self, account: str, queue: str) -> str:
        """Return the profile of the last launch in this queue, "" for none. Quick."""
        last = self.last_in(account, queue)
        return last[0] if last else ""

    def forget_account(self, account: str) -> None:
        """Forget what the queues of this account saw. Blocks. Problems: file.unwritable"""
        self._change(lambda content: _part(content, QUEUES).pop(account, None))


def _free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number where it is taken."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def _part(content: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object under that key, made if it is not there or is something else."""
    if not isinstance(content.get(key), dict):
        content[key] = {}
    found: dict[str, Any] = content[key]
    return found
