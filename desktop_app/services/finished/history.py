"""History: sessions that have ended, and launching one like them again. Blocking; any thread.

What this computer keeps of a launch tells all but its secrets, and counts: the task can be edited by all members of the
workspace. Of a session that another computer launched only the task tells what the remote machine had to know.
"""

from collections.abc import Callable
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.launch.options import from_profile
from desktop_app.domain.launch.session_names import distinct_name
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.again import Again, asked, continued, differing, left_of, spec_of_task
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.reach import with_image
from desktop_app.domain.sessions.snapshot import Remote, SessionId
from desktop_app.services.state.store import SessionStore
from remote_bootstrap.contract import PARAM_DEBUG_RUN


class History:
    """Reads ended sessions. Stateless but for what it was given; thread-safe."""

    def __init__(self, outside: Outside, store: SessionStore, server: Callable[[str, Cancel], Server]) -> None:
        self._outside = outside
        self._store = store
        self._server = server

    def ended(self, account: str, cancel: Cancel) -> tuple[FinishedSession, ...]:
        """Return the sessions that have ended, the newest first. Problems: server.*"""
        return self._server(account, cancel).sessions.finished(cancel)

    def again(self, session: SessionId, cancel: Cancel) -> Again:
        """Return a launch with the options of that session, its queue and its name included; what is remembered for
        next time stays as it is. ``asks`` names the secrets that the user gives anew.

        Problems: task.gone, task.foreign, session.foreign, again.copy, server.*
        """
        server = self._server(session.account, cancel)
        kept = self._outside.memory.sessions.options(session.text)
        try:
            again = self._of_task(server, session, kept, cancel)
        except AppError as error:
            if error.problem.code != "task.gone" or not kept:
                raise
            again = Again(from_profile(kept))
        spec = again.spec
        if spec.continue_session:
            spec = continued(spec, session.task, server.sessions.finished(cancel))
        living = [one.name for one in self._store.of_account(session.account) if one.remote is not Remote.ENDED]
        spec = replace(spec, name=distinct_name(spec.name, living), store_defaults=False)
        return replace(again, spec=spec)

    def _of_task(self, server: Server, session: SessionId, kept: object, cancel: Cancel) -> Again:
        facts = server.sessions.get(session.task, cancel).facts
        if facts.clearml_session is not None:
            raise failure("session.foreign")
        task = server.tasks.launched(session.task, cancel)
        if isinstance(kept, dict) and kept:
            spec = with_image(from_profile(kept), facts.report)
            return Again(spec, asked(spec, task.parameters), differs=differing(from_profile(kept), task, facts))
        spec = spec_of_task(task, facts)
        if PARAM_DEBUG_RUN in task.parameters and not spec.debug_task:
            raise failure("again.copy", name=facts.name)
        spec = with_image(spec, facts.report)
        return Again(spec, asked(spec, task.parameters), partial=True, left=left_of(task))


def keep_queue(outside: Outside, session: SessionId, queue: str) -> None:
    """Remember the queue that the user moved a session to: it is launched again in that one."""
    kept = outside.memory.sessions.options(session.text)
    if kept:
        outside.memory.sessions.save_options(session.text, {**kept, "queue": queue})
