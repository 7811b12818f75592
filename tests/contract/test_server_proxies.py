"""Proxy, certificate and TLS variables: whatever they hold, a server is reached or a sentence says what is wrong."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.adapters.clearml.wire.certificates import trusted
from desktop_app.adapters.clearml.wire.proxies import is_this_computer, proxy_for
from desktop_app.adapters.web_probe import look_at_page
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError
from tests.support.proxies import Proxy
from tests.support.scripted_server import soon
from tests.support.server_rigs import HttpRig
from tests.support.ssh_peers import Application

FAR = "http://clearml.test:8008"
ODD = (
    "socks://127.0.0.1:9", "socks5h://127.0.0.1:9", "socks4://127.0.0.1:9", "socks4a://h", "ftp://h:1", "http://",
    "http://:8", "http://h:abc", "http://h:99999", "http://h:-1", "http://[::1", "http://a b:3", "h:1", "://", ":",
    "http://\udcff:1", "http://user:pa%ss@h:1", "http://ex\x01", "socks5://" + "u" * 300 + ":p@h:1",
    "none", "[", "DIRECT",
)  # fmt: skip
NAMES = [*itertools.chain(*((f"{one}_proxy", f"{one.upper()}_PROXY") for one in ("http", "https", "all", "no", "ftp")))]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def http(tmp_path: Path) -> Iterator[HttpRig]:
    rig = HttpRig(tmp_path)
    yield rig
    rig.close()


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "https_proxy", "NO_PROXY"])
def test_no_value_keeps_this_computers_own_server_away(
    http: HttpRig, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (*ODD, "localhost,fd07:b51a::/64", "10.0.0.0/8,,::/0,[fe80::1]:3"):
        monkeypatch.setenv(name, value)
        server = http.client()
        assert server.user.whoami(soon()).user_name == "You", value
        server.close()


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("name", ["ALL_PROXY", "http_proxy", "NO_PROXY"])
def test_any_value_is_a_proxy_or_named_in_a_problem(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    try:
        ClearMLServer("http://10.255.255.1:8008", "K", "S").close()
    except AppError as error:
        assert error.problem.code == "server.proxy" and name in error.problem.detail
        assert "pa%ss" not in str(error)


@pytest.mark.parametrize("value", ["socks4://gate:1080", "http://ada:secret-word@gate:port", "ftp://gate"])
def test_a_proxy_of_no_use_is_named_with_its_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(AppError, match=r"ALL_PROXY says .*gate.*NO_PROXY") as caught:
        ClearMLServer(FAR, "K", "S")
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks", "SOCKS5"])
@pytest.mark.parametrize("login", ["", "ada:p@ss"])
def test_a_server_behind_a_socks_proxy(http: HttpRig, scheme: str, login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy("socks5", login, leads_to=int(http.url.rpartition(":")[2]))
    monkeypatch.setenv(
        "ALL_PROXY", f"{scheme}://{login.replace('p@', 'p%40')}{'@' if login else ''}127.0.0.1:{proxy.port}"
    )
    pair = http.sandbox.pair
    server = ClearMLServer(FAR, pair.access_key, pair.secret_key, http.sandbox.clock)
    try:
        assert server.user.whoami(soon()).user_name == "You"
        assert proxy.asked == [("clearml.test", 8008)]  # the name is looked up on the proxy's side
    finally:
        server.close()
        proxy.close()


def test_a_proxy_that_does_not_lead_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    server = ClearMLServer("https://clearml.test", "K", "S")
    with pytest.raises(AppError, match=r"http://127.0.0.1:9, which HTTPS_PROXY names"):
        server.user.whoami(soon())
    server.close()


def test_what_a_proxy_says_instead_of_connecting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    peer = Application(lambda client: client.recv(1000) and client.sendall(refusal))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{peer.port}")
    server = ClearMLServer("https://clearml.test", "K", "S")
    try:
        with pytest.raises(AppError, match=r"It answered HTTP 407 \(Proxy Authentication Required\)"):
            server.user.whoami(soon())
    finally:
        server.close()
        peer.close()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad\r\n\r\n", b"\x05\xff", b"\x05\x00\x05\x01\x00\x01", b"\x04", b""]
)
@pytest.mark.parametrize("login", ["", "a:b@"])
def test_a_socks_proxy_that_is_none(answer: bytes, login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Application(lambda client: client.recv(100) and client.sendall(answer))
    monkeypatch.setenv("all_proxy", f"socks5://{login}127.0.0.1:{peer.port}")
    server = ClearMLServer(FAR, "K", "S")
    try:
        with pytest.raises(AppError) as caught:
            server.user.whoami(soon())
        assert caught.value.problem.code in ("server.proxy_silent", "server.unreachable")
    finally:
        server.close()
        peer.close()


DIRECT = (
    ("*", "a.test"), ("a.test", "a.test"), (".a.test", "b.a.test"), ("*.a.test", "b.a.test"), ("A.TEST", "a.test."),
    ("a.test:8008", "a.test:8008"), ("10.0.0.0/8", "10.1.2.3"), ("fd07:b51a::/64", "[fd07:b51a::5]:8008"),
    ("fd07::1", "[fd07::1]"), ("[fd07::1]:8008", "[fd07::1]:8008"), ("x, a.test\tb.test", "b.test"),
    ("http://a.test", "a.test"),
)  # fmt: skip
PROXIED = (
    ("a.test", "ba.test"), ("a.test:81", "a.test:8008"), ("10.0.0.0/8", "11.1.2.3"), ("10.0.0.0/99", "10.0.0.1"),
    ("", "a.test"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("listed", "host", "direct"), [(*one, True) for one in DIRECT] + [(*one, False) for one in PROXIED]
)
def test_who_is_reached_directly(listed: str, host: str, direct: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gate:3128")
    monkeypatch.setenv("no_proxy", listed)
    assert (proxy_for(f"http://{host}") is None) is direct


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "x.localhost",
        "127.0.0.1",
        "127.1",
        "127.9.9.9",
        "::1",
        "0.0.0.0",
        "::ffff:127.0.0.1",
        "localhost.",
    ],
)
def test_every_spelling_of_this_computer(host: str) -> None:
    assert is_this_computer(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example", "example", "fd00::1", "128.1"])
def test_other_computers(host: str) -> None:
    assert not is_this_computer(host)


@pytest.mark.parametrize(
    "name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSLKEYLOGFILE"]
)
def test_certificate_and_tls_variables(
    http: HttpRig, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a relative name is a file that OpenSSL makes
    (tmp_path / "text").write_text("no certificate")
    odd = (
        "/nonexistent/x",
        str(tmp_path),
        str(tmp_path / "text"),
        "~nobody-there/x",
        "/proc/1/mem",
        "x" * 5000,
        "\udcff",
    )
    for value in odd:
        monkeypatch.setenv(name, value)
        server = http.client()
        assert server.user.whoami(soon()).user_name == "You", value
        server.close()
        try:
            trusted("", "https://clearml.test")
        except AppError as error:
            assert error.problem.code == "server.ca_file" and name in error.problem.detail
        assert look_at_page(1, Cancel(5)).scheme == ""


def test_the_bundle_that_a_variable_names_is_told_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text("no certificate")
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "text"))
    with pytest.raises(AppError, match="which CURL_CA_BUNDLE names"):
        trusted("", "https://clearml.test")
