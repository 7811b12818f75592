"""The single-use login page: one visit, one address, thirty seconds, and a form that holds what it should."""

import html
import re
import socket
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

import httpx
import pytest

from desktop_app.adapters.browser_page import LoginPages, render
from desktop_app.adapters.loopback_peer import Peer
from remote_bootstrap.contract.apps import APPS, AppSpec, Login
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until

ORIGIN = "http://127.0.0.1:8898"
SECRET = "p\"a'<ss>&word{}%"
POST = Login("post", "/login", {"password": "{secret}", "base": ".", "href": "{origin}/login"})


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as made:
        yield made


def gone(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), 1).close()
    except OSError:
        return True
    return False


def test_the_page_submits_the_applications_form(client: httpx.Client) -> None:
    answer = client.get(LoginPages().open(POST, ORIGIN, SECRET))
    assert answer.status_code == 200
    assert '<form id="login" method="post" action="http://127.0.0.1:8898/login"' in answer.text
    inputs = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', answer.text))
    assert {name: html.unescape(value) for name, value in inputs.items()} == {
        "password": SECRET, "base": ".", "href": "http://127.0.0.1:8898/login",
    }  # fmt: skip


def test_it_is_served_once_and_then_gone(client: httpx.Client) -> None:
    url = LoginPages().open(POST, ORIGIN, SECRET)
    assert client.get(url).status_code == 200
    wait_until(lambda: gone(url), "the page's port to be closed")


def test_nobody_caches_frames_or_is_told_about_it(client: httpx.Client) -> None:
    headers = client.get(LoginPages().open(POST, ORIGIN, SECRET)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert f"form-action {ORIGIN}" in headers["content-security-policy"]


def test_the_address_holds_no_secret_and_is_never_the_same() -> None:
    pages = LoginPages(life=0.1)
    urls = [pages.open(POST, ORIGIN, "the-secret-text") for _ in range(3)]
    assert len({urlsplit(url).path for url in urls}) == 3
    assert all(len(urlsplit(url).path) > 40 and "secret" not in url for url in urls)
    for url in urls:
        wait_until(partial(gone, url), "the page to end")


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/lab", "/" + "A" * 43])
def test_a_guess_gets_nothing_and_does_not_use_it_up(client: httpx.Client, path: str) -> None:
    url = LoginPages().open(POST, ORIGIN, "the-secret-text")
    guess = client.get(url.rpartition("/")[0] + path)
    assert guess.status_code == 404 and "the-secret-text" not in guess.text
    assert client.get(url).status_code == 200


def test_another_name_for_this_computer_gets_nothing(client: httpx.Client) -> None:
    """A web page whose name was made to point to 127.0.0.1 (DNS rebinding)."""
    url = LoginPages().open(POST, ORIGIN, "the-secret-text")
    assert client.get(url, headers={"Host": "evil.example"}).status_code == 404
    assert client.get(url).status_code == 200


def test_another_user_of_this_computer_gets_nothing_and_does_not_use_it_up(
    client: httpx.Client, expected_log: ExpectLog
) -> None:
    expected_log("another user of this computer")
    answers = iter([Peer.STRANGER, Peer.OURS])
    url = LoginPages(whose=lambda _client: next(answers)).open(POST, ORIGIN, "the-secret-text")
    stolen = client.get(url)
    assert stolen.status_code == 404 and "the-secret-text" not in stolen.text
    assert client.get(url).status_code == 200


def test_other_methods_get_nothing(client: httpx.Client) -> None:
    url = LoginPages().open(POST, ORIGIN, "the-secret-text")
    assert client.post(url).status_code == 501
    assert client.get(url).status_code == 200


def test_it_ends_by_itself() -> None:
    url = LoginPages(life=0.1).open(POST, ORIGIN, SECRET)
    wait_until(lambda: gone(url), "the page to end")


def test_a_silent_visitor_keeps_nobody_out(client: httpx.Client) -> None:
    url = LoginPages().open(POST, ORIGIN, SECRET)
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 0), 5):
        assert client.get(url).status_code == 200


@pytest.mark.parametrize("app", [app for app in APPS if app.opens == "browser"], ids=lambda app: app.key)
def test_every_application_can_be_rendered(app: AppSpec) -> None:
    page = render(app.login, ORIGIN, "the-secret-text", "nonce").decode()
    assert "the-secret-text" in page and "{secret}" not in page and "{origin}" not in page


def test_cookies_of_sessions_that_are_too_many_go_the_oldest_first(client: httpx.Client) -> None:
    code = [f"code-server-session-{number:032x}" for number in range(30)]
    lab = [f"username-127-0-0-1-{number}" for number in range(8000, 8025)]
    others = ["_xsrf", "code-server-session", "code-server-session-mine", "username-127-0-0-1", "theirs"]
    line = "; ".join(f"{name}=x" for name in [*code, *others, *lab])
    answer = client.get(LoginPages().open(POST, ORIGIN, SECRET), headers={"Cookie": line})
    ended = answer.headers.get_list("set-cookie")
    assert ended == [f"{name}=; Max-Age=0; Path=/" for name in [*code[:10], *lab[:5]]]
