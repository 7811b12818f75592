"""The forms in which people have ClearML credentials."""

from dataclasses import replace

import pytest

from desktop_app.domain.accounts.account import UNCHECKED
from desktop_app.domain.accounts.credentials import Credentials, from_environment, from_text, from_tree

API = """api {
    # Allegro server
    web_server: https://app.x.example
    api_server: https://api.x.example
    files_server: https://files.x.example
    credentials {
        "access_key" = "A1"
        "secret_key" = "s/3+t="
    }
}"""
PASTED = {
    "as the page shows it": API,
    "without the api block": API.removeprefix("api {").removesuffix("}"),
    "squashed into one line": "    ".join(API.replace("# Allegro server", "").split("\n")),
    "squashed with single blanks": " ".join(API.replace("# Allegro server", "").split()),
    "squashed behind a comment": "# ClearML configuration  " + " ".join(API.replace("# Allegro server", "").split()),
    "exports": "export CLEARML_WEB_HOST=https://app.x.example\nexport CLEARML_API_HOST=https://api.x.example\n"
    "export CLEARML_API_ACCESS_KEY=A1\nexport CLEARML_API_SECRET_KEY='s/3+t='",
    "notebook": "%env CLEARML_WEB_HOST=https://app.x.example\n%env CLEARML_API_HOST=https://api.x.example\n"
    "%env CLEARML_API_ACCESS_KEY=A1\n%env CLEARML_API_SECRET_KEY=s/3+t=",
    "notebook with blanks": "%env CLEARML_WEB_HOST https://app.x.example\n%env CLEARML_API_HOST https://api.x.example\n"
    "%env CLEARML_API_ACCESS_KEY A1\n%env CLEARML_API_SECRET_KEY s/3+t=",
    "old names": "TRAINS_WEB_HOST=https://app.x.example TRAINS_API_HOST=https://api.x.example "
    "TRAINS_API_ACCESS_KEY=A1 TRAINS_API_SECRET_KEY=s/3+t=",
    "Windows": "set CLEARML_WEB_HOST=https://app.x.example\r\nset CLEARML_API_HOST=https://api.x.example\r\n"
    "set CLEARML_API_ACCESS_KEY=A1\r\nset CLEARML_API_SECRET_KEY=s/3+t=\r\n",
    "PowerShell": '$env:CLEARML_WEB_HOST = "https://app.x.example"; $env:CLEARML_API_HOST = "https://api.x.example"; '
    '$env:CLEARML_API_ACCESS_KEY = "A1"; $env:CLEARML_API_SECRET_KEY = "s/3+t="',
    "Python": 'os.environ["CLEARML_WEB_HOST"] = "https://app.x.example"\nos.environ["CLEARML_API_HOST"] = '
    '"https://api.x.example"\nos.environ["CLEARML_API_ACCESS_KEY"] = "A1"\n'
    "os.environ['CLEARML_API_SECRET_KEY'] = 's/3+t='",
    "JSON": '{"api": {"web_server": "https://app.x.example/", "api_server": "https://api.x.example/", '
    '"credentials": {"access_key": "A1", "secret_key": "s/3+t="}}}',
    "docker": "docker run -e CLEARML_WEB_HOST=https://app.x.example -e CLEARML_API_HOST=https://api.x.example "
    "-e CLEARML_API_ACCESS_KEY=A1 -e CLEARML_API_SECRET_KEY=s/3+t= image",
}
EXPECTED = Credentials("https://api.x.example", "A1", "s/3+t=", "https://app.x.example")


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED)
@pytest.mark.parity("accounts-snippet")
def test_every_pasted_form_is_read(text: str) -> None:
    assert replace(from_text(text, {}), files_url="") == EXPECTED


def test_the_file_server_may_be_a_bucket() -> None:
    assert from_tree({"api": {"files_server": "s3://bucket/x/"}}).files_url == "s3://bucket/x"
    assert from_environment({"CLEARML_FILES_HOST": "gs://bucket"}).files_url == "gs://bucket"


def test_only_the_keys() -> None:
    found = from_text('{"access_key": "A1", "secret_key": "s"}', {})
    assert found == Credentials("", "A1", "s") and found.found


def test_a_commented_line_is_not_taken() -> None:
    text = "api {\n # api_server: https://api.clear.ml\n api_server: http://mine:8008\n access_key: A\n secret_key: B }"
    assert from_text(text, {}).api_url == "http://mine:8008"


def test_variables_in_a_text_are_looked_up() -> None:
    text = "api { api_server: ${MY_HOST} \n access_key: ${?MY_KEY}, secret_key: ${MY_SECRET} }"
    environ = {"MY_HOST": "http://h:8008", "MY_KEY": "A", "MY_SECRET": "B"}
    assert from_text(text, environ) == Credentials("http://h:8008", "A", "B")
    assert not from_text(text, {}).found


def test_a_secret_is_not_in_the_repr() -> None:
    found = from_text('access_key="A" secret_key="s3cret" CLEARML_AUTH_TOKEN=t0ken', {})
    assert found.found and "s3cret" not in repr(found) and "t0ken" not in repr(found)


@pytest.mark.parametrize(
    "text", ["", "hello", 'access_key = "A"', "secret_key: x", "CLEARML_API_ACCESS_KEY=", "aws_access_key=A"]
)
def test_half_a_snippet_is_none(text: str) -> None:
    assert not from_text(text, {}).found


@pytest.mark.parity("accounts-environment")
def test_the_new_names_of_variables_win_over_the_old_ones() -> None:
    old = {"TRAINS_API_HOST": "http://old:8008", "TRAINS_API_ACCESS_KEY": "OLD", "TRAINS_API_SECRET_KEY": "os"}
    assert from_environment(old) == Credentials("http://old:8008", "OLD", "os")
    both = from_environment({**old, "CLEARML_API_HOST": " http://new:8008/ ", "CLEARML_API_HOST_VERIFY_CERT": "False"})
    assert (both.api_url, both.access_key, both.trust) == ("http://new:8008", "OLD", UNCHECKED)


@pytest.mark.parity("accounts-token")
def test_a_bearer_token_is_enough() -> None:
    found = from_environment({"CLEARML_AUTH_TOKEN": "abc.def.ghi"})
    assert found.found and found.token == "abc.def.ghi"


def test_what_is_missing_comes_from_the_file_but_a_key_keeps_its_own_secret() -> None:
    file = Credentials("http://file:8008", "FILE", "file-secret", "http://file:8080", trust="/ca.pem")
    assert Credentials("http://env:8008").over(file) == Credentials(
        "http://env:8008", "FILE", "file-secret", "http://file:8080", trust="/ca.pem"
    )
    merged = Credentials(access_key="ENV", secret="env-secret").over(file)
    assert (merged.api_url, merged.access_key, merged.secret) == ("http://file:8008", "ENV", "env-secret")
    assert Credentials(token="t").over(file).access_key == ""


@pytest.mark.parametrize(
    ("setting", "trust"),
    [(True, ""), ("true", ""), (False, UNCHECKED), ("no", UNCHECKED), (0, UNCHECKED), ("/etc/ca.pem", "/etc/ca.pem")],
)
@pytest.mark.parity("accounts-certificates")
def test_what_a_file_says_about_certificates(setting: object, trust: str) -> None:
    assert from_tree({"api": {"verify_certificate": setting}}).trust == trust


def test_names_of_old_files() -> None:
    tree = {"api": {"host": "http://old:8008", "credentials": {"access_key": "A", "secret_key": "B"}}}
    assert from_tree(tree) == Credentials("http://old:8008", "A", "B")
    assert from_tree({"api": "nonsense", "credentials": []}) == Credentials()
