"""Whom to connect to: a session's record is believed only when signature, first sighting and log agree. Blocking.

Runs on the session's supervisor thread; one instance per attached session.
"""

import logging
from collections.abc import Callable

from desktop_app.domain.problems import AppError, Retry, failure
from desktop_app.domain.runs import run_of
from desktop_app.domain.session import ServerFacts, SessionId
from desktop_app.ports import Cancel, Server
from desktop_app.services.outside import Outside
from remote_bootstrap import contract

_log = logging.getLogger(__name__)


class RecordTrust:
    """Remembers the newest record that it believed, also for the next start, so that nobody can play back an older
    one: its address may be another program's by now, or one that somebody waits at."""

    def __init__(self, session: SessionId, outside: Outside) -> None:
        self._session = session
        self._outside = outside
        self._newest: contract.Record | None = None
        self._over = ""  # why the run that was known is over, "" while it is not

    def run_is_over(self, why: str) -> None:
        """The server says that the task starts over: another host key is to be expected, and to be accepted."""
        self._newest, self._over = None, why

    def believed(self, facts: ServerFacts, server: Server, cancel: Cancel) -> contract.Record:
        """The record of these facts. Problems: ssh.record, ssh.new_run"""
        record = facts.record
        if record is None:
            raise failure("ssh.record", why=f"The task's connection record can't be read: {facts.record_error}.")
        if record == self._newest:
            return record
        if not self._starts_over(facts) and record.sequence < self._known(record):
            raise failure("ssh.record", why="The task shows an older connection record than it did before.")
        self._verify(record, facts, server, cancel)
        self._newest, self._over = record, ""
        self._outside.profiles.save_sequence(self._session.text, record.sequence)
        return record

    def _known(self, record: contract.Record) -> int:
        """The newest sequence that was believed of this host key, by an earlier process, too; -1: none."""
        profiles, newest = self._outside.profiles, self._newest
        first = profiles.host_key(self._session.text)
        kept = profiles.sequence(self._session.text) if first and _same_key(first, record.host_key) else -1
        return max(kept, newest.sequence if newest and _same_key(newest.host_key, record.host_key) else -1)

    def _starts_over(self, facts: ServerFacts) -> bool:
        """Whether there is a sign that this is another run of the task than the one that was believed."""
        kept = self._outside.profiles.trusted(self._session.text)
        return bool(self._over) or kept.get("run", run_of(facts)) != run_of(facts)

    def _verify(self, record: contract.Record, facts: ServerFacts, server: Server, cancel: Cancel) -> None:
        verify, task, profiles = self._outside.verify_record, self._session.task, self._outside.profiles
        first = profiles.host_key(self._session.text)
        if first and _same_key(first, record.host_key):  # stored only after the log had agreed with it
            verify(record, task, first, contract.fingerprint(first))
            if self._starts_over(facts):  # on a machine that kept the key: its records are counted anew
                profiles.save_host_key(self._session.text, first)
            self._remember(facts)
            return
        self._refuse_early(record)
        if first:
            self._verify_new_run(record, first, facts, server, cancel)
        else:
            verify(record, task, None, self._announced(server, cancel))
        profiles.save_host_key(self._session.text, record.host_key)
        self._remember(facts)
        _log.info("session %s: host key %s, as its log says", self._session.text, contract.fingerprint(record.host_key))

    def _remember(self, facts: ServerFacts) -> None:
        """By what to tell this run from a later one. A key that was accepted has served."""
        kept = {"run": run_of(facts)}
        if self._outside.profiles.trusted(self._session.text) != kept:
            self._outside.profiles.save_trusted(self._session.text, kept)

    def _verify_new_run(
        self, record: contract.Record, first: str, facts: ServerFacts, server: Server, cancel: Cancel
    ) -> None:
        """Another host key than the one that was known: never believed without a person, and without a sign that the
        task was started again not even offered to one. Problems: ssh.record, ssh.new_run"""
        verify, task, found = self._outside.verify_record, self._session.task, contract.fingerprint(record.host_key)
        kept = self._outside.profiles.trusted(self._session.text)
        accepted = kept.get("accepted") == found
        if not accepted and not self._starts_over(facts):
            verify(record, task, first, contract.fingerprint(first))  # refuses
        announced = self._announcements(server, cancel, lambda seen: seen[-1:] == [found])
        verify(record, task, None, announced[-1] if announced else None)  # the newest run's is the last
        if not accepted:
            how = self._over or "Its task was reset, or put into a queue again, on the ClearML server."
            known = contract.fingerprint(first)
            raise failure("ssh.new_run", how=how, known=known, found=found, task=task[:8], cause=found)

    def _refuse_early(self, record: contract.Record) -> None:
        """Don't wait for the log when the record is bad whatever it says."""
        try:
            self._outside.verify_record(record, self._session.task, None, None)
        except AppError as error:
            if error.problem.retry is not Retry.AUTO:
                raise

    def _announced(self, server: Server, cancel: Cancel) -> str | None:
        """The one fingerprint in the log; waits while the log has none, since it comes later than the record.

        Members of the workspace can add lines, but a session that was never started again announces one key only.
        Problems: ssh.record
        """
        found = self._announcements(server, cancel, lambda found: bool(found))
        if len(found) > 1:
            raise failure(
                "ssh.record", why=f"The session's log announces different host keys: {' and '.join(found[:3])}."
            )
        return found[0] if found else None

    def _announcements(self, server: Server, cancel: Cancel, enough: Callable[[list[str]], bool]) -> list[str]:
        """The fingerprints in the log, the newest last, as soon as they are enough, or after a while."""
        since, patience = 0, Cancel(self._outside.pace.log_wait_s)
        found: list[str] = []
        while not enough(found) and not patience.expired:
            page = server.log(self._session.task, since, cancel)
            since = page[-1].timestamp if page else since
            fresh = contract.fingerprints_in_log([line.text for line in page])
            found = [one for one in found if one not in fresh] + fresh
            if not enough(found) and not page:
                cancel.wait(self._outside.pace.log_poll_s)
                cancel.check()
        return found


def _same_key(one: str, other: str) -> bool:
    """Public key lines, their comments left out."""
    return one.split()[:2] == other.split()[:2]
