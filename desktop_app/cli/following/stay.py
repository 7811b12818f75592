"""Staying with a session in the foreground until it is ready, ends, or the user leaves. Main thread; blocks.

With --json each event is one line of JSON with a key ``event``: launched, progress, notice, server, upload, ready, and
at the end held (another process has the connection), detached or ended.
"""

from collections.abc import Callable

from desktop_app.boundary.computer import Waiting
from desktop_app.cli.context.context import Context
from desktop_app.cli.following.outcome import DONE, Outcome
from desktop_app.cli.following.typed import Typed, say_it_goes_on
from desktop_app.cli.following.uploads import UploadWatch
from desktop_app.cli.following.watch import Watch
from desktop_app.cli.terminal.keyboard import Pokes
from desktop_app.cli.terminal.output import json_line, say
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot

LOOK_S = 1.0  # what another process holds does not change our store

Look = Callable[[SessionSnapshot], Outcome | None]


def stay(context: Context, watch: Watch, session: SessionId, *, typed: bool = False) -> int:
    """Follow a session until ``watch`` has seen enough; return the exit code.

    ``typed``: a user at the terminal may say what to do meanwhile. Problems: what ends or blocks the session, task.gone
    """
    try:
        outcome = _follow(context, watch, session, Typed(context, session) if typed else None)
    except KeyboardInterrupt:
        say_it_goes_on(session)
        raise
    return outcome.code


def _follow(context: Context, watch: Watch, session: SessionId, typed: Typed | None) -> Outcome:
    waiting: Waiting = context.new_keyboard(typed.line) if typed else Pokes()
    uploads = UploadWatch(context, session)

    def look(snapshot: SessionSnapshot) -> Outcome | None:
        outcome = uploads.look(watch.look(snapshot))
        return outcome or (typed.outcome if typed else None)

    unsubscribe = context.core.store.subscribe(lambda _old, _new: waiting.poke())
    try:
        while (snapshot := context.core.store.get(session)) is not None:
            outcome = look(snapshot)
            if outcome is not None:
                return outcome
            waiting.wait(LOOK_S)
    finally:
        unsubscribe()
        waiting.close()
    return _gone(context, session)


def _gone(context: Context, session: SessionId) -> Outcome:
    """Tell why the store does not know the session any more: its account was removed. Problems: task.gone"""
    if any(account.id == session.account for account in context.core.accounts.all()):
        raise failure("task.gone", cause=session.text)
    if context.json:
        json_line({"event": "detached", "id": session.task, "account": session.account})
    else:
        say("Its account was removed from SessionDock; the session goes on running.")
    return DONE
