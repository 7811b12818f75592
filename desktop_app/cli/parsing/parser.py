"""How a command line is read and what is said of one that can't be: one short usage line, the nearest word, where to
look. Main thread.

argparse's own texts differ between Python versions and name everything that would have been possible; here they are
brought into one form.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from desktop_app.cli.terminal.output import result
from desktop_app.domain.nearest import nearest

USAGE = 2
OPTIONS = "[OPTION...]"
EMPTY = "it is empty; is a variable of your shell not set?"
MAY_BE_EMPTY = "option_"  # begins the names of launch options, whose "" takes back what is remembered
_THE_REST = (argparse.PARSER, argparse.REMAINDER, 0)
_UNKNOWN, _MISSING = "unrecognized arguments: ", "the following arguments are required: "
_CHOICE = re.compile(r"argument (?P<what>.+?): invalid choice: (?P<value>.*) \(choose from (?P<all>.*)\)", re.DOTALL)
_ARGUMENT = re.compile(r"argument (?P<what>.+?): (?P<why>.*)", re.DOTALL)


Check = Callable[[argparse.Namespace], str]


def no_objection(_arguments: argparse.Namespace) -> str:
    """Accept whatever the parser accepts. Implements ``Check``."""
    return ""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that knows what it was given, for its usage line and for suggestions."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self.words: dict[str, str] = {}  # the positional arguments: argparse's name -> as the usage line has them
        self.commands: dict[str, Parser] = {}
        self.check: Check = no_objection  # what is wrong with arguments that parse, as a sentence; "" = nothing
        self._mixes = False
        self._given: Sequence[str] = ()
        super().__init__(*arguments, **{"usage": f"%(prog)s {OPTIONS}", **more})

    def parse_known_args(  # type: ignore[override]  # argparse's own overloads say less
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse words and options in any order: argparse alone gives all words that may be left out to the first that
        come, and calls those behind an option too many."""
        self._given = self._given if self._mixes else args or ()
        words = [action for action in self._actions if not action.option_strings]
        plain = self._mixes or not words or "--" in (args or ())  # words that look like options stand behind a "--"
        if plain or any(action.nargs in _THE_REST for action in words):
            return super().parse_known_args(args, namespace)
        self._mixes = True  # what follows comes here twice: for the options, and for the words
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixes = False

    def add_argument(self, *names: str, **shape: Any) -> argparse.Action:
        """Add an argument, and a positional one to the usage line."""
        action = super().add_argument(*names, **shape)
        if not action.option_strings:
            self.words[action.metavar if isinstance(action.metavar, str) else action.dest] = usage_word(action)
            self.usage = " ".join(("%(prog)s", OPTIONS, *self.words.values()))
        return action

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Refuse a name that is empty, as of a shell's variable that is not set: left out means "the only one", and
        that is not what was meant. argparse has no other place for it."""
        names = action.nargs not in _THE_REST and not action.dest.startswith(MAY_BE_EMPTY)
        if names and any(not text.strip() for text in arg_strings):
            raise argparse.ArgumentError(action, EMPTY)
        return super()._get_values(action, arg_strings)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print the help; argparse's own says nothing when that fails. Problems: output.unwritable"""
        if file is sys.stdout:
            result(message.removesuffix("\n"))
        else:
            super()._print_message(message, file)

    @property
    def shown(self) -> tuple[argparse.Action, ...]:
        """Return everything that can be given here and that the help names, but for the command itself."""
        hidden = (argparse.SUPPRESS, None) if self.commands else (argparse.SUPPRESS,)
        return tuple(action for action in self._actions if action.help not in hidden)

    @property
    def flags(self) -> tuple[str, ...]:
        """Return all spellings of all options that the help names."""
        return tuple(flag for action in self.shown for flag in action.option_strings)

    def error(self, message: str) -> NoReturn:
        """Print argparse's message in our form and exit with code 2."""
        self.wrong(self._said(message))

    def wrong(self, text: str) -> NoReturn:
        """Print the usage and what is wrong (``text``: a sentence), and exit with code 2."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {text} See {self.prog} --help.\n")

    def _said(self, message: str) -> str:
        if message.startswith(_UNKNOWN):
            return self.unknown(message.removeprefix(_UNKNOWN).split())
        if message.startswith(_MISSING):
            if stray := self._stray(self._given):
                return self.unknown(stray)
            words = [self.words.get(name, name) for name in message.removeprefix(_MISSING).split(", ")]
            return f"{' and '.join(word for word in words if not word.startswith('['))} must be given."
        choice, argument = _CHOICE.fullmatch(message), _ARGUMENT.fullmatch(message)
        if choice:
            return self._not_among(choice["what"], choice["value"], choice["all"])
        text = f"{self.words.get(argument['what'], argument['what'])}: {argument['why']}" if argument else message
        return text if text.endswith((".", "?")) else f"{text}."

    def _not_among(self, what: str, value: str, among: str) -> str:
        """Return what to say of a word that is none of the choices. ``value`` and ``among`` are as argparse writes
        them: with quotation marks or without."""
        word, known = value.strip("'\""), re.findall(r"[^\s,'\"]+", among)
        if not what.startswith("-") and self.commands:
            if stray := self._stray(self._given[:1]):  # what follows it was taken for a command
                return self.unknown(stray)
            return f"there is no command “{word}”.{nearest(word, self.commands)}"
        choices = ", ".join(known)
        text = f"{what} takes {choices}; not “{word}”." if what.startswith("-") else f"“{word}” is none of {choices}."
        return text + nearest(word, known)

    def _stray(self, given: Sequence[str]) -> list[str]:
        """Return the options among these that nothing here has."""
        ours = tuple(flag for action in self._actions for flag in action.option_strings)
        words = [word.partition("=")[0] for word in given if word.startswith("--") and word != "--"]
        return [word for word in words if not any(flag.startswith(word) for flag in ours)]

    def unknown(self, rest: Sequence[str]) -> str:
        """Return what to say of words that nothing here takes."""
        flags = [word.partition("=")[0] for word in rest if word.startswith("-") and word.strip("-")]
        if flags:
            return f"there is no option {flags[0]}.{nearest(flags[0], self.flags)}"
        return f"“{rest[0]}” was not expected here."


def usage_word(action: argparse.Action) -> str:
    """Return a positional argument as a usage line has it: SESSION, [SESSION], PATH..., install|remove."""
    if isinstance(action.metavar, str):
        word = action.metavar
    else:
        word = action.dest.upper() if action.choices is None else "|".join(map(str, action.choices))
    return {"?": f"[{word}]", "*": f"[{word}...]", "+": f"{word}..."}.get(str(action.nargs), word)


def read(top: Parser, arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; exit with code 2 for what can't be understood, with the usage of its command."""
    parsed, rest = top.parse_known_args(arguments)
    parser = top.commands.get(str(parsed.command), top)
    if rest:
        flag = rest[0].partition("=")[0]
        elsewhere = parser is not top and flag in top.flags
        parser.wrong(f"{flag} goes without a command: {top.prog} {flag} …" if elsewhere else parser.unknown(rest))
    if why := top.check(parsed) or parser.check(parsed):
        parser.wrong(why)
    return parsed
