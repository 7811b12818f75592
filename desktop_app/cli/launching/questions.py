"""Questions before a launch: which session, which queue, and what to launch, with the remembered answers as defaults.

Main thread; blocks. Only for a terminal, as ``terminal.questions``.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from desktop_app.cli.terminal.output import say
from desktop_app.cli.terminal.questions import choose, line, yes
from desktop_app.domain.accounts.account import Queue
from desktop_app.domain.launch.option import Page
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.launch.options import LaunchSpec, options, problem_of
from desktop_app.domain.sessions.snapshot import Remote, SessionSnapshot, status_of

# Besides the queue, and as far as no flag said them: what a session starts, and in what environment.
ASKED = tuple(
    name for name, option in options().items() if option.page in (Page.WHAT, Page.ENVIRONMENT) and not option.advanced
)


def session_entry(snapshot: SessionSnapshot) -> str:
    """Return a session as one entry of a list to choose from."""
    created = snapshot.facts.created
    when = f", {created.astimezone():%Y-%m-%d %H:%M}" if created else ""
    return f"{clean_line(snapshot.name)} ({snapshot.id.task[:8]}) {status_of(snapshot).value}{when}"


def best(sessions: Sequence[SessionSnapshot]) -> int:
    """Return which one to connect to by default: one that is up, best of all one that no process holds."""
    return min(range(len(sessions)), key=lambda i: (sessions[i].remote is not Remote.READY, bool(sessions[i].held_by)))


def pick(title: str, sessions: Sequence[SessionSnapshot]) -> SessionSnapshot:
    """Ask for one of these sessions. Raises Left."""
    return choose(title, [(session_entry(session), session) for session in sessions], best(sessions))


def running_session(sessions: Sequence[SessionSnapshot]) -> SessionSnapshot | None:
    """Ask whether to connect to one of these; None for a new one. Raises Left."""
    if len(sessions) == 1:
        return sessions[0] if yes(f"Connect to {session_entry(sessions[0])}?") else None
    entries: list[tuple[str, SessionSnapshot | None]] = [(session_entry(session), session) for session in sessions]
    entries.append(("a new session", None))
    return choose("These sessions are active. Connect to which?", entries, best(sessions))


def queue_of(queues: Sequence[Queue], remembered: str) -> str:
    """Ask for a queue; return its name. Raises Left."""
    entries = [(f"{clean_line(queue.name)}: {_agents(queue)}", queue.name) for queue in queues]
    names = [queue.name for queue in queues]
    best = next((i for i, queue in enumerate(queues) if queue.served), 0)
    return choose("Which queue?", entries, names.index(remembered) if remembered in names else best)


def _agents(queue: Queue) -> str:
    free = sum(not worker.task for worker in queue.workers)
    agents = f"{free} of {len(queue.workers)} agents free" if queue.served else "no agent"
    return f"{agents}, {queue.waiting} waiting" if queue.waiting else agents


def ask_spec(start: LaunchSpec, given: frozenset[str]) -> LaunchSpec:
    """Return ``start`` with the answers to what the command line did not say (``given``: field names). Raises Left."""
    for name in ASKED:
        if name not in given:
            answer: dict[str, Any] = {name: _answer(name, getattr(start, name))}
            start = replace(start, **answer)
    return start


def _answer(name: str, value: str | bool) -> str | bool:
    option = options()[name]
    if isinstance(value, bool):
        return yes(f"{option.label}?", default=value)
    shown = ", ".join(value.split("\n")) or "none"
    while True:
        text = line(f"{option.label} [{shown}] (- for none): ")
        answer = value if not text else "" if text == "-" else text
        wrong = problem_of(option, answer)
        if not wrong:
            return answer
        say(wrong)
