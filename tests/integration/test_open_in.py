"""What editors, IDEs and file managers are told: recording stubs on the PATH instead of the programs."""

import shlex
from pathlib import Path

import pytest

from desktop_app.adapters.os import linux, macos, programs, windows
from desktop_app.domain.access.open_in import BY_KEY, OPENERS
from desktop_app.domain.access.ssh_alias import Alias

ALIAS = Alias("sd-a", f"account/{'1' * 32}", "ada", 8022, "A")
FOLDER = "/home/ada/my project/ü#1"
PATH_PART = "/home/ada/my%20project/%C3%BC%231"
QUERY_PART = "%2Fhome%2Fada%2Fmy%20project%2F%C3%BC%231"

TOLD = {
    "vscode-desktop": ("code", ["--folder-uri", f"vscode-remote://ssh-remote+sd-a{PATH_PART}"]),
    "cursor": ("cursor", ["--folder-uri", f"vscode-remote://ssh-remote+sd-a{PATH_PART}"]),
    "windsurf": ("windsurf", ["--folder-uri", f"vscode-remote://ssh-remote+sd-a{PATH_PART}"]),
    "zed": ("zed", [f"ssh://sd-a{PATH_PART}"]),
    "pycharm": (
        "jetbrains-toolbox",
        [f"jetbrains://gateway/ssh/environment?h=sd-a&launchIde=true&ideHint=PY&projectHint={QUERY_PART}"],
    ),
    "gateway": (
        "gateway",
        [f"jetbrains-gateway://connect#type=ssh&deploy=true&host=sd-a&port=8022&user=ada&projectPath={QUERY_PART}"],
    ),
    "files": ("nautilus", [f"sftp://sd-a{PATH_PART}"]),
}


@pytest.fixture
def stubs(tmp_path: Path):
    """``stubs(name)``: a program of that name that writes down its arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(name: str, where: Path = folder) -> Path:
        where.mkdir(parents=True, exist_ok=True)
        stub = where / name
        said = shlex.quote(str(tmp_path / "said"))
        stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "${{0##*/}}" "$@" > {said}\n')
        stub.chmod(0o700)
        return stub

    return make


def said(tmp_path: Path) -> list[str]:
    return (tmp_path / "said").read_text().splitlines()


def test_every_opener_is_covered() -> None:
    assert set(TOLD) == set(BY_KEY)
    assert len(BY_KEY) == len(OPENERS)


@pytest.mark.parametrize("key", TOLD)
def test_a_program_on_the_path_gets_alias_and_folder(key: str, stubs, tmp_path: Path, private_home: Path) -> None:
    name, arguments = TOLD[key]
    stub = stubs(name)
    found = programs.find(BY_KEY[key], {"PATH": str(stub.parent), "HOME": str(private_home)}, "linux")
    assert found == str(stub)
    assert programs.start(found, BY_KEY[key].told(ALIAS, FOLDER))
    assert said(tmp_path) == [name, *arguments]


@pytest.mark.parametrize("key", TOLD)
def test_what_is_not_installed_is_not_found(key: str, private_home: Path) -> None:
    assert programs.find(BY_KEY[key], {"PATH": "/nowhere", "HOME": str(private_home)}, "no system") == ""


def test_places_of_installers_are_looked_at_too(stubs, private_home: Path) -> None:
    toolbox = private_home / ".local/share/JetBrains/Toolbox"
    env = {"PATH": "/nowhere", "HOME": str(private_home)}
    stub = stubs("gateway.sh", toolbox / "apps" / "jetbrains-gateway" / "bin")
    assert programs.find(BY_KEY["gateway"], env, "linux") == str(stub)
    stub = stubs("jetbrains-toolbox", toolbox / "bin")
    assert programs.find(BY_KEY["pycharm"], env, "linux") == str(stub)
    stub.chmod(0o600)
    assert programs.find(BY_KEY["pycharm"], env, "linux") == "", "it can't be started"


def test_variables_in_places_of_windows_are_filled_in(stubs, tmp_path: Path) -> None:
    place = r"%LOCALAPPDATA%\Programs\Zed\bin\zed.exe"
    assert place in BY_KEY["zed"].places["win32"]
    assert programs._expanded(place, {"LOCALAPPDATA": r"C:\Users\a\AppData\Local"}).startswith(r"C:\Users\a\AppData")


def test_a_macos_application_gets_the_address_from_open(tmp_path: Path) -> None:
    app = tmp_path / "Applications" / "Gateway.app"
    app.mkdir(parents=True)
    found = programs.find(BY_KEY["gateway"], {"PATH": "/nowhere", "HOME": str(tmp_path)}, "darwin")
    assert found == str(app)
    assert programs.command(found, ("x://y",)) == ["open", "-a", str(app), "x://y"]


def test_a_daemon_of_the_same_name_is_no_editor(stubs, tmp_path: Path, private_home: Path) -> None:
    stub = stubs("zed", tmp_path / "sbin")
    env = {"PATH": str(stub.parent), "HOME": str(private_home)}
    assert programs.find(BY_KEY["zed"], env, "no system") == ""


def test_the_desktops_own_file_manager_comes_first(stubs, private_home: Path) -> None:
    env = {"PATH": str(stubs("nautilus").parent), "HOME": str(private_home)}
    stubs("dolphin")
    assert programs.find(BY_KEY["files"], env, "linux").endswith("nautilus")
    assert programs.find(BY_KEY["files"], {**env, "XDG_CURRENT_DESKTOP": "ubuntu:KDE"}, "linux").endswith("dolphin")


# -- terminals


def test_the_chosen_terminal_comes_before_all_others_while_it_is_installed() -> None:
    which = {name: f"/bin/{name}" for name in ("kitty", "konsole", "foot", "xterm")}.get
    kde = {"XDG_CURRENT_DESKTOP": "KDE"}
    assert linux.terminal_command(["x"], kde, which) == ["/bin/konsole", "-e", "x"]
    assert linux.terminal_command(["x"], kde, which, "kitty") == ["/bin/kitty", "x"]
    assert linux.terminal_command(["x"], {**kde, "TERMINAL": "foot"}, which, "gone") == ["/bin/foot", "x"]
    assert linux.terminal_command(["x"], {}, which) == ["/bin/konsole", "-e", "x"]


def test_the_terminals_to_choose_from_are_those_that_are_installed(stubs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(stubs("xfce4-terminal").parent))
    stubs("xterm")
    stubs("kgx")
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "XFCE")
    assert linux.terminals() == ("xfce4-terminal", "kgx", "xterm")


def test_the_chosen_terminal_is_opened(stubs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{stubs('xterm').parent}:/bin:/usr/bin")
    monkeypatch.setenv("DISPLAY", ":99")
    stubs("kitty")
    assert linux.open_terminal(["ssh", "sd-a"], "kitty")
    assert said(tmp_path) == ["kitty", "ssh", "sd-a"]


def test_macos_and_windows_know_the_choice() -> None:
    assert 'tell application "iTerm"' in macos.terminal_command(["ssh", "a b"], "iTerm")[2]
    assert "Terminal" in macos.terminals() and windows.CONSOLE in windows.terminals()
