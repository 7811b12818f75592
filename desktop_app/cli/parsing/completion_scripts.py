"""Completion of a command line: a script for bash, zsh or fish, made from the parsers. Pure.

It completes commands, options, and values that are one of a few; what only a server knows (sessions, queues) is not
asked for while the user types.
"""

import argparse
import re
import shlex
from collections.abc import Iterator

from desktop_app.cli.parsing.parser import Parser

_FILES = ("FILE", "PATH", "PEM", "DIR")  # metavars of what is completed as a file


def is_file(action: argparse.Action) -> bool:
    """True if its value is completed as a file."""
    return isinstance(action.metavar, str) and any(word in _FILES for word in re.split(r"\W", action.metavar))


def choices_of(action: argparse.Action) -> tuple[str, ...]:
    """Return the values that it may have, as far as they are few."""
    if action.choices is not None:
        return tuple(str(choice) for choice in action.choices)
    return ("true", "false") if action.metavar == "true|false" else ()


# -- bash, and zsh by its emulation


_BASH = """\
# completion of sessiondock for bash and zsh
_sessiondock() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} command= words= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case " {commands} " in *" ${{COMP_WORDS[i]}} "*) command=${{COMP_WORDS[i]}}; break ;; esac
    done
    COMPREPLY=()
    [[ $cur == -* ]] && prev=  # an option, whatever the one before it takes
    case "$command:$prev" in
{values}
        *)
            case "$command:$cur" in
{flags}
{words}
            esac ;;
    esac
    if [[ $words == @files ]]; then  # a line is one, blanks and stars in it included
        while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -f -- "$cur")
        type compopt >/dev/null 2>&1 && compopt -o filenames
    else
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
    fi
}}
complete -F _sessiondock sessiondock
"""


def bash(top: Parser) -> str:
    """Return the script for bash."""
    values, flags, words = [], [], []
    for name, parser in _parsers(top):
        for action in parser.shown:
            if action.option_strings and (choices := "@files" if is_file(action) else " ".join(choices_of(action))):
                pattern = "|".join(f"{name}:{flag}" for flag in action.option_strings)
                values.append(f"        {pattern}) words={shlex.quote(choices)} ;;")
        flags.append(f"                {name}:-*) words={shlex.quote(' '.join(parser.flags))} ;;")
        if offered := _first_words(top, parser):
            words.append(f"                {name}:*) words={shlex.quote(offered)} ;;")
    return _BASH.format(
        commands=" ".join(top.commands), values="\n".join(values), flags="\n".join(flags), words="\n".join(words)
    )


# Where zsh's completion was not started yet. -i: files in folders that others can write are left out.
_ZSH = """\
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
autoload -Uz bashcompinit && bashcompinit
"""


def zsh(top: Parser) -> str:
    """Return the script for zsh, which runs that of bash by its emulation."""
    return _ZSH + bash(top)


def _parsers(top: Parser) -> Iterator[tuple[str, Parser]]:
    yield "", top
    yield from top.commands.items()


def _first_words(top: Parser, parser: Parser) -> str:
    """Return the words that may stand where no option does."""
    if parser is top:
        return " ".join(top.commands)
    positional = [action for action in parser.shown if not action.option_strings]
    if any(is_file(action) for action in positional) and not any(choices_of(action) for action in positional):
        return "@files"
    return " ".join(choice for action in positional for choice in choices_of(action))


# -- fish


def fish(top: Parser) -> str:
    """Return the script for fish."""
    lines = ["# completion of sessiondock for fish", "complete -c sessiondock -f"]
    for name, parser in top.commands.items():
        lines.append(f"complete -c sessiondock -n __fish_use_subcommand -a {name} -d {_quoted(parser.description)}")
    for name, parser in _parsers(top):
        where = f"__fish_seen_subcommand_from {name}" if name else "__fish_use_subcommand"
        start = f"complete -c sessiondock -n {_quoted(where)}"
        offered = _first_words(top, parser) if name else ""
        if offered:
            lines.append(f"{start} -F" if offered == "@files" else f"{start} -a {_quoted(offered)}")
        lines += [f"{start} {_fish_flag(action)}" for action in parser.shown if action.option_strings]
    return "\n".join(lines) + "\n"


def _fish_flag(action: argparse.Action) -> str:
    flags = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in action.option_strings]
    choices = choices_of(action)
    values = " -r -F" if is_file(action) else f" -x -a {_quoted(' '.join(choices))}" if choices else ""
    needs = " -x" if not values and action.nargs is None and action.metavar is not None else ""
    return f"{' '.join(flags)}{values}{needs} -d {_quoted(action.help)}"


def _quoted(text: str | None) -> str:
    """Return the first sentence of a help, quoted for fish, which knows two escapes within single quotes."""
    plain = (text or "").replace("%%", "%").split(". ")[0].removesuffix(".")
    return "'" + plain.replace("\\", "\\\\").replace("'", "\\'") + "'"


SCRIPTS = {"bash": bash, "zsh": zsh, "fish": fish}
