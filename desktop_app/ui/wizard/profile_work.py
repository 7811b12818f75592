"""What the menu of profiles does, as jobs: files and locks are slow. GUI thread."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge


class ProfileWork(QObject):
    """``failed``: a Problem, or None when the next one went well; ``chosen``: the profile's name now, "" = none;
    ``imported``: a Profile; ``exported``: the file."""

    failed = Signal(object)
    chosen = Signal(str)
    imported = Signal(object)
    clearml_session_found = Signal()
    exported = Signal(object)

    def __init__(self, profiles: LaunchProfiles, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._profiles, self._bridge = profiles, bridge

    def save(self, name: str, spec: LaunchSpec) -> None:
        self._do("save-profile", lambda: self._profiles.save(name, spec), self.chosen.emit)

    def rename(self, old: str, new: str) -> None:
        self._do("rename-profile", lambda: self._profiles.rename(old, new), self.chosen.emit)

    def delete(self, name: str) -> None:
        self._do("delete-profile", lambda: self._profiles.delete(name), lambda _nothing: self.chosen.emit(""))

    def export(self, name: str, path: Path) -> None:
        self._do("export-profile", lambda: self._profiles.export(name, path), self.exported.emit)

    def import_file(self, path: Path) -> None:
        self._do("import-profile", lambda: self._profiles.import_file(path), self.imported.emit)

    def look_for_clearml_session(self) -> None:
        """Say ``clearml_session_found`` if this computer has options of that program."""

        def done(outcome: Outcome) -> None:
            if outcome.value:
                self.clearml_session_found.emit()

        self._bridge.submit("find-options", lambda _cancel: self._profiles.has_clearml_session_options(), done, self)

    def _do(self, job: str, work: Callable[[], object], then: Callable[[object], None]) -> None:
        def done(outcome: Outcome) -> None:
            self.failed.emit(outcome.problem)
            if outcome.problem is None and not outcome.cancelled:
                then(outcome.value)

        self._bridge.submit(job, lambda _cancel: work(), done, self)
