"""A pool of four named threads for one-shots: launch, stop, open, sign in. Submitting never blocks."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.disk import disk_problem
from desktop_app.domain.problems import AppError, Cancelled, Problem, problem

THREADS = 4

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: a value, a problem, or neither (cancelled)."""

    value: object = None
    problem: Problem | None = None
    cancelled: bool = False


def log_problem(outcome: Outcome) -> None:
    """Log why a job failed: the ``done`` of one whose outcome is not waited for."""
    if outcome.problem is not None:
        _log.warning("%s [%s]", outcome.problem, outcome.problem.cause or outcome.problem.code)


class PooledJob:
    """One submitted piece of work."""

    def __init__(self, name: str, work: Callable[[Cancel], object], done: Callable[[Outcome], None]) -> None:
        self.name = name
        self._work = work
        self._done = done
        self._cancel = Cancel()

    def cancel(self) -> None:
        """Ask the work to stop; ``done`` is still called. Quick, idempotent."""
        self._cancel.cancel()

    def run(self) -> None:
        """Do the work and deliver its outcome. On a pool thread."""
        outcome = self._outcome()
        try:
            self._done(outcome)
        except Exception:  # thread boundary
            _log.exception("the end of job “%s” could not be delivered", self.name)

    def _outcome(self) -> Outcome:
        try:
            self._cancel.check()
            return Outcome(value=self._work(self._cancel))
        except Cancelled:
            return Outcome(cancelled=True)
        except AppError as error:
            _log.info("job “%s”: %s [%s]", self.name, error.problem.title, error.problem.cause or error.problem.code)
            return Outcome(problem=error.problem)
        except Exception as error:  # thread boundary
            if (full := disk_problem(error)) is not None:
                _log.info("job “%s”: %s", self.name, full)
                return Outcome(problem=full)
            _log.exception("job “%s” failed", self.name)
            return Outcome(problem=problem("internal", cause=type(error).__name__))


class JobPool:
    """Runs one-shots on a few named threads, which start with the first job."""

    def __init__(self, threads: int = THREADS) -> None:
        self._queue: queue.SimpleQueue[PooledJob | None] = queue.SimpleQueue()
        self._size = threads
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._jobs: set[PooledJob] = set()
        self._closed = False

    def submit(self, name: str, work: Callable[[Cancel], object], done: Callable[[Outcome], None]) -> PooledJob:
        """Run ``work`` on a thread of the pool, then ``done`` with its outcome, once, on the same thread. Quick.

        After ``close`` the job ends as cancelled, on the caller's thread.
        """
        job = PooledJob(name, work, done)
        with self._lock:
            closed = self._closed
            if not closed:
                self._jobs.add(job)
                self._start_threads()
        if closed:
            job.cancel()
            job.run()
        else:
            self._queue.put(job)
        return job

    def _start_threads(self) -> None:
        while len(self._threads) < self._size:
            thread = threading.Thread(target=self._serve, name=f"job-{len(self._threads) + 1}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            job.run()
            with self._lock:
                self._jobs.discard(job)

    def cancel(self) -> None:
        """Refuse new jobs and cancel those that are there. Quick."""
        with self._lock:
            self._closed = True
            jobs = tuple(self._jobs)
        for job in jobs:
            job.cancel()

    def close(self, seconds: float) -> tuple[str, ...]:
        """Cancel everything and join; return the names of threads that outlive ``seconds``."""
        self.cancel()
        threads = tuple(self._threads)
        for _ in threads:
            self._queue.put(None)
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return tuple(thread.name for thread in threads if thread.is_alive())
