"""Questions on the terminal: a line, a yes or no, one of several. Main thread; blocks.

Only for a terminal (``keyboard.on_terminal``): nothing here is called where no user can answer.
"""

import sys
from collections.abc import Sequence
from typing import TypeVar

from desktop_app.cli.terminal.output import say
from desktop_app.domain.problems import Cancelled

T = TypeVar("T")
QUIT = ("q", "quit", "exit")
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class Left(Cancelled):
    """The user wants none of what was offered."""


def line(prompt: str) -> str:
    """Ask for one line and return it. Raises Cancelled at the end of the input."""
    print(prompt, end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline()
    if not typed:
        say("")
        raise Cancelled
    return typed.strip()


def yes(question: str, *, default: bool = True) -> bool:
    """Ask a question with yes or no; Return takes the default. Raises Left."""
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
    """Ask for one of several by its number; Return takes the one with the star. Raises Left."""
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
