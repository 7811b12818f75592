"""Uploads that a launch asked for: remembered on disk, and begun once the session is up. They are then ordinary
transfers of whichever process of ours has them.

One process at a time has a session's uploads: it holds their name (``ownership``), from the launch on if it made it.
When it ends before they are through, a window takes them up with its next look at the server, and so does whoever
attaches the session. A session that ends before takes them with it.

Any thread that may wait: ``holder`` and ``look`` wait up to a second for another process, and what writes (``want``,
``take``, ``look``, ``drop``, the end of ``alone``) waits for the lock of a file.
"""

import logging
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.memory import UploadMemory
from desktop_app.boundary.peers import Holder, PeerNames
from desktop_app.boundary.server import Server
from desktop_app.domain.files.listed import State, Transfer
from desktop_app.domain.files.transfer import Wanted, readable
from desktop_app.domain.launch.option_checks import items
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.reducer import ServerSaw, advance
from desktop_app.domain.sessions.snapshot import Remote, SessionId, SessionSnapshot
from desktop_app.services.files.transfers import Transfers
from desktop_app.services.runtime.jobs import JobPool, Outcome, log_problem
from desktop_app.services.state.notices import Notice
from desktop_app.services.state.store import SessionStore

HELD = "Begins once the session is up"

_log = logging.getLogger(__name__)


def paths_of(spec: LaunchSpec) -> tuple[Path, ...]:
    return tuple(Path(line).expanduser() for line in items(spec.upload_files))


def name_of(session: SessionId) -> str:
    """Return the name that the process with a session's uploads holds."""
    return f"uploads/{session.text}"


class LaunchUploads:
    """One per core. ``tell``: what the user should hear; ``server``: an account's."""

    def __init__(
        self,
        memory: UploadMemory,
        names: PeerNames,
        store: SessionStore,
        transfers: Transfers,
        jobs: JobPool,
        server: Callable[[str, Cancel], Server],
        tell: Callable[[Notice], None],
    ) -> None:
        self._memory = memory
        self._names = names
        self._store = store
        self._transfers = transfers
        self._jobs = jobs
        self._server = server
        self._tell = tell
        self._asked: set[SessionId] = set()  # sessions in no list, which the server was asked about
        self._lock = threading.Lock()
        self._taking = threading.Lock()
        self._mine: dict[SessionId, int] = {}  # the transfer of each session whose uploads we have
        self._wanted: dict[SessionId, tuple[Wanted, ...]] = {}  # and what is in it
        self._ending: set[SessionId] = set()  # those of them whose row is being taken out of the memory
        self.lost: dict[SessionId, str] = {}  # what became of those of sessions that ended too early
        self._closed = False
        self._unsubscribe = store.subscribe(lambda _old, new: self._follow(new))
        transfers.on_end(self._ended)

    def close(self) -> None:
        """Follow no session any more; what is not through stays remembered."""
        self._closed = True
        self._unsubscribe()

    # -- a launch

    def check(self, spec: LaunchSpec) -> None:
        """Refuse what can't be uploaded, before the task is made. Problems: launch.invalid"""
        missing = [str(path) for path in paths_of(spec) if not path.exists()]
        if missing:
            raise failure("launch.invalid", why=f"Files to upload: there is no {', no '.join(missing)}.")

    def want(self, session: SessionId, spec: LaunchSpec) -> None:
        wanted = tuple(_as_it_is(path) for path in paths_of(spec))
        if not wanted:
            return
        with self._taking:
            self._names.claim(name_of(session))  # before anybody can know of them
            try:
                self._memory.save(session.text, wanted)
            except AppError as error:  # they are made all the same, if this process lives
                _log.warning("uploads of a launch can't be remembered: %s", error.problem)
            self._begin(session, wanted)

    # -- who makes them

    def take(self, session: SessionId) -> bool:
        """Make them in this process, unless another one does; whether this one does. Problems: file.unwritable"""
        with self._taking:
            with self._lock:
                if session in self._mine or self._closed:
                    return session in self._mine
            return self._take(session)

    def _take(self, session: SessionId) -> bool:
        if not self._memory.of(session.text) or not self._names.claim(name_of(session), 0.0):
            return False
        wanted = self._memory.of(session.text)  # whoever had them may have just ended
        if wanted:
            self._begin(session, wanted)
        else:
            self._names.release(name_of(session))
        return bool(wanted)

    def look(self, account: str) -> None:
        """Take up what no process has any more; called by a window now and then."""
        for text in self._memory.sessions():
            session = SessionId.parse(text)
            if session.account != account or self._names.holder(name_of(session)) is not None:
                continue
            snapshot = self._store.get(session)
            try:
                if snapshot is None:
                    self._ask_once(session)
                elif snapshot.remote is Remote.ENDED:
                    self.drop(snapshot)
                else:
                    self.take(session)
            except AppError as error:
                _log.warning("uploads of a launch: %s", error.problem)

    def _ask_once(self, session: SessionId) -> None:
        """Ask about a session that ended while no window ran, and so is in no list."""
        if session not in self._asked:
            self._asked.add(session)
            self._jobs.submit("look at a session with uploads", self._ask(session), self._answered(session))

    def _answered(self, session: SessionId) -> Callable[[Outcome], None]:
        def answered(outcome: Outcome) -> None:
            if outcome.problem is not None:  # nothing was learnt: the next look asks again
                self._asked.discard(session)
            log_problem(outcome)

        return answered

    def _ask(self, session: SessionId) -> Callable[[Cancel], object]:
        def ask(cancel: Cancel) -> None:
            snapshot = SessionSnapshot(session)
            try:
                facts = self._server(session.account, cancel).sessions.get(session.task, cancel).facts
            except AppError as error:
                if error.problem.code != "task.gone":
                    raise
                self.drop(snapshot)
                return
            if facts.remote is Remote.ENDED:
                self.drop(advance(snapshot, ServerSaw(facts)))

        return ask

    @contextmanager
    def alone(self, session: SessionId) -> Iterator[tuple[Wanted, ...]]:
        """Yield what waits, for the caller to make now; remembered no more if the block ends well. () = nothing waits,
        or ``holder`` has it."""
        if not self._names.claim(name_of(session), 0.0):
            yield ()
            return
        try:
            wanted = self._memory.of(session.text)
            yield wanted
            if wanted:
                self._memory.drop(session.text)
        finally:
            self._names.release(name_of(session))

    def holder(self, session: SessionId) -> Holder | None:
        """Return the other process that has them."""
        return self._names.holder(name_of(session))

    # -- following the session and the transfer

    def _begin(self, session: SessionId, wanted: tuple[Wanted, ...]) -> None:
        paths = [Path(one.path) for one in wanted]
        number = self._transfers.upload(session, paths, held=HELD, wanted=wanted)
        with self._lock:
            self._mine[session] = number
            self._wanted[session] = wanted
        self._follow(self._store.get(session))

    def _follow(self, snapshot: SessionSnapshot | None) -> None:
        """Begin the uploads of a session that is up, give up those of one that has ended. Quick; a writer's thread."""
        if snapshot is None or snapshot.remote not in (Remote.READY, Remote.ENDED):
            return
        with self._lock:
            number = self._mine.get(snapshot.id)
            if number is None or snapshot.id in self._ending:
                return
            gives_up = snapshot.remote is Remote.ENDED and self._transfers.is_held(number)
            if gives_up:
                self._ending.add(snapshot.id)
                self.lost[snapshot.id] = _lost_text(snapshot, self._wanted[snapshot.id])
        if snapshot.remote is Remote.READY:
            self._transfers.release(number)
        elif gives_up:
            self._transfers.cancel(number)
            self._transfers.forget(number)
            self._jobs.submit("give up uploads", lambda _cancel: self._give_up(snapshot), log_problem)

    def _give_up(self, snapshot: SessionSnapshot) -> None:
        """Forget the uploads of a session that ended before them. On a job's thread."""
        try:
            self.drop(snapshot)
        except AppError as error:  # remembered still, so a later look drops it
            _log.warning("uploads of a launch: %s", error.problem)
        self._let_go(snapshot.id)

    def drop(self, snapshot: SessionSnapshot) -> str:
        """Forget the uploads of a session that has ended, and tell the user; return the sentence, "" when none waited.

        Blocks. Problems: file.unwritable
        """
        wanted = self._memory.of(snapshot.id.text)
        if not self._memory.drop(snapshot.id.text):
            return ""
        text = _lost_text(snapshot, wanted)
        self._tell(Notice("Not uploaded", text, snapshot.id))
        return text

    def _ended(self, transfer: Transfer) -> None:
        """Remember uploads that are through no more. On the transfer's thread, or on that of whoever cancelled it.

        One that failed is kept, and ours: it can be resumed in the list, and with the next process.
        """
        session = transfer.session
        with self._lock:
            is_mine = self._mine.get(session) == transfer.number and session not in self._ending
            hopeless = transfer.problem is not None and transfer.problem.code == "files.ended"
            if not is_mine or self._closed or (transfer.state is State.FAILED and not hopeless):
                return
            self._ending.add(session)
        if transfer.state is State.CANCELLED:  # perhaps by the user, on the window's thread
            self._jobs.submit("forget uploads", lambda _cancel: self._forget(session), log_problem)
        else:
            self._forget(session)

    def _forget(self, session: SessionId) -> None:
        """Take the row out of the memory. Blocks."""
        try:
            self._memory.drop(session.text)
        except AppError as error:
            _log.warning("uploads of a launch: %s", error.problem)
        self._let_go(session)

    def _let_go(self, session: SessionId) -> None:
        """Have these uploads no longer: from now on they are whose process claims their name."""
        with self._lock:
            self._mine.pop(session, None)
            self._wanted.pop(session, None)
            self._ending.discard(session)
        self._names.release(name_of(session))


def _lost_text(snapshot: SessionSnapshot, wanted: tuple[Wanted, ...]) -> str:
    names = ", ".join(readable(one.path) for one in wanted)
    name = snapshot.name or snapshot.id.task[:8]
    return f"“{name}” ended before everything was uploaded to it. Not uploaded completely: {names}."


def _as_it_is(path: Path) -> Wanted:
    path = path.absolute()
    try:
        about = path.stat()
    except OSError:
        return Wanted(str(path))
    if not stat.S_ISREG(about.st_mode):
        return Wanted(str(path))
    return Wanted(str(path), about.st_size, int(about.st_mtime))
