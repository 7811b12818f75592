"""Whom to connect to: a session's record is believed only when signature, first sighting and log agree. Blocking.

Runs on the session's supervisor thread; one instance per attached session.
"""

import logging

from desktop_app.domain.problems import AppError, Retry, failure
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

    def believed(self, facts: ServerFacts, server: Server, cancel: Cancel) -> contract.Record:
        """The record of these facts. Problems: ssh.record"""
        record = facts.record
        if record is None:
            raise failure("ssh.record", why=f"The task's connection record can't be read: {facts.record_error}.")
        if record == self._newest:
            return record
        newest = max(self._newest.sequence if self._newest else -1, self._known())
        if record.sequence < newest:
            raise failure("ssh.record", why="The task shows an older connection record than it did before.")
        self._verify(record, server, cancel)
        self._newest = record
        self._outside.profiles.save_sequence(self._session.text, record.sequence)
        return record

    def _known(self) -> int:
        """What an earlier run believed, of the same machine: without its host key it was no session of ours."""
        profiles = self._outside.profiles
        return profiles.sequence(self._session.text) if profiles.host_key(self._session.text) else -1

    def _verify(self, record: contract.Record, server: Server, cancel: Cancel) -> None:
        verify, task = self._outside.verify_record, self._session.task
        first = self._outside.profiles.host_key(self._session.text)
        if first:  # stored only after the log had agreed with it
            verify(record, task, first, contract.fingerprint(first))
            return
        self._refuse_early(record)
        announced = self._announced(server, cancel)
        verify(record, task, None, announced)
        self._outside.profiles.save_host_key(self._session.text, record.host_key)
        _log.info("session %s: host key %s, as its log says", self._session.text, announced)

    def _refuse_early(self, record: contract.Record) -> None:
        """Don't wait for the log when the record is bad whatever it says."""
        try:
            self._outside.verify_record(record, self._session.task, None, None)
        except AppError as error:
            if error.problem.retry is not Retry.AUTO:
                raise

    def _announced(self, server: Server, cancel: Cancel) -> str | None:
        """The fingerprint in the log; waits while the log has none, since it comes later than the record.

        Members of the workspace can add lines but a session announces one key only. Problems: ssh.record
        """
        since, patience = 0, Cancel(self._outside.pace.log_wait_s)
        found: list[str] = []
        while not found and not patience.expired:
            page = server.log(self._session.task, since, cancel)
            since = page[-1].timestamp if page else since
            found = contract.fingerprints_in_log([line.text for line in page])
            if not found and not page:
                cancel.wait(self._outside.pace.log_poll_s)
                cancel.check()
        if len(found) > 1:
            raise failure(
                "ssh.record", why=f"The session's log announces different host keys: {' and '.join(found[:3])}."
            )
        return found[0] if found else None
