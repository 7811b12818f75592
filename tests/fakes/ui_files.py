"""A session's files for the window's tests: implements what the window uses of services.files.Files in memory."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.remote_files import FileKind, RemoteEntry
from desktop_app.domain.files.transfer import Progress, Skipped, Summary
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.files.access import Listing

HOME = "/home/me"
DEMO = (
    RemoteEntry("checkpoints", FileKind.FOLDER, modified=1_790_000_000),
    RemoteEntry("current", FileKind.LINK, modified=1_790_000_000),
    RemoteEntry("model.safetensors", FileKind.FILE, 4_321_000_000, modified=1_790_090_000),
    RemoteEntry("notes grüße.md", FileKind.FILE, 2_048, modified=1_790_099_000),
)


class FakeFilesService:
    """``go``: transfers stand at ``progress`` until it is set. ``call`` as in FakePorts."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self.folders: dict[str, tuple[RemoteEntry, ...]] = {f"{HOME}/session-files": DEMO, HOME: DEMO[:1]}
        self.go = threading.Event()
        self.progress = Progress(1, 3, 420_000_000, 1_000_000_000, "data/train.parquet")
        self.summary = Summary(f"{HOME}/session-files", 3, 1, 1_000_000_000)
        self.skipped = (Skipped("data/dangling", "a link that leads nowhere"),)
        self.stored = "The workspace is stored: 12 files, 3.4 MB."

    def browse(self, session: SessionId, folder: str, cancel: Cancel) -> Listing:
        self._call("files.browse", cancel, session, folder)
        where = {"": f"{HOME}/session-files", "~": HOME}.get(folder, folder)
        return Listing(where, HOME, self.folders.get(where, ()))

    def upload(
        self, session: SessionId, paths: Sequence[Path], to: str, tell: Callable[[Progress], None], cancel: Cancel
    ) -> Summary:
        self._call("files.upload", cancel, session, tuple(str(path) for path in paths), to)
        return self._move(tell, cancel)

    def download(
        self, session: SessionId, remotes: Sequence[str], to: Path, tell: Callable[[Progress], None], cancel: Cancel
    ) -> Summary:
        self._call("files.download", cancel, session, tuple(remotes), str(to))
        return self._move(tell, cancel)

    def _move(self, tell: Callable[[Progress], None], cancel: Cancel) -> Summary:
        tell(self.progress)
        while not self.go.wait(0.01):
            cancel.check()
        return self.summary

    def store_workspace(self, session: SessionId, tell: Callable[[str], None], cancel: Cancel) -> str:
        self._call("files.store_workspace", cancel, session)
        return self.stored
