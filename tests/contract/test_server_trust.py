"""Signing in otherwise than by a key and a public certificate: bearer tokens, company certificates, typed addresses."""

import socket
from pathlib import Path

import httpx
import pytest

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.adapters.clearml.wire.find import find_api
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.account import UNCHECKED
from desktop_app.domain.problems import AppError
from tests.support.scripted_server import NOW, URL, Answer, Script, envelope, normal, soon, token
from tests.support.server_rigs import HttpRig
from tests.support.tls_server import TlsServer


def bearer(value: str, answer: Answer = normal) -> tuple[ClearMLServer, Script]:
    script = Script(answer)
    return ClearMLServer(URL, "", value, lambda: NOW, httpx.MockTransport(script)), script


@pytest.mark.parity("accounts-token")
def test_a_bearer_token_needs_no_sign_in() -> None:
    value = token(None)
    server, script = bearer(value)
    who = server.user.whoami(soon())
    assert (who.user_name, who.server_version) == ("Ada", "2.3.0")
    assert [(endpoint, shown) for endpoint, _, shown in script.requests] == [
        ("users.get_current_user", f"Bearer {value}")
    ]


@pytest.mark.parametrize("value", ["no-token", "a.b.c", token(NOW - 1)])
def test_a_token_that_is_none_or_has_ended_never_leaves_the_computer(value: str) -> None:
    server, script = bearer(value)
    with pytest.raises(AppError) as caught:
        server.user.whoami(soon())
    assert caught.value.problem.code == "server.token_expired" and script.requests == []
    assert value not in str(caught.value)


def test_a_token_that_the_server_refuses_asks_for_a_key() -> None:
    server, _ = bearer(token(None), lambda _endpoint, _body: envelope(code=401, subcode=30, message="expired"))
    with pytest.raises(AppError, match="Make an API key"):
        server.user.whoami(soon())


def test_the_workspace_is_told_by_name() -> None:
    user = {"user": {"id": "u1", "name": "Ada", "company": {"id": "c1", "name": "Acme"}}}
    server, _ = bearer(token(None), lambda _endpoint, _body: envelope(user))
    assert server.user.whoami(soon()).company == "Acme"


# -- certificates


def reached(tls: TlsServer, trust: str) -> str:
    """The problem's code; the little TLS server hangs up after the first words."""
    server = ClearMLServer(tls.url, "KEY", "SECRET", trust=trust)
    try:
        with pytest.raises(AppError) as caught:
            server.user.whoami(soon())
        return caught.value.problem.code
    finally:
        server.close()


@pytest.mark.parity("accounts-certificates")
def test_whose_certificates_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = str(tmp_path / "cert.pem")
    with TlsServer(tmp_path) as tls:
        assert reached(tls, "") == "server.tls" and tls.received == b""
        for trust in (bundle, UNCHECKED):
            tls.received = b""
            assert reached(tls, trust) == "server.unreachable" and tls.received.startswith(b"POST /auth.login")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
        tls.received = b""
        assert reached(tls, "") == "server.unreachable" and tls.received
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
        assert reached(tls, "") == "server.tls"


def test_a_certificate_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for path in (tmp_path / "empty.pem", tmp_path / "gone.pem"):
        with pytest.raises(AppError) as caught:
            ClearMLServer(URL, "KEY", "SECRET", trust=str(path))
        assert caught.value.problem.code == "server.ca_file" and str(path) in str(caught.value)


# -- finding the API


@pytest.mark.parity("accounts-typed-host")
def test_the_api_is_found_behind_a_typed_address_without_showing_a_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
    rig = HttpRig(tmp_path)
    try:
        assert find_api("typed", (dead, rig.url), "", Cancel(20)) == rig.url
    finally:
        rig.close()
    with pytest.raises(AppError, match="“typed” was tried as http:"):
        find_api("typed", (dead,), "", Cancel(20))


def test_a_certificate_problem_ends_the_search(tmp_path: Path) -> None:
    with TlsServer(tmp_path) as tls, pytest.raises(AppError) as caught:
        find_api("typed", (tls.url, "http://127.0.0.1:1"), "", Cancel(20))
    assert caught.value.problem.code == "server.tls"
