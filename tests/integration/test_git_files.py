"""What git on this computer keeps is read as git itself would: logins from its files, harmless settings from itself."""

import subprocess
from pathlib import Path

import pytest

from desktop_app.adapters.files.git import read_git
from desktop_app.adapters.files.memory import MemoryFiles
from desktop_app.domain.accounts.git_logins import dumps, loads, parse_login
from desktop_app.domain.problems import AppError
from remote_bootstrap.contract.git import GitLogin

LINES = """\
https://ada:pass%40word@github.com
not a line of git's
ssh://ada:key@example.com
https://ada@no-password.example.com
http://bob:two@127.0.0.1:8080/team/project.git
"""
FOUND = (
    GitLogin("https", "github.com", "ada", "pass@word"),
    GitLogin("http", "127.0.0.1:8080", "bob", "two", "team/project.git"),
)


@pytest.mark.parity("--git-credentials", "U7")
def test_logins_and_settings_are_found(private_home: Path) -> None:
    (private_home / ".git-credentials").write_text(LINES)
    other = private_home / ".config" / "git"
    other.mkdir(parents=True)
    (other / "credentials").write_text("https://carol:three@gitlab.example.com\n")
    (private_home / "included").write_text("[user]\n\temail = ada@example.com\n")
    (private_home / ".gitconfig").write_text(
        "[user]\n\tname = Ada Löwe\n[include]\n\tpath = included\n[core]\n\tsshCommand = evil\n[alias]\n\tx = !evil\n"
        "[pull]\n\trebase = true\n[credential]\n\thelper = store\n"
    )
    found = read_git()
    assert found.logins == (*FOUND, GitLogin("https", "gitlab.example.com", "carol", "three"))
    assert found.settings == {"user.name": "Ada Löwe", "user.email": "ada@example.com", "pull.rebase": "true"}
    assert "three" not in repr(found)


def test_the_same_login_as_gits_own_store_reads(private_home: Path, tmp_path: Path) -> None:
    """git wrote the line; we read what git was told."""
    asked = "protocol=https\nhost=example.com:8443\nusername=ada b\npassword=p@ss/w:rd?#%é\n\n"
    subprocess.run(["git", "credential-store", "store"], input=asked.encode(), check=True)
    assert read_git().logins == (GitLogin("https", "example.com:8443", "ada b", "p@ss/w:rd?#%é"),)


def test_a_computer_without_git_has_nothing_to_give(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(private_home))
    assert read_git().logins == ()
    assert read_git().settings == {}


def test_an_unreadable_file_is_named(private_home: Path) -> None:
    (private_home / ".git-credentials").mkdir()
    with pytest.raises(AppError) as caught:
        read_git()
    assert caught.value.problem.code == "git.unreadable"
    assert ".git-credentials" in caught.value.problem.detail


def test_what_the_keyring_keeps_comes_back() -> None:
    assert loads(dumps(FOUND)) == FOUND
    for damaged in (None, "", "{", "[1]", '[{"host": "x"}]'):
        assert loads(damaged) == ()


@pytest.mark.parametrize("line", ["", "github.com", "https://:@x", "https://a:b%0Ac@x", "ftp://a:b@x", "https://[::1"])
def test_what_is_no_login_is_left_out(line: str) -> None:
    assert parse_login(line) is None


def test_handovers_are_remembered_beside_what_else_is_known(tmp_path: Path) -> None:
    MemoryFiles(tmp_path, tmp_path).handovers.save("acc/t", "git_credentials", "worker|address|key")
    MemoryFiles(tmp_path, tmp_path).handovers.save("acc/t", "clearml_credentials", "-")
    assert MemoryFiles(tmp_path, tmp_path).handovers.of("acc/t") == {
        "git_credentials": "worker|address|key",
        "clearml_credentials": "-",
    }
    assert MemoryFiles(tmp_path, tmp_path).handovers.of("acc/u") == {}
