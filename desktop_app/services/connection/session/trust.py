"""Whom to connect to: a session's record is believed only when signature, first sighting and log agree. Blocking.

Runs on the session's supervisor thread; one instance per attached session.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.problems import AppError, Retry, failure
from desktop_app.domain.sessions.runs import began_at, run_of
from desktop_app.domain.sessions.snapshot import ServerFacts, SessionId
from remote_bootstrap import contract

_log = logging.getLogger(__name__)

OF_OURS = "ssh-"  # how a believed host key is kept: the whole key; before that, only a fingerprint that the user named


@dataclass(frozen=True, slots=True)
class Announced:
    """One fingerprint in the log: when it was said first and last, ms since 1970."""

    fingerprint: str
    first: int
    last: int


def kept_key(outside: Outside, session: SessionId) -> tuple[str, str]:
    """Return the host key that was believed, and the fingerprint that the user named before any was; "" for none."""
    kept = outside.memory.trust.host_key(session.text)
    return (kept, "") if kept.startswith(OF_OURS) else ("", kept)


class RecordTrust:
    """Remembers the newest record that it believed, also for the next start, so that nobody can play back an older
    one: its address may be another program's by now, or one that somebody waits at."""

    def __init__(self, session: SessionId, outside: Outside) -> None:
        self._session = session
        self._outside = outside
        self._newest: contract.Record | None = None
        self._over = ""  # why the run that was known is over, "" while it is not
        self._doubtful = False  # what was believed last may be what an earlier run left in the task

    def run_is_over(self, why: str) -> None:
        """Expect another host key, as the server says that the task starts over."""
        self._newest = None
        self._over = why

    def believed(self, facts: ServerFacts, server: Server, cancel: Cancel) -> contract.Record:
        """Return the record of these facts, if it can be believed. Problems: ssh.record, ssh.new_run"""
        record = facts.record
        if record is None:
            raise failure("ssh.record", why=f"The task's connection record can't be read: {facts.record_error}.")
        if record == self._newest:
            return record
        if not self._starts_over(facts) and record.sequence < self._known(record):
            raise failure("ssh.record", why="The task shows an older connection record than it did before.")
        self._verify(record, facts, server, cancel)
        self._newest = record
        self._outside.memory.trust.save_sequence(self._session.text, record.sequence)
        return record

    def proved(self, facts: ServerFacts) -> None:
        """Remember that the machine of the record has shown its key: this is the server's run. From now on another
        key needs a sign of yet another run; one that was accepted has served."""
        self._over = ""
        self._doubtful = False
        kept = {"run": run_of(facts)}
        if self._outside.memory.trust.trusted(self._session.text) != kept:
            self._outside.memory.trust.save_trusted(self._session.text, kept)

    def explained(self, error: AppError, address: str) -> AppError:
        """Return why a dial failed, where the record may be an earlier run's: a server keeps it when a stopped task is
        enqueued again, and by now nobody, or another program, listens there."""
        may_be = self._doubtful and error.problem.code in ("ssh.unreachable", "ssh.host_key")
        return failure("ssh.earlier_run", address=address, cause=str(error)) if may_be else error

    def _known(self, record: contract.Record) -> int:
        """Return the newest sequence that was believed of this host key, by an earlier process, too; -1: none."""
        memory, newest = self._outside.memory, self._newest
        first, _ = kept_key(self._outside, self._session)
        kept = memory.trust.sequence(self._session.text) if first and _same_key(first, record.host_key) else -1
        return max(kept, newest.sequence if newest and _same_key(newest.host_key, record.host_key) else -1)

    def _starts_over(self, facts: ServerFacts) -> bool:
        """True if there is a sign that this is another run of the task than the one that was believed."""
        kept = self._outside.memory.trust.trusted(self._session.text)
        return bool(self._over) or kept.get("run", run_of(facts)) != run_of(facts)

    def _verify(self, record: contract.Record, facts: ServerFacts, server: Server, cancel: Cancel) -> None:
        verify, task, memory = self._outside.verify_record, self._session.task, self._outside.memory
        first, named = kept_key(self._outside, self._session)
        if first and _same_key(first, record.host_key):  # stored only after the log had agreed with it
            verify(record, task, first, contract.fingerprint(first))
            self._doubtful = self._starts_over(facts)
            if self._doubtful:  # or on a machine that kept the key: its records are counted anew
                memory.trust.save_host_key(self._session.text, first)
            return
        self._refuse_early(record)
        self._doubtful = False
        if first:
            self._verify_new_run(record, first, facts, server, cancel)
        else:
            verify(record, task, None, self._announced(record, facts, named, server, cancel))
            memory.trust.save_trusted(self._session.text, {"run": ""})
        memory.trust.save_host_key(self._session.text, record.host_key)
        _log.info("session %s: host key %s, as its log says", self._session.text, contract.fingerprint(record.host_key))

    def _verify_new_run(
        self, record: contract.Record, first: str, facts: ServerFacts, server: Server, cancel: Cancel
    ) -> None:
        """Refuse another host key than the known one, which is never believed without the user, and without a sign that
        the task was started again not even offered to one. Problems: ssh.record, ssh.new_run"""
        verify, task, found = self._outside.verify_record, self._session.task, contract.fingerprint(record.host_key)
        kept = self._outside.memory.trust.trusted(self._session.text)
        accepted = kept.get("accepted") == found
        if not accepted and not self._starts_over(facts):
            verify(record, task, first, contract.fingerprint(first))  # refuses
        announced = self._announcements(server, cancel, lambda said: _names(said)[-1:] == [found])
        verify(record, task, None, announced[-1].fingerprint if announced else None)  # the newest run's is the last
        if not accepted:
            how = self._over or "Its task was reset, or put into a queue again, on the ClearML server."
            raise self._new_run(how, contract.fingerprint(first), found)

    def _new_run(self, how: str, known: str, found: str) -> AppError:
        task = self._session.task[:8]
        return failure("ssh.new_run", how=how, known=known, found=found, task=task, cause=found)

    def _refuse_early(self, record: contract.Record) -> None:
        """Refuse a record that is bad whatever the log says, without waiting for that. Problems: ssh.record"""
        try:
            self._outside.verify_record(record, self._session.task, None, None)
        except AppError as error:
            if error.problem.retry is not Retry.AUTO:
                raise

    def _announced(
        self, record: contract.Record, facts: ServerFacts, named: str, server: Server, cancel: Cancel
    ) -> str | None:
        """Return the fingerprint of this run in the log; waits while the log has none, since it comes later than the
        record.

        Members of the workspace can add lines, but a session that was never started again announces one key only. Of
        one that was, the log keeps what earlier runs announced; with that, only the user can say whose the last one is:
        ``named`` is what one did say. Problems: ssh.record, ssh.new_run
        """
        found, began = contract.fingerprint(record.host_key), began_at(facts)
        said = self._announcements(
            server, cancel, lambda said: found in _names(said) or any(one.last >= began for one in said)
        )
        if named not in ("", found):
            raise failure("ssh.record", why=f"You named the host key {named}, and its record shows {found}.")
        if len(said) > 1:
            *earlier, last = said
            if any(one.last >= began for one in earlier) or last.first < began or last.fingerprint != found:
                keys = " and ".join(_names(said)[:3])
                raise failure("ssh.record", why=f"The session's log announces different host keys: {keys}.")
            if not named:
                raise self._new_run("Its task ran before, as its log tells.", earlier[-1].fingerprint, found)
        self._doubtful = bool(said) and said[-1].last < began
        return said[-1].fingerprint if said else None

    def _announcements(
        self, server: Server, cancel: Cancel, enough: Callable[[list[Announced]], bool]
    ) -> list[Announced]:
        """Return the fingerprints in the log, the newest last, as soon as they are enough, or after a while."""
        since, time_limit = 0, Cancel(self._outside.pace.log_wait_s)
        found: dict[str, Announced] = {}
        while not enough(list(found.values())) and not time_limit.expired:
            page = server.tasks.log(self._session.task, since, cancel)
            since = page[-1].timestamp if page else since
            for line in page:
                for one in contract.fingerprints_in_log([line.text]):
                    known = found.pop(one, None)
                    found[one] = Announced(one, known.first if known else line.timestamp, line.timestamp)
            if not enough(list(found.values())) and not page:
                cancel.wait(self._outside.pace.log_poll_s)
                cancel.check()
        return list(found.values())


def _names(said: list[Announced]) -> list[str]:
    return [announced.fingerprint for announced in said]


def _same_key(one: str, other: str) -> bool:
    """True if both public key lines name one key, comments left out."""
    return one.split()[:2] == other.split()[:2]
