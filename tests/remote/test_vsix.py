"""An extension by its web address: only whole, only by https or from this machine. Standard library and pytest only."""

from __future__ import annotations  # Python 3.8 can not subscript collections.abc

import contextlib
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import List  # noqa: UP035

import pytest

from remote_bootstrap.installers import vsix
from remote_bootstrap.types import InstallError

CONTENT = vsix.ZIP + b"an extension" * 1000


@contextlib.contextmanager
def site(content: bytes = CONTENT, redirect: str = "", drips: bool = False, slow: bool = False) -> Iterator[str]:
    """A web server on loopback whose every page is this; its address. ``drips``: it never stops sending; ``slow``:
    its headers never end."""
    ended = threading.Event()
    started: List[bool] = []  # noqa: UP006

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if redirect:
                self.send_response(302)
                self.send_header("Location", redirect)
                self.end_headers()
                return
            while slow and not ended.wait(0.01):
                self.wfile.write(b"HTTP/1.1 200 OK\r\n" if not started else b"x")
                started.append(True)
            if slow:
                return
            self.send_response(404 if self.path.endswith("missing.vsix") else 200)
            self.end_headers()
            self.wfile.write(content)
            while drips and not ended.wait(0.01):
                self.wfile.write(b".")

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def refused(address: str, folder: Path, **limits: float) -> str:
    with pytest.raises(InstallError) as caught:
        vsix.fetch(address, folder, **limits)  # type: ignore[arg-type]  # sizes are whole
    return str(caught.value)


@pytest.mark.parity("--vscode-extensions")
def test_it_is_fetched_whole_into_a_private_folder(tmp_path) -> None:
    with site() as url:
        found = vsix.fetch(url + "/a/my%20tool-1.0.vsix?token=secret", tmp_path / "new")
    assert found.read_bytes() == CONTENT and found.suffix == ".vsix" and found.parent == tmp_path / "new"
    assert found.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parity("--vscode-extensions", "S9")
def test_the_checksum_of_the_address_counts(tmp_path) -> None:
    with site() as url:
        right = hashlib.sha256(CONTENT).hexdigest()
        assert vsix.fetch(url + "/x.vsix#sha256=" + right.upper(), tmp_path).read_bytes() == CONTENT
        assert "another checksum" in refused(url + "/x.vsix#sha256=" + "0" * 64, tmp_path)


@pytest.mark.parity("--vscode-extensions")
def test_what_is_too_large_too_slow_missing_or_something_else(tmp_path) -> None:
    with site() as url:
        assert "larger than" in refused(url + "/x.vsix", tmp_path, most=1000)
        assert "404" in refused(url + "/missing.vsix", tmp_path) or "Not Found" in refused(
            url + "/missing.vsix", tmp_path
        )
    with site(drips=True) as url:
        assert "too long" in refused(url + "/x.vsix", tmp_path, timeout_s=0.3)
    with site(slow=True) as url:
        assert "too long" in refused(url + "/x.vsix", tmp_path, timeout_s=0.3)
    with site(b"<html>log in</html>") as url:
        assert "no .vsix file" in refused(url + "/x.vsix?key=secret", tmp_path)
        assert "secret" not in refused(url + "/x.vsix?key=secret", tmp_path)
    assert "can't be fetched" in refused("http://127.0.0.1:9/x.vsix", tmp_path)


@pytest.mark.parity("--vscode-extensions", "S9")
@pytest.mark.parametrize("address", ["http://example.org/x.vsix", "ftp://example.org/x.vsix", "file:///etc/passwd"])
def test_nobody_on_the_way_may_change_it(address, tmp_path) -> None:
    assert "no https address" in refused(address, tmp_path)
    with site(redirect=address) as url:
        assert "leads on" in refused(url + "/x.vsix", tmp_path) or "not allowed" in refused(url + "/x.vsix", tmp_path)


@pytest.mark.parity("--vscode-extensions", "S9")
@pytest.mark.parametrize(
    "address",
    ["https://me:secret@example.org/x.vsix", "https://[::1/secret.vsix", "https://example.org:secret/x.vsix"],
)
def test_what_can_not_be_an_address_is_said_without_showing_it(address, tmp_path) -> None:
    assert "secret" not in refused(address, tmp_path)
    with site(redirect=address) as url:
        assert "secret" not in refused(url + "/x.vsix", tmp_path)
