"""The completion scripts: bash's is run by a real bash, zsh's by a real zsh, fish's is held against the parsers."""

import itertools
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from desktop_app.cli import main as cli
from desktop_app.cli.arguments import parser
from desktop_app.cli.parsing.completion_scripts import bash, fish, zsh

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
    return [line for line in done.stdout.splitlines() if line]


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


def test_a_file_s_name_stays_in_one_piece(tmp_path: Path) -> None:
    for name in ("a b.txt", "a *", "a c"):
        (tmp_path / name).touch()
    files = sorted(completed("sessiondock", "upload", "s", f"{tmp_path}/a"))
    assert files == [f"{tmp_path}/a *", f"{tmp_path}/a b.txt", f"{tmp_path}/a c"]


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


# As zsh's bashcompinit runs a function of bash's.
OFFER = """
offer() {
    emulate -L sh
    setopt kshglob noshglob braceexpand
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) PREFIX=${@[-1]}
    _sessiondock
    printf '%s\\n' "${COMPREPLY[@]}"
}
"""


def run_zsh(script: str, home: Path) -> str:
    environment = {**os.environ, "HOME": str(home), "ZDOTDIR": str(home)}
    done = subprocess.run(["zsh", "-f"], input=script, capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    return done.stdout


def test_zsh_completes_files_and_words(tmp_path: Path) -> None:
    (tmp_path / "a b.txt").touch()
    assert run_zsh(zsh(parser()) + OFFER + f"offer sessiondock upload s {tmp_path}/a\n", tmp_path) == (
        f"{tmp_path}/a b.txt\n"
    )
    assert "launch" in run_zsh(zsh(parser()) + OFFER + "offer sessiondock lau\n", tmp_path).splitlines()


def test_zsh_loads_nothing_from_folders_that_others_can_write(tmp_path: Path) -> None:
    (open_to_all := tmp_path / "functions").mkdir()
    (open_to_all / "_evil").write_text("#compdef evil\n")
    open_to_all.chmod(0o777)
    script = f"fpath+=({open_to_all})\n{zsh(parser())}print -r -- ${{_comps[evil]}}.${{_comps[git]}}\n"
    assert run_zsh(script, tmp_path) == "._git\n"


def test_zsh_s_completion_is_not_started_again(tmp_path: Path) -> None:
    started = "compdef() { print -r -- compdef }\ncompinit() { print -r -- again }\n"
    assert "again" not in run_zsh(started + zsh(parser()), tmp_path)


def _pairs(line: str) -> list[tuple[str, str]]:
    words = shlex.split(line.replace("\\'", ""))
    return list(itertools.pairwise(words))


def test_zsh_uses_the_one_for_bash(capsys: pytest.CaptureFixture[str]) -> None:
    assert zsh(parser()).endswith(bash(parser())) and "bashcompinit" in zsh(parser())
    with pytest.raises(SystemExit):
        cli.parse(["completion", "tcsh"])
    assert "“tcsh” is none of bash, zsh, fish." in capsys.readouterr().err
