"""Questions on the terminal: which session, and what to launch, with the remembered answers as defaults. Main thread.

Only for a terminal (``cli.keyboard.on_terminal``); nothing here is called where nobody can answer.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from desktop_app.cli.options import NO, YES
from desktop_app.cli.output import say
from desktop_app.domain.accounts.account import Queue
from desktop_app.domain.launch.option import Page
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.launch.options import LaunchSpec, options, problem_of
from desktop_app.domain.problems import Cancelled
from desktop_app.domain.sessions.snapshot import Remote, SessionSnapshot, status_of

T = TypeVar("T")
QUIT = ("q", "quit", "exit")

# Besides the queue, and as far as no flag said them: what a session starts, and in what environment.
ASKED = tuple(
    name for name, option in options().items() if option.page in (Page.WHAT, Page.ENVIRONMENT) and not option.advanced
)


class Left(Cancelled):
    """The person wants none of what was offered."""


def line(prompt: str) -> str:
    """One typed line. Raises Cancelled at the end of the input."""
    print(prompt, end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline()
    if not typed:
        say("")
        raise Cancelled
    return typed.strip()


def yes(question: str, *, default: bool = True) -> bool:
    """A yes or no; Return takes the default. Raises Left."""
    while True:
        answer = line(f"{question} [{'Y/n' if default else 'y/N'}] ").lower()
        if not answer:
            return default
        if answer in QUIT:
            raise Left
        if answer in (*YES, "y"):
            return True
        if answer in (*NO, "n"):
            return False
        say("Please answer y or n, or q to leave.")


def choose(title: str, entries: Sequence[tuple[str, T]], default: int = 0) -> T:
    """One of several by its number; Return takes the one with the star. Raises Left."""
    say(title)
    for number, (text, _) in enumerate(entries):
        say(f"  {number}{'*' if number == default else ' '} {text}")
    while True:
        answer = line(f"Number [{default}], q to leave: ")
        if not answer:
            return entries[default][1]
        if answer.lower() in QUIT:
            raise Left
        if answer.isdecimal() and int(answer) < len(entries):
            return entries[int(answer)][1]
        say(f"Please give a number from 0 to {len(entries) - 1}, or q to leave.")


def session_entry(snapshot: SessionSnapshot) -> str:
    created = snapshot.facts.created
    when = f", {created.astimezone():%Y-%m-%d %H:%M}" if created else ""
    return f"{clean_line(snapshot.name)} ({snapshot.id.task[:8]}) {status_of(snapshot).value}{when}"


def best(found: Sequence[SessionSnapshot]) -> int:
    """The one to connect to unless a person says otherwise: one that is up, best of all one that nobody holds."""
    return min(range(len(found)), key=lambda i: (found[i].remote is not Remote.READY, bool(found[i].held_by)))


def pick(title: str, found: Sequence[SessionSnapshot]) -> SessionSnapshot:
    """One of these sessions. Raises Left."""
    return choose(title, [(session_entry(one), one) for one in found], best(found))


def running_session(found: Sequence[SessionSnapshot]) -> SessionSnapshot | None:
    """Connect to one of these, or launch a new one (None)?"""
    if len(found) == 1:
        return found[0] if yes(f"Connect to {session_entry(found[0])}?") else None
    entries: list[tuple[str, SessionSnapshot | None]] = [(session_entry(one), one) for one in found]
    return choose("These sessions are active. Connect to which?", [*entries, ("a new session", None)], best(found))


def queue_of(queues: Sequence[Queue], remembered: str) -> str:
    """The queue's name."""
    entries = [(f"{clean_line(queue.name)}: {_agents(queue)}", queue.name) for queue in queues]
    names = [queue.name for queue in queues]
    best = next((i for i, queue in enumerate(queues) if queue.served), 0)
    return choose("Which queue?", entries, names.index(remembered) if remembered in names else best)


def _agents(queue: Queue) -> str:
    free = sum(not worker.task for worker in queue.workers)
    agents = f"{free} of {len(queue.workers)} agents free" if queue.served else "no agent"
    return f"{agents}, {queue.waiting} waiting" if queue.waiting else agents


def spec(start: LaunchSpec, given: frozenset[str]) -> LaunchSpec:
    """``start`` with the answers to what the command line did not say."""
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
        found = value if not text else "" if text == "-" else text
        wrong = problem_of(option, found)
        if not wrong:
            return found
        say(wrong)
