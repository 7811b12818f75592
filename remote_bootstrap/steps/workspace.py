"""The session's workspace: one folder that is restored before the applications start and stored on demand, at intervals
and at the end.

A snapshot counts only once it was read back from the storage with the right size and checksum; only then does the
second last one of this session go. ``restore`` runs on the preparing thread; each storing has a thread of its own, one
at a time; ``Intervals`` is a thread, too.
"""

import contextlib
import tarfile
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from remote_bootstrap import contract
from remote_bootstrap.machine.folders import WORKSPACE, base_folder, cache_folder, private
from remote_bootstrap.session.context import Context
from remote_bootstrap.steps import room, snapshot, snapshots, transport, unpacking
from remote_bootstrap.steps.snapshot import Named
from remote_bootstrap.steps.snapshots import Snapshot
from remote_bootstrap.steps.transport import Stopped, WorkspaceError
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.task.report import ServerError, TaskServer
from remote_bootstrap.task.settings import Settings
from remote_bootstrap.types import Log

ARCHIVE = "workspace_snapshot.tar.gz"  # clearml-session's name for it
DEFAULT_MINUTES = 15.0
IDLE_SHARE = 10  # storing takes at most a tenth of the time, however long it takes
TELL_SECONDS = 1.0  # between two words about progress
POLL = 0.2
SHOWN = 20  # names in a sentence

# An agent waits for its task's end as long as the task asks for, 30 minutes at most.
LIMIT = 1700.0  # seconds that storing at the end may take
AGENT_WAITS = {"_abort_callback_timeout": "1785", "_abort_poll_freq": "15", "_abort_callback_completed": ""}
AGENT_FREE = {"_abort_callback_completed": "1"}


class Job:
    """One storing. ``text`` tells how far it is, in the end what became of it."""

    def __init__(self) -> None:
        self.text = "Reading the folder"
        self.failed = False
        self.done = threading.Event()
        self.stop = threading.Event()


class Workspace:
    """``show(text)`` is told about progress, once a second at most."""

    def __init__(
        self, context: Context, server: TaskServer, files_host: str, progress: Progress, log: Log, folder: Path
    ) -> None:
        self.folder = folder
        self._context = context
        self._server = server
        self._files_host = files_host
        self._progress = progress
        self._log = log
        self._lock = threading.Lock()
        self._job: Optional[Job] = None
        self._stored = ""  # fingerprint of what was stored or restored last
        self._kept_back = "it was not restored completely before"  # why nothing is stored by itself
        self._named: "tuple[Named, ...]" = ()
        self.took = 0.0  # seconds of the last storing

    # -- restoring

    def restore(self, stopped: Callable[[], bool]) -> None:
        """Bring back the newest snapshot of this folder. What goes wrong is logged; never raises."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._restore(stopped)
            self._kept_back = ""
        except Stopped:
            return
        except (WorkspaceError, ServerError, OSError) as error:
            self._kept_back = "the earlier one could not be restored"
            self._tell(
                "The workspace could not be restored: %s. So that the earlier snapshot stays the newest, nothing is "
                "stored by itself; the command clearml-sync-workspace does it all the same." % snapshot.told(error)
            )

    def _restore(self, stopped: Callable[[], bool]) -> None:
        choices = self._choices()
        if not choices:
            self._log("no earlier snapshot of the workspace %s was found" % self.folder)
            return  # what lies there already is in no snapshot: it is stored, changed or not
        last = "no snapshot could be read"
        for one in choices:
            try:
                self._restore_one(one, stopped)
                return
            except room.TooBig as error:  # an older one in its place would become the newest
                raise WorkspaceError("the snapshot of “%s”: %s" % (one.name, error)) from error
            except (WorkspaceError, OSError, tarfile.TarError) as error:
                last = snapshot.told(error)
                self._log("the snapshot of “%s” can't be restored: %s" % (one.name, last))
        raise WorkspaceError(last)

    def _choices(self) -> List[Snapshot]:
        continued = self._context.settings.raw.get(contract.PARAM_CONTINUE, "").strip()
        own = snapshots.of_task(self._server, self._context.task)  # a clone of a session has its snapshot
        if not continued:
            return [*own, *snapshots.candidates(self._server, self._context.task, self.folder)]
        task = snapshots.task_id(continued)
        of_task = snapshots.of_task(self._server, task) if task else []
        if not of_task:
            raise WorkspaceError("the session %s has no snapshot" % continued)
        return of_task

    def _restore_one(self, one: Snapshot, stopped: Callable[[], bool]) -> None:
        archive = private(self._context.folder / WORKSPACE) / "restored.tar.gz"
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(one.timestamp))
        self._log("restoring the workspace %s from “%s” (%s, stored %s UTC)" % (self.folder, one.name, one.task, when))
        shown = _Shown(self._show_restoring, stopped)
        # Else there is no snapshot of what is here now: of this folder, and with the files that lay in it before.
        same = not self._context.settings.raw.get(contract.PARAM_CONTINUE, "").strip() and not self._scan()[0]
        try:
            self._fetch(one, archive, shown, stopped)
            if not one.sha256:
                unpacking.check(archive)
            done = unpacking.unpack(archive, self.folder, shown.unpacking)
        finally:
            with contextlib.suppress(FileNotFoundError):
                archive.unlink()
        self._stored = snapshot.fingerprint(self._scan()[0]) if same else ""
        if done.named:
            self._tell("Restored the workspace, but not everything as it was: %s." % _list(done.named))
        self._log("restored %s into the workspace %s" % (snapshot.files_text(done.files), self.folder))

    def _fetch(self, one: Snapshot, archive: Path, shown: "_Shown", stopped: Callable[[], bool]) -> None:
        room.need(one.size, archive.parent)

        def look(_program: int) -> None:
            room.need(1, archive.parent)  # what comes may be more than was said
            with contextlib.suppress(FileNotFoundError):
                shown.moving("Fetching the workspace", archive.stat().st_size, one.size)

        answer = self._storage(["download", one.url, str(archive)], look, stopped)
        if one.size and answer.get("size") != one.size:
            raise WorkspaceError("%d of its %d bytes arrived" % (int(answer.get("size") or 0), one.size))
        if one.sha256 and answer.get("sha256") != one.sha256:
            raise WorkspaceError("its checksum is not the one that it was stored with")

    def _show_restoring(self, text: str) -> None:
        self._progress.phase(contract.RESTORING, text)

    # -- storing

    def store(self, final: bool = False, asked: bool = True) -> Job:
        """Begin to store, or join what is under way. ``asked``: the user wants it, even after a failure."""
        with self._lock:
            if self._job is not None and not self._job.done.is_set():
                return self._job
            self._job = job = Job()
        if self._kept_back and not asked:
            job.text = "The workspace is not stored: %s." % self._kept_back
            job.done.set()
            return job
        threading.Thread(target=self._run, args=(job, final), name="workspace-store", daemon=True).start()
        return job

    def finish(self) -> None:
        """Store a last time, and wait for it."""
        running, end = self._job, time.monotonic() + LIMIT
        if running is not None and not running.done.is_set():
            running.stop.set()
            running.done.wait(LIMIT)
        job = self.store(final=True, asked=False)
        if not job.done.wait(max(0.0, end - time.monotonic())):
            job.stop.set()
            self._tell(
                "Storing the workspace took longer than %d minutes, which is all that an agent grants. What was stored "
                "before is the newest snapshot." % (LIMIT // 60)
            )
            job.done.wait(POLL)

    def _run(self, job: Job, final: bool) -> None:
        began = time.monotonic()
        try:
            self._store(job, final)
        except Stopped:
            job.failed, job.text = True, "Storing the workspace was given up."
        except (WorkspaceError, ServerError, OSError) as error:
            job.failed, job.text = True, "The workspace could not be stored: %s." % snapshot.told(error)
        except Exception as error:  # thread boundary: those who wait must be told of the end
            traceback.print_exc()
            job.failed, job.text = True, "The workspace could not be stored: %s." % type(error).__name__
        finally:
            self.took = time.monotonic() - began
            self._log(job.text)
            if job.failed:
                self._progress.notice(job.text)
            job.done.set()

    def _scan(self) -> "tuple[List[snapshot.Entry], List[Named]]":
        return snapshot.scan(self.folder, (base_folder(), cache_folder()))

    def _store(self, job: Job, final: bool) -> None:
        if not self.folder.is_dir():
            raise WorkspaceError("there is no folder %s" % self.folder)
        entries, named = self._scan()
        if named == [Named(".", snapshot.OURS)]:
            raise WorkspaceError("the folder %s belongs to SessionDock and holds keys" % self.folder)
        mark = snapshot.fingerprint(entries)
        if mark == self._stored:
            job.text = "The workspace has not changed since it was stored."
            return
        if not entries:
            job.text = "The workspace is empty: nothing was stored, and the earlier snapshot stays the newest."
            return
        shown = _Shown(self._shower(job, final), job.stop.is_set)
        archive = private(self._context.folder / WORKSPACE) / ARCHIVE
        try:
            packed = snapshot.pack(self.folder, archive, entries, named, shown.packing)
            stored = self._upload(archive, shown, job.stop.is_set)
        finally:
            with contextlib.suppress(FileNotFoundError):
                archive.unlink()
        self._replace(stored, packed.preview)
        self._stored = mark
        self._kept_back = ""
        job.text = "The workspace is stored: %s, %s." % (
            snapshot.files_text(packed.files),
            snapshot.size_text(packed.size),
        )
        if packed.named:
            job.text += " Not stored as they are: %s." % _list(packed.named)
            if packed.named != self._named:  # not every quarter of an hour again
                self._named = packed.named
                self._progress.notice(job.text)

    def _shower(self, job: Job, final: bool) -> Callable[[str], None]:
        def show(text: str) -> None:
            job.text = text
            if final:
                self._progress.phase(contract.STOPPING, text)

        return show

    def _upload(self, archive: Path, shown: "_Shown", stopped: Callable[[], bool]) -> Snapshot:
        size, checksum = archive.stat().st_size, transport.checksum(archive)
        stamp = int(time.time())
        url = "%s/%d/%s" % (self._place(), stamp, ARCHIVE)

        def look(program: int) -> None:
            shown.moving("Uploading the workspace", transport.position(program, archive), size)

        answer = self._storage(["upload", str(archive), url], look, stopped)
        if (answer.get("size"), answer.get("sha256")) != (size, checksum):
            raise WorkspaceError("what the storage gave back is not what was uploaded")
        task = self._context.task
        return Snapshot(task, "", str(answer.get("url") or url), size, stamp, task, checksum)

    def _place(self) -> str:
        """Return where it is stored, as the SDK does it: below the project and the task."""
        task = snapshots.place_of(self._server, self._context.task)
        base = task.destination or self._files_host
        if not base:
            raise WorkspaceError("ClearML names no place to store files")
        path = "%s/%s.%s/artifacts/%s" % (task.project, task.name, self._context.task, snapshots.KEY)
        return base.rstrip("/") + "/" + path  # the SDK quotes it

    def _replace(self, stored: Snapshot, preview: str) -> None:
        """Make the new one, which is safe now, the newest; of this session's others the last one stays."""
        before = snapshots.of_task(self._server, self._context.task)
        snapshots.publish(self._server, self._context.task, stored, preview)
        kept = {stored.url, *(one.url for one in before[:1])}
        for one in before[1:]:
            if one.url not in kept and one.creator == self._context.task:
                try:
                    self._storage(["delete", one.url], lambda _program: None, lambda: False)
                except WorkspaceError as error:
                    self._log("an old snapshot could not be removed: %s" % error)

    # -- inside

    def _storage(
        self, arguments: List[str], look: Callable[[int], None], stopped: Callable[[], bool]
    ) -> Dict[str, Any]:
        return transport.run(arguments, self._context.folder / WORKSPACE / "storage.out", look, stopped)

    def _tell(self, text: str) -> None:
        self._log(text)
        self._progress.notice(text)


class _Shown:
    """Progress in words, once a second at most. Each call raises Stopped when it should end."""

    def __init__(self, show: Callable[[str], None], stopped: Callable[[], bool]) -> None:
        self._show = show
        self._stopped = stopped
        self._shown = 0.0

    def packing(self, done: int, total: int) -> None:
        self.moving("Packing the workspace", done, total)

    def unpacking(self, done: int, total: int) -> None:
        self.moving("Restoring the workspace", done, total)

    def moving(self, what: str, done: int, total: int) -> None:
        if self._stopped():
            raise Stopped
        if time.monotonic() - self._shown < TELL_SECONDS:
            return
        self._shown = time.monotonic()
        share = ": %d %% of %s" % (min(100, 100 * done // total), snapshot.size_text(total)) if total else ""
        self._show(what + share)


class Intervals(threading.Thread):
    """Stores every ``minutes`` while the session runs, less often where that takes long."""

    def __init__(self, workspace: Workspace, minutes: float, stop: threading.Event) -> None:
        super().__init__(name="workspace-intervals", daemon=True)
        self._workspace = workspace
        self._minutes = minutes
        self._stop_event = stop

    def run(self) -> None:
        while not self._stop_event.wait(max(60.0 * self._minutes, IDLE_SHARE * self._workspace.took)):
            self._workspace.store(asked=False).done.wait()


def minutes_of(context: Context) -> float:
    """Return the minutes between two storings; 0 = only at the end and on demand."""
    try:
        return max(
            0.0, float(context.settings.raw.get(contract.PARAM_WORKSPACE_MINUTES, "").strip() or DEFAULT_MINUTES)
        )
    except ValueError:
        return DEFAULT_MINUTES


def folder_of_session(wanted: Settings, server: TaskServer) -> Optional[Path]:
    """Return the workspace's folder, None where the session is to have none. One that continues another has the other
    one's folder.

    Raises ServerError.
    """
    text, earlier = wanted.raw.get(contract.PARAM_WORKSPACE, ""), wanted.raw.get(contract.PARAM_CONTINUE, "")
    if not text.strip() and earlier.strip():
        text = snapshots.folder_text(server, snapshots.task_id(earlier))
    return snapshots.folder_of(text)


def with_base_folder(wanted: Settings, folder: Optional[Path]) -> Settings:
    """Return the settings by which applications open the workspace unless the task names another folder."""
    if folder is None or wanted.raw.get("user_folder", "").strip():
        return wanted
    folder.mkdir(parents=True, exist_ok=True)
    return replace(wanted, user_folder=folder)


def _list(named: "tuple[Named, ...]") -> str:
    shown = ["%s (%s)" % (_printable(one.path), one.why) for one in named[:SHOWN]]
    more = ["and %d more" % (len(named) - SHOWN)] if len(named) > SHOWN else []
    return ", ".join([*shown, *more])


def _printable(text: str) -> str:
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in clean)
