"""The completion scripts: bash's is run by a real bash, fish's is held against the parsers."""

import itertools
import shlex
import subprocess

import pytest

from desktop_app.cli import main as cli
from desktop_app.cli.arguments import parser
from desktop_app.cli.completion import bash, fish, zsh

TRY = """
compopt() {{ :; }}
COMP_WORDS=({words}) COMP_CWORD={last}
_sessiondock
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(*words: str) -> list[str]:
    """What bash offers for the last word."""
    script = bash(parser()) + TRY.format(words=" ".join(map(shlex.quote, words)), last=len(words) - 1)
    done = subprocess.run(["bash", "--norc"], input=script, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sessiondock lau", ["launch"]),
        ("sessiondock launch --pack", ["--packages"]),
        ("sessiondock launch --docker-network ''", ["host", "port", "none"]),
        ("sessiondock launch --jupyter-lab --vscode-s", ["--vscode-server"]),  # an option, not true or false
        ("sessiondock --queue x --she", ["--shell"]),
        ("sessiondock list --all", ["--all-users"]),
        ("sessiondock list --she", []),
        ("sessiondock ssh-config in", ["install"]),
        ("sessiondock attach ''", []),
        ("sessiondock launch --requirements /etc/hostna", ["/etc/hostname"]),
        ("sessiondock upload s /etc/hostna", ["/etc/hostname"]),
    ],
)
def test_bash_offers_what_fits(line: str, offered: list[str]) -> None:
    assert completed(*shlex.split(line)) == offered


def test_every_command_and_every_option_is_offered() -> None:
    top = parser()
    assert completed("sessiondock", "") == list(top.commands)
    for name, command in top.commands.items():
        assert completed("sessiondock", name, "--") == [flag for flag in command.flags if flag.startswith("--")]


def test_fish_names_the_same() -> None:
    top, text = parser(), fish(parser())
    for name, command in top.commands.items():
        assert f"-n __fish_use_subcommand -a {name} -d '" in text
        lines = [line for line in text.splitlines() if f"'__fish_seen_subcommand_from {name}'" in line]
        assert {f"--{word}" for line in lines for flag, word in _pairs(line) if flag == "-l"} == {
            flag for flag in command.flags if flag.startswith("--")
        }


def _pairs(line: str) -> list[tuple[str, str]]:
    words = shlex.split(line.replace("\\'", ""))
    return list(itertools.pairwise(words))


def test_zsh_uses_the_one_for_bash(capsys: pytest.CaptureFixture[str]) -> None:
    assert zsh(parser()).endswith(bash(parser())) and "bashcompinit" in zsh(parser())
    with pytest.raises(SystemExit):
        cli.parse(["completion", "tcsh"])
    assert "“tcsh” is none of bash, zsh, fish." in capsys.readouterr().err
