"""What an installation that failed says: its cause, and the log that stays."""

import sys
from pathlib import Path

import pytest

from desktop_app.domain.launch import option_checks
from remote_bootstrap.machine import folders, memory
from remote_bootstrap.process import commands
from remote_bootstrap.types import InstallError

NPM = """import sys
print("npm error gyp ERR! not ok")
print("npm error A complete log of this run can be found in: /cache/npm-cache/_logs/x-debug-0.log")
sys.exit(1)
"""


def test_the_log_that_stays_is_named_and_not_the_one_that_goes(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "code-server.log"
    with pytest.raises(InstallError) as caught:
        commands.run([sys.executable, "-c", NPM], "npm could not build code-server", log=log)
    assert str(log) in str(caught.value) and "_logs" not in str(caught.value) and "not ok" in str(caught.value)
    assert "_logs" in log.read_text("utf-8")


@pytest.mark.parametrize(
    ("output", "code", "out"),
    [
        ("g++: fatal error: Killed signal terminated program cc1plus", 1, True),
        ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", 134, True),
        ("c++: internal compiler error\nKilled", 1, True),
        ("", 137, True),
        ("", -9, True),
        ("OSError: [Errno 12] Cannot allocate memory", 1, True),
        ("error: skilled workers are needed", 1, False),
        ("npm error gyp ERR! not ok", 1, False),
    ],
)
def test_out_of_memory_is_told_as_that(output: str, code: int, out: bool) -> None:
    assert memory.ran_out(output, code, memory.kills()) is out


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("", True),
        ("https://example.org/code-server-4.139.1-linux-amd64.tar.gz#sha256=" + "a" * 64, True),
        ("/opt/code-server.tar.gz#sha256=" + "A" * 64, True),
        ("file:///opt/code-server.tar.gz#sha256=" + "0" * 64, True),
        ("https://example.org/code-server.tar.gz", False),
        ("https://example.org/x#sha256=" + "a" * 63, False),
        ("http://example.org/x#sha256=" + "a" * 64, False),
        ("code-server.tar.gz#sha256=" + "a" * 64, False),
    ],
)
def test_an_archive_needs_an_address_and_a_checksum(text: str, good: bool) -> None:
    assert (option_checks.archive(text) == "") is good


def test_a_cache_that_is_a_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").touch()
    monkeypatch.setenv(folders.CACHE_VARIABLE, str(tmp_path / "taken"))
    monkeypatch.setenv(folders.HOME_VARIABLE, str(tmp_path / "home"))
    assert folders.own_cache() == tmp_path / "home" / "cache" == folders.cache_folder()
