"""Where the API is, from what people type."""

import pytest

from desktop_app.domain.accounts.addresses import api_addresses, check_address, web_address, without_password


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("https://app.clear.ml", "https://api.clear.ml"),
        ("https://app.clear.ml/settings/workspace-configuration", "https://api.clear.ml"),
        ("app.clear.ml", "https://api.clear.ml"),
        (" api.clear.ml/ ", "https://api.clear.ml"),
        ("https://files.clear.ml", "https://api.clear.ml"),
        ("https://demoapp.demo.clear.ml/", "https://demoapi.demo.clear.ml"),
        ("app.clearml.acme.example", "https://api.clearml.acme.example"),
        ("http://app.clearml.acme.example", "http://api.clearml.acme.example"),
        ("http://10.0.0.5:8080", "http://10.0.0.5:8008"),
        ("http://10.0.0.5:8081/x", "http://10.0.0.5:8008"),
        ("http://10.0.0.5:8008/", "http://10.0.0.5:8008"),
        ("https://api.x.example/clearml/api", "https://api.x.example/clearml/api"),
        ("https://x.example/clearml/api", "https://x.example/clearml/api"),
        ("http://[::1]:8080", "http://[::1]:8008"),
        ("https://x.example:7777", "https://x.example:7777"),
    ],
)
@pytest.mark.parity("accounts-typed-host")
def test_no_doubt(typed: str, expected: str) -> None:
    assert api_addresses(typed) == (expected,)
    assert check_address(typed) == ""


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("10.0.0.5", ("http://10.0.0.5:8008", "https://10.0.0.5:8008", "https://10.0.0.5")),
        ("gpu-box", ("http://gpu-box:8008", "https://gpu-box:8008", "https://gpu-box")),
        ("10.0.0.5:8080", ("http://10.0.0.5:8008", "https://10.0.0.5:8008")),
        ("localhost:8008", ("http://localhost:8008", "https://localhost:8008")),
        ("http://gpu-box", ("http://gpu-box", "http://gpu-box:8008")),
        (
            "x.example",
            ("http://x.example:8008", "https://x.example:8008", "https://x.example", "https://api.x.example"),
        ),
    ],
)
@pytest.mark.parity("accounts-typed-host")
def test_places_to_try(typed: str, expected: tuple[str, ...]) -> None:
    assert api_addresses(typed) == expected


@pytest.mark.parametrize(
    "typed",
    ["", " ", "ftp://x", "https://u:p@x.example", "https://x y", "https://", "http://x:99999", "http://[::1", "a:b"],
)
def test_no_address(typed: str) -> None:
    assert api_addresses(typed) == ()
    assert check_address(typed)


def test_the_web_page_beside_an_api() -> None:
    assert web_address("https://api.clear.ml") == "https://app.clear.ml"
    assert web_address("http://10.0.0.5:8008") == "http://10.0.0.5:8080"
    assert web_address("https://x.example/clearml") == ""


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("https://u:p@x.example", "https://•••@x.example"),
        ("u:p@ss@x.example:8008/a", "•••@x.example:8008/a"),
        ("https://x.example/a@b", "https://x.example/a@b"),
        ("", ""),
    ],
)
def test_a_password_in_an_address_is_not_shown(typed: str, shown: str) -> None:
    assert without_password(typed) == shown
