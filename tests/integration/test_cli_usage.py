"""What is said of a command line that can't be understood: one usage line, the nearest word, exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_app.cli import main as cli
from desktop_app.cli.arguments import parser
from desktop_app.services.core import Core
from desktop_app.window_start import asks_for_window
from tests.support.paths import REPOSITORY


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    found = capsys.readouterr()
    assert found.out == ""
    return found.err.splitlines()


@pytest.mark.parametrize(
    ("typed", "usage", "text"),
    [
        ("lanch", "[COMMAND] [OPTION...]", "there is no command “lanch”. Did you mean launch? See sessiondock --help."),
        ("xyzzy", "[COMMAND] [OPTION...]", "there is no command “xyzzy”. See sessiondock --help."),
        ("--hepl", "[COMMAND] [OPTION...]", "there is no option --hepl. Did you mean --help? See sessiondock --help."),
        ("--quue default", "[COMMAND] [OPTION...]",
         "there is no option --quue. Did you mean --queue? See sessiondock --help."),
        ("sandbox --jsn", "sandbox [OPTION...] start|stop|status",
         "there is no option --jsn. Did you mean --json? See sessiondock sandbox --help."),
        ("give x gti", "give [OPTION...] SESSION [KIND...]",
         "[KIND...]: “gti” is none of: git, clearml, ssh-agent. Did you mean git? See sessiondock give --help."),
        ("launch --quue=x", "launch [OPTION...]",
         "there is no option --quue. Did you mean --queue? See sessiondock launch --help."),
        ("launch --queue x -z", "launch [OPTION...]", "there is no option -z. See sessiondock launch --help."),
        ("launch --docker-network hots", "launch [OPTION...]",
         "--docker-network takes host, port, none; not “hots”. Did you mean host? See sessiondock launch --help."),
        ("list --queue x", "list [OPTION...]",
         "--queue goes without a command: sessiondock --queue … See sessiondock list --help."),
        ("list x", "list [OPTION...]", "“x” was not expected here. See sessiondock list --help."),
        ("ssh-config instal", "ssh-config [OPTION...] install|remove|status",
         "“instal” is none of install, remove, status. Did you mean install? See sessiondock ssh-config --help."),
        ("give", "give [OPTION...] SESSION [KIND...]", "SESSION must be given. See sessiondock give --help."),
        ("forward s x", "forward [OPTION...] SESSION PORT",
         "PORT: “x” is no port; a port is a number from 1 to 65535. See sessiondock forward --help."),
        ("--queue", "[COMMAND] [OPTION...]", "--queue: expected one argument. See sessiondock --help."),
    ],
)  # fmt: skip
def test_a_typo_is_two_lines(capsys: pytest.CaptureFixture[str], typed: str, usage: str, text: str) -> None:
    lines = said(capsys, *typed.split())
    assert lines[0] == f"usage: sessiondock {usage}" and len(lines) == 2
    assert lines[1].split(": ", 1)[1] == text


@pytest.mark.parametrize("choices", ["'launch', 'list'", "launch, list"])
@pytest.mark.parametrize("value", ["'lanch'", "lanch"])
def test_the_texts_of_all_python_versions_become_the_same(
    capsys: pytest.CaptureFixture[str], choices: str, value: str
) -> None:
    with pytest.raises(SystemExit):
        parser().error(f"argument COMMAND: invalid choice: {value} (choose from {choices})")
    assert "there is no command “lanch”. Did you mean launch?" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["", " ", "--", "ü" * 300, "a\nb", "list "])
def test_odd_words_are_wrong_usage_and_no_more(capsys: pytest.CaptureFixture[str], word: str) -> None:
    lines = said(capsys, word)
    assert lines[0].startswith("usage: sessiondock ")


@pytest.mark.parametrize(
    "words", ["list", "launch --queue x", "--queue x --yes", "--json", "--shutdown x", "--attach x", "--yes"]
)
def test_nothing_but_the_window_is_a_demo(capsys: pytest.CaptureFixture[str], words: str) -> None:
    for demo in ("--demo=1", "--demo=0"):
        assert "--demo opens a window on made-up sessions" in said(capsys, demo, *words.split())[1]


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "9" * 5000, "10000", "٣"])
def test_a_demo_has_a_number_of_sessions(capsys: pytest.CaptureFixture[str], number: str) -> None:
    assert not asks_for_window(["--demo", number])
    assert "is not a number of sessions, from 0 to 9999." in said(capsys, "--demo", number)[1]


def test_every_command_has_a_short_usage_line_and_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    top = parser()
    assert len(top.commands) > 20
    for name, command in top.commands.items():
        usage = command.format_usage()
        assert usage.startswith(f"usage: sessiondock {name} ") and usage.count("\n") == 1 and len(usage) < 130
        assert "--json" in command.flags and "exit codes" in command.format_help()


def test_abbreviations_work_where_clearml_session_has_them_and_not_in_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert vars(cli.parse(["--pack", "tqdm"]))["option_packages"] == ["tqdm"]
    assert "Did you mean --packages?" in said(capsys, "launch", "--package", "tqdm")[1]


def test_a_reader_that_has_seen_enough_is_no_problem() -> None:
    """As in ``sessiondock options | head -1``."""
    command = [sys.executable, "-m", "desktop_app", "options"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY, env=os.environ.copy()
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait(60) == 0


def test_a_full_disk_is_a_problem_and_no_traceback() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "desktop_app", "options"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert done.stderr == "sessiondock: The result could not be written. Standard output: No space left on device.\n"


def test_a_problem_whose_json_a_full_disk_does_not_take_is_no_traceback() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "desktop_app", "info", "x", "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and all(line.startswith("sessiondock: ") for line in lines)


def test_a_closed_output_takes_no_version() -> None:
    command = f"exec {sys.executable} -m desktop_app --version >&-"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("where", ["desktop_app.cli.main", "desktop_app.window_start"])
def test_interrupted_while_it_loads(where: str) -> None:
    program = (
        "import importlib.abc, os, runpy, signal, sys\n"
        "class Strike(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == {where!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Strike()); sys.argv = ['sessiondock', 'list']\n"
        "runpy.run_module('desktop_app', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


def test_the_help_names_the_commands_before_the_many_options() -> None:
    text = parser().format_help()
    assert text.index("\ncommands:") < text.index("\nwithout a command") < text.index("--queue")


WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [*parser().commands, *parser().flags, "--", "-", "-S", "true", "x=y", "--no-vscode-server", "%s", "{}"]
    ),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=5))
def test_no_line_of_words_breaks_the_reading(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    try:
        cli.parse(words)
    except SystemExit as left:
        found = capsys.readouterr()
        assert left.code == 0 or (left.code == 2 and found.err.startswith("usage: sessiondock ") and not found.out)


@pytest.mark.parametrize("words", [("options",), ("options", "--json"), ("completion", "fish")])
def test_what_is_about_the_program_alone_makes_no_core(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    def no_core() -> Core:
        raise AssertionError("a core was made")

    assert cli.run_command(cli.parse(words), no_core) == 0
    assert capsys.readouterr().out
