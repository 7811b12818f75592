"""Opening browsers and terminals: the right command line per system, and never through a shell."""

import shlex
import sys
from pathlib import Path

import pytest

from desktop_app.adapters.os import linux, macos, windows
from desktop_app.adapters.os.start import start_detached
from tests.support.waiting import wait_until

ARGV = ["ssh", "-o", 'IdentityAgent="/home/a b/x"', "-p", "8022", "ada@127.0.0.1"]


def only(*names: str) -> linux.Which:
    return lambda name: f"/usr/bin/{name}" if name in names else None


@pytest.mark.parity("S8")
@pytest.mark.parametrize("name", [name for name, _ in linux.TERMINALS])
def test_every_terminal_gets_the_command_as_it_is(name: str) -> None:
    command = linux.terminal_command(ARGV, {}, only(name))
    assert command is not None
    assert command[0] == f"/usr/bin/{name}" and command[-len(ARGV) :] == ARGV


def test_the_persons_own_choice_comes_first() -> None:
    command = linux.terminal_command(ARGV, {"TERMINAL": "foot"}, only("foot", "xdg-terminal-exec"))
    assert command == ["/usr/bin/foot", *ARGV]
    command = linux.terminal_command(ARGV, {"TERMINAL": "my-own"}, only("my-own", "xdg-terminal-exec"))
    assert command == ["/usr/bin/my-own", "-e", *ARGV]


def test_without_a_terminal_or_a_display_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert linux.terminal_command(ARGV, {}, only()) is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert not linux.open_terminal(ARGV)
    assert not linux.open_url("http://127.0.0.1:1/x")
    monkeypatch.setenv("DISPLAY", ":99")
    assert not linux.open_terminal(ARGV)
    assert not linux.open_url("http://127.0.0.1:1/x")


@pytest.mark.skipif(sys.platform != "linux", reason="a script named xdg-open")
def test_the_desktops_opener_gets_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opener = tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf "%s|%s" "$#" "$1" > {shlex.quote(str(tmp_path / "said"))}\n')
    opener.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DISPLAY", ":99")
    assert linux.open_url("http://127.0.0.1:1/a?b=c&d='e'")
    assert (tmp_path / "said").read_text() == "1|http://127.0.0.1:1/a?b=c&d='e'"


def test_an_opener_that_fails_is_noticed() -> None:
    assert not start_detached([sys.executable, "-c", "raise SystemExit(3)"], settle=10)
    assert not start_detached(["/no/such/program"])


def test_a_program_that_stays_belongs_to_a_session_of_its_own(tmp_path: Path) -> None:
    said, done = tmp_path / "said", tmp_path / "done"
    code = (
        "import os, pathlib, sys, time\n"
        f"pathlib.Path({str(said)!r}).write_text(str(os.getsid(0) == os.getpid()))\n"
        f"while not pathlib.Path({str(done)!r}).exists(): time.sleep(0.02)\n"
    )
    assert start_detached([sys.executable, "-c", code], settle=0.05)
    try:
        assert wait_until(lambda: said.exists() and said.read_text(), "the program to start") == "True"
    finally:
        done.touch()


@pytest.mark.parity("S8")
def test_macos_quotes_for_the_shell_and_for_applescript() -> None:
    script = macos.terminal_command(ARGV)[2]
    inner = script.removeprefix('tell application "Terminal" to do script "').removesuffix('"')
    assert shlex.split(inner.replace('\\"', '"').replace("\\\\", "\\")) == ARGV


def test_windows_terminal_splits_at_semicolons_so_they_are_escaped() -> None:
    assert windows.terminal_command(["ssh", "a;b"], "wt.exe") == ["wt.exe", "new-tab", "ssh", "a\\;b"]
    assert windows.terminal_command(["ssh", "a"], None) == ["cmd.exe", "/c", "start", "", "ssh", "a"]
