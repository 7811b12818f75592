"""The forms in which ClearML's page offers credentials."""

import pytest

from desktop_app.ui.wizard.snippet import Credentials, check_address, parse


@pytest.mark.parametrize("text", [
    'api {\n web_server: https://app.x\n api_server: https://api.x\n credentials {\n "access_key" = "A1"\n'
    ' "secret_key" = "s/3+t="\n }\n}',
    "export CLEARML_WEB_HOST=https://app.x\nexport CLEARML_API_HOST=https://api.x\n"
    "export CLEARML_API_ACCESS_KEY=A1\nexport CLEARML_API_SECRET_KEY=s/3+t=",
    '%env CLEARML_API_HOST=https://api.x\n%env CLEARML_API_ACCESS_KEY=A1\n%env CLEARML_API_SECRET_KEY=s/3+t=',
    '{"api_server": "https://api.x", "access_key": "A1", "secret_key": "s/3+t="}',
])  # fmt: skip
def test_every_form_is_read(text):
    assert parse(text) == Credentials("https://api.x", "A1", "s/3+t=")


def test_a_secret_is_not_in_the_repr():
    assert "s3cret" not in repr(parse('access_key="A" secret_key="s3cret"'))


@pytest.mark.parametrize("text", ["", "hello", 'access_key = "A"'])
def test_half_a_snippet_is_none(text):
    assert not parse(text).found


@pytest.mark.parametrize("address", ["https://api.clear.ml", "http://10.0.0.5:8008", "https://x.example/clearml/api"])
def test_good_addresses(address):
    assert check_address(address) == ""


@pytest.mark.parametrize("address", ["", "api.clear.ml", "ftp://x", "https://u:p@x.example", "https://x y", "https://"])
def test_bad_addresses(address):
    assert check_address(address)
