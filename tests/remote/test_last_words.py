"""What is told of a program that failed: its last words, without passwords."""

from urllib.parse import unquote

import pytest

from remote_bootstrap.process import commands


@pytest.mark.parametrize(
    "line",
    [
        "proxy host and port: ('me', '{}@10.0.0.1:9')",  # as JupyterLab writes it
        "Looking in indexes: https://me:{}@index.test/simple",
        "Proxy-Authorization for {} was refused",
    ],
)
@pytest.mark.parametrize("password", ["s3cret-of-the-proxy", "p@ss@word", "s%2Fcret"])
def test_what_a_program_says_of_its_proxy_is_told_without_the_password(
    monkeypatch: pytest.MonkeyPatch, line: str, password: str
) -> None:
    """Its last words are for everybody in the workspace."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{password}@10.0.0.1:9/")
    for written in (password, unquote(password)):
        said = commands.tail_of(line.format(written))
        assert written not in said and "***" in said
