"""Which run of its task a session is: others can reset a task, or put it into a queue again. Pure, any thread.

A server keeps ``started`` when a stopped task is enqueued without a reset, so its last change of status counts, too.
"""

from dataclasses import replace
from datetime import datetime

from desktop_app.domain.problems import Problem, problem
from desktop_app.domain.sessions.snapshot import WAITING, Link, Remote, ServerFacts, SessionSnapshot, why_unplaced
from remote_bootstrap import contract

_BEGINS = (contract.PREPARING, contract.STARTING_SSH)


def run_of(facts: ServerFacts) -> str:
    """Return a mark that tells one run of a task from the others, as far as the server tells."""
    return f"{_text(facts.started)}|{_text(facts.changed)}"


def began_at(facts: ServerFacts) -> int:
    """Return when this run began, ms since 1970 by the server's clock; 0 while that is unknown."""
    return max((round(at.timestamp() * 1000) for at in (facts.started, facts.changed) if at is not None), default=0)


def _text(value: datetime | None) -> str:
    return value.isoformat() if value else ""


def starts_over(now: SessionSnapshot, new: ServerFacts) -> bool:
    """True if what we are (or want to be) connected to is no longer the run that the server speaks of."""
    old = now.facts
    if now.link is Link.OFF or old.remote not in (Remote.STARTING, Remote.READY, Remote.STOPPING):
        return False
    return new.remote in WAITING or _other_run(old, new)


def _other_run(old: ServerFacts, new: ServerFacts) -> bool:
    return old.started is not None and new.started is not None and old.started != new.started


def why_over(facts: ServerFacts) -> str:
    """Return how the run that was known came to its end, as far as these facts tell: one sentence."""
    by = f" by {facts.changed_by}" if facts.changed_by else ""
    if facts.unplaced:
        return why_unplaced(facts)
    if facts.remote is Remote.QUEUED:
        return f"Its task was put into the queue “{facts.queue}” again{by}."
    return f"Its task was taken back{by}." if facts.remote is Remote.CREATED else "Its task was started again."


def restarted(facts: ServerFacts) -> Problem:
    """Return the problem that is shown when a session starts over."""
    return problem("session.restarted", why=why_over(facts))


def of_this_run(now: SessionSnapshot, new: ServerFacts) -> ServerFacts:
    """Return the new facts without what an earlier run left in the task: a server that enqueues a stopped task keeps
    its record and its report, until the new run writes its own."""
    if new.clearml_session is not None:
        return new
    if new.remote in WAITING:
        return replace(new, record=None, report=None, left=(new.record, new.report))
    if now.remote in (*WAITING, Remote.STARTING) and _last_words(new):
        return replace(new, remote=Remote.STARTING, by_report=False, report=None, left=(now.facts.left[0], new.report))
    record, report = now.facts.left
    if new.remote is Remote.ENDED or (record is None and report is None):
        return new
    fresh = None if new.report == report else new.report
    if new.record != record or new.record_error or (fresh is not None and fresh.phase not in _BEGINS):
        return new
    ends = new.remote is Remote.STOPPING and fresh is not None  # by the server's word: the agent is to end it
    return replace(new, remote=new.remote if ends else Remote.STARTING, record=None, report=fresh, left=now.facts.left)


def _last_words(new: ServerFacts) -> bool:
    """True if the report must be what an earlier run wrote while it ended, after its task was reset: a run that has
    published nothing yet can be ended by the server only, which then says so."""
    return new.remote is Remote.STOPPING and new.by_report and new.record is None and not new.record_error


def keeps_report(now: SessionSnapshot, new: ServerFacts) -> bool:
    """True if the report that we have may still be of the run that ``new`` speaks of."""
    if now.link is Link.UP:
        return True
    begins = now.remote in (*WAITING, Remote.ENDED) and new.remote is not now.remote
    return new.remote not in WAITING and not begins and not _other_run(now.facts, new)
