"""What names something and is empty (a shell's variable that is not set) is wrong usage, never "the only one"."""

import argparse

import pytest

from desktop_app.cli import main as cli
from desktop_app.cli.arguments import parse, parser
from desktop_app.cli.parsing.launch_options import PREFIX
from desktop_app.cli.parsing.parser import EMPTY
from desktop_app.domain.launch.options import options

SESSIONS = (
    "attach", "detach", "shutdown", "info", "log", "open", "reconnect", "password", "enqueue --queue q", "doctor",
    "sync", "ports", "files", "upload", "download", "forward", "reverse", "socks", "give", "withhold",
)  # fmt: skip
BLANKS = ("", " ", "\t", "\n")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    found = capsys.readouterr()
    assert found.out == ""
    return found.err


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("command", SESSIONS)
def test_no_command_takes_an_empty_session(capsys: pytest.CaptureFixture[str], command: str, blank: str) -> None:
    assert EMPTY in refused(capsys, *command.split(), blank)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--shutdown", ""), ("-S", ""), ("--attach", ""), ("--attach=",), ("shutdown", "--id", ""),
        ("shutdown", "--id="),
        ("list", "--account", ""), ("--account", "", "--queue", "q"), ("launch", "--profile", ""), ("--profile", ""),
        ("launch", "--again", ""), ("launch", "--queue", ""), ("launch", "--project", " "), ("--queue", ""),
        ("launch", "--continue-session", ""), ("launch", "--debugging-session", ""), ("launch", "--base-task-id", ""),
        ("launch", "--init-script", ""), ("launch", "--requirements", ""), ("launch", "--upload-files", "a", ""),
        ("upload", "s", ""), ("upload", "s", "a", ""), ("download", "s", ""), ("upload", "s", "a", "--to", ""),
        ("files", "s", ""), ("accounts", "remove", ""), ("accounts", "add", "", "KEY"), ("open", "s", ""),
        ("enqueue", "s", "--queue", ""), ("profiles", "show", ""), ("--config-file", ""),
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_argument_that_names_something_is_empty(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    said = refused(capsys, *arguments)
    assert EMPTY in said and len(said.splitlines()) == 2


def test_left_out_is_still_the_only_one_and_what_is_remembered_can_be_taken_back() -> None:
    assert parse(["shutdown"]).session == "" and parse(["--attach"]).attach == ""
    taken_back = parse(["launch", "--docker", "", "--password", "", "--store-workspace", ""])
    assert (taken_back.option_docker, taken_back.option_password) == ("", "")


def test_every_argument_is_refused_when_empty_or_is_a_launch_option_that_may_be() -> None:
    """A new argument is held to it by itself."""
    may = {name for name in vars(parse(["launch"])) if name.startswith(PREFIX)} | {PREFIX + name for name in options()}
    for name, command in parser().commands.items():
        for action in command._actions:
            takes = action.nargs not in (0, argparse.PARSER) and action.choices is None
            if takes and action.dest not in may and action.dest != "help":
                with pytest.raises((argparse.ArgumentError, argparse.ArgumentTypeError)):
                    command._get_values(action, [""])
                    pytest.fail(f"{name}: {action.dest}")
