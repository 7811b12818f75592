"""``sessiondock accounts import``: from files, variables and pasted text, into accounts and the keyring."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.demo.memory import FakeMemory
from desktop_app.domain.accounts.account import UNCHECKED
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.problems import problem
from tests.fakes.outside import ACCOUNT, World
from tests.support.cli_rig import Run

FILE = Credentials(
    "https://api.acme.example", "FILEKEY", "file-secret", "https://app.acme.example", source="~/clearml.conf"
)


@pytest.fixture
def world() -> World:
    return World(memory=FakeMemory())


@pytest.mark.parity("accounts-clearml-conf")
def test_everything_that_this_computer_holds(run: Run, world: World) -> None:
    world.credentials.files = {"a": FILE, "b": replace(FILE, access_key="WRONGKEY", secret="wrong", source="~/b.conf")}
    world.credentials.problems = (problem("credentials.unreadable", path="~/c.conf", why="permission denied"),)
    said = run("accounts", "import")
    assert said.code == 1, "one of them does not sign in"
    assert "Signed in as Ada Example on api.acme.example (Ada Example · " in said.err
    assert "~/b.conf: The ClearML server refuses the API key" in said.err and "permission denied" in said.err
    assert "file-secret" not in said.out + said.err
    (account,) = world.memory.accounts.all()
    assert (account.api_url, account.access_key, account.web_url) == (FILE.api_url, "FILEKEY", FILE.web_url)
    assert world.secrets.entries == {f"api-secret/{account.id}": "file-secret"}


def test_again_finds_nothing_new(run: Run, world: World) -> None:
    world.credentials.files = {"a": FILE}
    first = run("accounts", "import", "--json").json
    assert [row["workspace"] for row in first["imported"]] == [world.memory.accounts.all()[0].company]
    assert first["problems"] == [] and first["imported"][0]["certificate_checked"] is True
    assert run("accounts", "import", "--json").json == {"imported": [], "problems": []}


def test_nothing_at_all_is_said(run: Run) -> None:
    said = run("accounts", "import", "--json")
    assert said.code == 1 and said.json["error"]["code"] == "credentials.none"


def test_one_file(run: Run, world: World) -> None:
    world.credentials.files = {"x.conf": FILE}
    assert run("accounts", "import", "x.conf", "--json").json["imported"][0]["server"] == FILE.api_url
    said = run("accounts", "import", "y.conf", "--json")
    assert said.code == 1 and said.json["error"]["code"] == "credentials.unreadable"


@pytest.mark.parity("accounts-environment")
def test_the_variables(run: Run, world: World) -> None:
    assert run("accounts", "import", "--env").code == 1
    world.credentials.variables = replace(FILE, source="environment variables")
    assert run("accounts", "import", "--env").code == 0


@pytest.mark.parity("accounts-snippet")
def test_a_copied_text_on_standard_input(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "%env CLEARML_API_HOST=https://api.p.example\n%env CLEARML_API_ACCESS_KEY=K\n%env CLEARML_API_SECRET_KEY=S\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert run("accounts", "import", "-").code == 0
    assert world.memory.accounts.all()[0].api_url == "https://api.p.example"
    monkeypatch.setattr("sys.stdin", io.StringIO("nothing"))
    assert run("accounts", "import", "-").code == 1


@pytest.mark.parity("accounts-certificates")
def test_an_unchecked_certificate_is_warned_about(run: Run, world: World) -> None:
    world.credentials.files = {"a": replace(FILE, trust=UNCHECKED)}
    said = run("accounts", "import")
    assert "Warning: The server's certificate will not be checked" in said.err
    assert world.memory.accounts.all()[0].trust == UNCHECKED


def test_a_company_certificate_for_a_typed_key(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert run("accounts", "add", "app.acme.example", "K", "--ca-file", "ca.pem").code == 0
    (account,) = world.memory.accounts.all()
    assert (account.api_url, account.trust) == ("https://api.acme.example", str(Path("ca.pem").absolute()))


@pytest.mark.parity("accounts-token")
def test_a_token_becomes_an_account_of_its_user(run: Run, world: World) -> None:
    world.credentials.variables = Credentials(FILE.api_url, token="a.b.c", source="environment variables")
    assert run("accounts", "import", "--env").code == 0
    (account,) = world.memory.accounts.all()
    assert account.access_key == "" and "token that can't be renewed" in account.facts
    assert world.secrets.entries == {f"api-secret/{account.id}": "a.b.c"}
    assert account.id != ACCOUNT.id


@pytest.mark.parametrize("command", [("--queue", "default", "--yes"), ("launch",)])
def test_a_launch_starts_no_sandbox_where_there_is_a_key_to_use(
    run: Run, world: World, command: tuple[str, ...]
) -> None:
    world.credentials.files = {"a": FILE}
    said = run(*command)
    assert said.code == 1 and "accounts import" in said.err and FILE.source in said.err
    assert world.memory.accounts.all() == ()


@pytest.mark.parametrize("command", [("cleanup",), ("git", "list")])
def test_what_is_no_launch_starts_no_sandbox(run: Run, world: World, command: tuple[str, ...]) -> None:
    said = run(*command, "--json")
    assert said.code == 1 and said.json["error"]["code"] == "account.none"
    assert world.memory.accounts.all() == ()


def test_two_keys_of_one_user_on_this_computer_are_one_account(run: Run, world: World) -> None:
    """In a file and in the variables, the address spelled differently."""
    world.credentials.files = {
        "a": FILE,
        "b": replace(FILE, api_url="https://API.acme.example:443/", access_key="ENVKEY", secret="env-secret"),
    }
    assert run("accounts", "import").code == 0
    (account,) = world.memory.accounts.all()
    assert [key.access_key for key in account.all_keys] == ["ENVKEY", "FILEKEY"]
    again = run("accounts", "import")
    assert again.code == 0 and "are accounts already" in again.err
    listed = run("accounts", "list").out.splitlines()
    assert listed[1].startswith(account.id) and listed[1].endswith("ENVKEY (in use)") and "FILEKEY" in listed[2]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("accounts", "add"), "add needs the server's address and the access key: sessiondock accounts add SERVER"),
        (("accounts", "add", "https://s"), "add needs the server's address and the access key"),
        (("accounts", "remove"), "remove needs the account or the key; sessiondock accounts list shows them."),
        (("accounts", "route"), "route needs the account; sessiondock accounts list shows them."),
        (("git", "add"), "add needs the address, such as https://ada@github.com."),
        (("git", "remove"), "remove needs the address, such as https://ada@github.com."),
        (("profiles", "show"), "show needs the profile; sessiondock profiles list shows them."),
    ],
)
def test_words_that_are_missing_are_wrong_usage(
    run: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str
) -> None:
    with pytest.raises(SystemExit) as left:
        run(*words)
    said = capsys.readouterr()
    assert left.value.code == 2 and said.out == ""
    assert said.err.startswith(f"usage: sessiondock {words[0]} ") and text in said.err


def test_a_key_that_was_removed_is_offered_again(run: Run, world: World) -> None:
    world.credentials.files = {"a": FILE, "b": replace(FILE, access_key="OTHER", secret="other-secret")}
    run("accounts", "import")
    assert run("accounts", "remove", "FILEKEY").code == 0
    assert [row["keys"][0]["key"] for row in run("accounts", "import", "--json").json["imported"]] == ["FILEKEY"]


def test_a_key_as_an_account_s_name(run: Run, world: World) -> None:
    world.credentials.files = {"a": FILE}
    run("accounts", "import")
    assert run("accounts", "route", "FILEKEY").out == "direct\n"
