"""Git logins of one host that are told apart by the path, as the desktop's git does it."""

import pytest

from desktop_app.domain.accounts.git_logins import parse_logins, parse_settings
from remote_bootstrap.contract.git import GitLogin, is_safe
from remote_bootstrap.machine.git import GitLogins, settings_text

FILE = """\
https://orgone:PAT-ONE@dev.azure.com/orgone/My%20Project/_git/repo%20a
https://orgtwo:PAT-TWO@dev.azure.com/orgtwo/Proj/_git/repo-b
https://first.last%40corp.example:p%40ss%3Aw%2Ford%25@git.corp.example%3a8443
https://GHUSER:tok@github.com

# comment
https://nopass@gitlab.com
ssh://x:y@host
"""


def asked(host: str, path: str = "", username: str = "") -> str:
    logins = GitLogins()
    logins.replace(parse_logins(FILE))
    found = logins.find({"protocol": "https", "host": host, "path": path, "username": username})
    return found.password if found else ""


def test_lines_are_read_with_their_escapes() -> None:
    assert [(one.host, one.path) for one in parse_logins(FILE)] == [
        ("dev.azure.com", "orgone/My Project/_git/repo a"),
        ("dev.azure.com", "orgtwo/Proj/_git/repo-b"),
        ("git.corp.example:8443", ""),
        ("github.com", ""),
    ]


def test_each_repository_gets_its_own() -> None:
    assert asked("dev.azure.com", "orgone/My Project/_git/repo a") == "PAT-ONE"
    assert asked("dev.azure.com", "orgtwo/Proj/_git/repo-b") == "PAT-TWO"
    assert asked("dev.azure.com") == "PAT-ONE", "git tells no path: the first one, as its own store"
    assert asked("git.corp.example:8443", "a/b.git") == "p@ss:w/ord%"
    assert asked("git.corp.example") == asked("dev.azure.com", "other/repo") == ""


def test_a_login_for_just_this_place_comes_before_one_for_the_host() -> None:
    logins = GitLogins()
    whole, one = GitLogin("https", "h", "a", "host"), GitLogin("https", "h", "b", "path", "x/y.git")
    logins.replace([whole, one])
    for path, password in (("x/y.git", "path"), ("z", "host"), ("", "host")):
        found = logins.find({"protocol": "https", "host": "h", "path": path})
        assert found is not None and found.password == password


@pytest.mark.parametrize(
    ("entry", "name", "value"),
    [
        ("credential.https://dev.azure.com.useHttpPath\ntrue", "credential.https://dev.azure.com.usehttppath", "true"),
        (
            "Credential.https://Dev.Azure.com.usehttppath\nfalse",
            "credential.https://Dev.Azure.com.usehttppath",
            "false",
        ),
        ("credential.useHttpPath\nyes", "credential.usehttppath", "yes"),
        ("credential.usehttppath", "credential.usehttppath", "true"),
        ("User.Name\nAda", "user.name", "Ada"),
    ],
)
def test_the_setting_travels(entry: str, name: str, value: str) -> None:
    assert parse_settings(entry + "\0") == {name: value}


BAD = ("credential.helper", "credential.https://h.helper", 'credential.https://"x".usehttppath', "user.email.x")


@pytest.mark.parametrize("name", BAD)
def test_nothing_else_of_credentials_travels(name: str) -> None:
    assert not is_safe(name) and parse_settings(f"{name}\nx\0") == {}


def test_the_sessions_git_is_told() -> None:
    text = settings_text({"credential.https://dev.azure.com.usehttppath": "true", "credential.helper": "x"}, None)
    assert text == '[credential "https://dev.azure.com"]\n\tusehttppath = "true"\n'
