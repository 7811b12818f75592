"""The sandbox's file server: uploads, downloads, deletions and what it refuses. As recorded."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox_server import Rig, basic, rig

NAME = "/My Proj/rich session.1f1a/artifacts/workspace/w ü.tar.gz"
LARGE = 3 * 1024 * 1024  # bytes; more than any buffer on the way


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def _bearer(server: Rig) -> dict[str, str]:
    return {"Authorization": "Bearer " + server.call("auth.login")["token"]}


def _upload(server: Rig, name: str, content: bytes, headers: dict[str, str] | None = None):
    parts = {name: (io.BytesIO(content), name)}
    return server.files.post("/", data=parts, headers=headers or _bearer(server))


def test_a_file_goes_up_comes_down_and_goes_away(server: Rig) -> None:
    headers, content = _bearer(server), bytes(range(256)) * (LARGE // 256)
    assert _upload(server, NAME, content).get_json() == [NAME.lstrip("/")]
    down = server.files.get(NAME, headers=headers)
    assert (down.status_code, down.data, down.content_length) == (200, content, LARGE)
    assert "Content-Encoding" not in down.headers  # a client would unpack an archive that is to be kept as it is
    down.close()
    part = server.files.get(NAME, headers={**headers, "Range": "bytes=0-9"})
    assert (part.status_code, part.data) == (206, content[:10])
    part.close()
    assert server.files.delete(NAME, headers=headers).get_json() == NAME.lstrip("/")
    assert server.files.get(NAME, headers=headers).status_code == 404
    assert server.files.delete(NAME, headers=headers).status_code == 404


def test_an_upload_replaces_what_was_there(server: Rig) -> None:
    for content in (b"first", b"second, longer", b"3"):
        _upload(server, NAME, content)
        with server.files.get(NAME, headers=_bearer(server)) as down:
            assert down.data == content


def test_only_the_greeting_is_open_to_all(server: Rig) -> None:
    assert server.files.get("/").data == b"OK"
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        assert _upload(server, NAME, b"x", headers or {"X-None": "1"}).status_code == 401
        assert server.files.get(NAME, headers=headers).status_code == 401
        assert server.files.delete(NAME, headers=headers).status_code == 401
    assert not list((server.folder / "files").iterdir())


def test_an_expired_token_opens_nothing(server: Rig) -> None:
    _upload(server, NAME, b"x")
    headers = {"Authorization": "Bearer " + server.call("auth.login", expiration_sec=10)["token"]}
    with server.files.get(NAME, headers=headers) as down:
        assert down.status_code == 200
    server.clock.advance(10)
    assert server.files.get(NAME, headers=headers).status_code == 401
    assert server.files.get(NAME, headers={"Authorization": basic(server.pair)}).status_code == 401  # tokens only


@pytest.mark.parametrize("name", ["/../outside", "/a/../../outside", "../outside", "/a/../../files2/x", "/", "", "/."])
def test_no_name_leads_outside(server: Rig, name: str) -> None:
    before = sorted(server.folder.rglob("*"))
    if name:
        assert _upload(server, name, b"x").status_code == (404 if name != "/" else 200)
    assert sorted(server.folder.rglob("*")) == before
    (server.folder / "outside").write_text("private")
    for quoted in (name, name.replace("..", "%2e%2e"), name.replace("/", "%2F")):
        answer = server.files.get("/" + quoted.lstrip("/"), headers=_bearer(server))
        assert b"private" not in answer.data
        server.files.delete("/" + quoted.lstrip("/"), headers=_bearer(server))
    assert (server.folder / "outside").read_text() == "private"


def test_a_link_inside_is_not_followed_outside(server: Rig) -> None:
    (server.folder / "secret").write_text("private")
    (server.folder / "files" / "link").symlink_to(server.folder / "secret")
    assert server.files.get("/link", headers=_bearer(server)).status_code == 404
    assert _upload(server, "/link", b"overwritten").status_code == 404
    assert (server.folder / "secret").read_text() == "private"


@pytest.mark.parametrize("name", ["/p/w.tar.gz", "/p/w.tgz", "/p/x.csv.bz2", "/p/x.xz"])
def test_a_packed_file_comes_down_packed(server: Rig, name: str) -> None:
    _upload(server, name, b"\x1f\x8b packed")
    with server.files.get(name, headers=_bearer(server)) as down:
        assert "Content-Encoding" not in down.headers  # or clients would unpack it
        assert (down.content_type, down.data) == ("application/octet-stream", b"\x1f\x8b packed")


def test_a_name_that_no_file_can_have_is_not_found(server: Rig) -> None:
    assert server.files.get("/" + "n" * 5000, headers=_bearer(server)).status_code == 404
