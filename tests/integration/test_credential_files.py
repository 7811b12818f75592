"""Reading what real home folders hold: several files, ${ENV}, encodings, and files that are none."""

import random
import socket
from pathlib import Path

import pytest

from desktop_app.adapters.files.credentials import CredentialFiles
from desktop_app.domain.accounts.account import UNCHECKED
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.problems import AppError

CONF = """# ClearML SDK configuration file
api {{
    // {name}
    web_server: https://app.{name}.example
    api_server: https://api.{name}.example
    files_server: "https://files.{name}.example"
    credentials {{"access_key": "{key}", "secret_key"  = "{secret}"}}
}}
sdk {{
    aws {{ s3 {{ key: "", credentials: [ {{ bucket: "b", key: "k", access_key: "WRONG" }}, ] }} }}
    development {{ worker {{ report_period_sec: 2, }} }}
}}
agent {{ extra_docker_arguments: ["--ipc=host", ], default_docker {{ image: "nvidia/cuda:12" }} }}
"""


def conf(name: str, key: str = "A1", secret: str = "s/3+t=#$x") -> str:
    return CONF.format(name=name, key=key, secret=secret)


@pytest.fixture
def home(private_home: Path) -> Path:
    return private_home


def write(home: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = home / name
    path.write_text(text, encoding)
    return path


@pytest.mark.parity("accounts-clearml-conf")
def test_a_real_file_is_read_and_not_written(home: Path) -> None:
    path = write(home, "clearml.conf", conf("acme"))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    found, problems = CredentialFiles({}, home).found()
    assert found == (
        Credentials(
            "https://api.acme.example",
            "A1",
            "s/3+t=#$x",
            "https://app.acme.example",
            source="~/clearml.conf",
            files_url="https://files.acme.example",
        ),
    )
    assert problems == () and before == (path.read_bytes(), path.stat().st_mtime_ns)


@pytest.mark.parity("accounts-clearml-conf")
def test_several_files_are_several_accounts_in_the_sdks_order(home: Path) -> None:
    named = write(home, "elsewhere", conf("named", "N"))
    write(home, "clearml.conf", conf("new", "C"))
    write(home, "trains.conf", conf("old", "T"))
    write(home, "clearml-work.conf", conf("work", "W"))
    write(home, "clearml_copy.conf", conf("new", "C"))
    found, _ = CredentialFiles({"CLEARML_CONFIG_FILE": str(named)}, home).found()
    assert [one.access_key for one in found] == ["N", "T", "C", "W"]
    found, _ = CredentialFiles({}, home).found()
    assert [one.source for one in found] == ["~/trains.conf", "~/clearml.conf", "~/clearml-work.conf"]


@pytest.mark.parity("accounts-environment")
def test_variables_come_first_and_take_from_the_file_what_they_lack(home: Path) -> None:
    write(home, "clearml.conf", conf("acme"))
    files = CredentialFiles({"CLEARML_API_ACCESS_KEY": "ENV", "CLEARML_API_SECRET_KEY": "es"}, home)
    found, _ = files.found()
    assert [(one.api_url, one.access_key, one.secret, one.source) for one in found] == [
        ("https://api.acme.example", "ENV", "es", "environment variables"),
        ("https://api.acme.example", "A1", "s/3+t=#$x", "~/clearml.conf"),
    ]
    assert files.environment().api_url == "https://api.clear.ml"  # alone: the SDK's default
    with pytest.raises(AppError, match="CLEARML_API_ACCESS_KEY"):
        CredentialFiles({}, home).environment()


@pytest.mark.parity("accounts-clearml-conf")
def test_substitutions(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        'base: "https://api.acme.example"\napi { api_server: ${base}":8008"\n'
        "credentials { access_key: ${MY_KEY}, secret_key: ${?MY_SECRET} } }\nsdk { x: ${NOT_SET_ANYWHERE} }"
    )
    path = write(home, "clearml.conf", text)
    environ = {"MY_KEY": "K", "MY_SECRET": "S"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    found = CredentialFiles(environ, home).read(path)
    assert (found.api_url, found.access_key, found.secret) == ("https://api.acme.example:8008", "K", "S")


def test_variables_that_are_not_set_are_named(home: Path) -> None:
    path = write(home, "clearml.conf", "api { credentials { access_key: ${MY_KEY}, secret_key: ${MY_SECRET} } }")
    with pytest.raises(AppError, match="MY_KEY, MY_SECRET is not set"):
        CredentialFiles({}, home).read(path)
    found, problems = CredentialFiles({}, home).found()  # and in the first run, which asks for no file
    assert found == () and ["MY_KEY, MY_SECRET is not set" in one.detail for one in problems] == [True]


@pytest.mark.parity("accounts-certificates")
def test_a_file_that_does_not_verify(home: Path) -> None:
    path = write(home, "clearml.conf", conf("acme") + "\napi.verify_certificate: false\n")
    assert CredentialFiles({}, home).read(path).trust == UNCHECKED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_windows_line_ends_and_byte_order_marks(home: Path, encoding: str) -> None:
    path = write(home, "clearml.conf", conf("acme").replace("\n", "\r\n"), encoding)
    assert CredentialFiles({}, home).read(path).access_key == "A1"


@pytest.mark.parity("accounts-bad-files")
def test_a_damaged_file_still_gives_its_keys(home: Path) -> None:
    path = write(home, "clearml.conf", conf("acme").replace("agent {", "agent {{{ ["))
    assert CredentialFiles({}, home).read(path).secret == "s/3+t=#$x"


@pytest.mark.parity("accounts-bad-files")
def test_files_that_cannot_be_read_are_told_and_hide_nothing(home: Path) -> None:
    write(home, "clearml.conf", conf("acme"))
    write(home, "clearml-big.conf", "x" * 1_000_001)
    (home / "trains.conf").symlink_to(home / "clearml.conf")
    found, problems = CredentialFiles({"CLEARML_CONFIG_FILE": "/nowhere/x.conf"}, home).found()
    assert [one.source for one in found] == ["~/trains.conf"]  # the same keys twice are one
    assert [str(problem.detail).partition(":")[0] for problem in problems] == [
        "/nowhere/x.conf",
        str(home / "clearml-big.conf"),
    ]
    assert "no such file" in problems[0].detail


@pytest.mark.parity("accounts-bad-files")
@pytest.mark.parametrize(
    "text", ["", "api {", "\0\1\2", "{" * 5000, "x: " + "[" * 5000, "a: ${a}", "not a config", "api: 3"]
)
def test_what_is_no_configuration_is_called_so(home: Path, text: str) -> None:
    path = write(home, "clearml.conf", text)
    with pytest.raises(AppError, match=r"holds no access key"):
        CredentialFiles({}, home).read(path)
    assert CredentialFiles({}, home).found() == ((), ())


def test_broken_text_never_breaks_the_reader(home: Path) -> None:
    whole, dice = conf("acme"), random.Random(7)
    files = CredentialFiles({}, home)
    for _ in range(60):
        at = dice.randrange(len(whole))
        mangled = (
            whole[:at] + dice.choice("{}[]\"'=:,#$\\\n\0é") * dice.randrange(1, 4) + whole[at + dice.randrange(9) :]
        )
        files.text(mangled, "x")


def test_an_include_reads_no_other_file_and_calls_nobody(home: Path) -> None:
    other = write(home, "other.conf", 'api { credentials { access_key: "X", secret_key: "Y" } }')
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        for include in (f'include "{other}"', f'include url("{url}")', f'include required(file("{other}"))'):
            text = f"api {{ {include}\n api_server: http://h:8008 }}"
            assert not CredentialFiles({}, home).text(text, "x").found
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parity("accounts-snippet")
def test_pasted_text_is_read_as_a_file_or_as_a_snippet(home: Path) -> None:
    files = CredentialFiles({}, home)
    squashed = "    ".join(line.strip() for line in conf("acme").splitlines()[1:] if "//" not in line.partition(":")[0])
    for text in (conf("acme"), squashed, "CLEARML_API_ACCESS_KEY=A1\nCLEARML_API_SECRET_KEY=s/3+t=#$x"):
        found = files.text(text, "the text")
        assert (found.access_key, found.secret, found.source) == ("A1", "s/3+t=#$x", "the text")
