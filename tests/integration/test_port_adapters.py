"""The files that remember forwards, and the question whether a page answers: on real files and real servers."""

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop_app.adapters.files.memory import MemoryFiles
from desktop_app.adapters.web_probe import look_at_page
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.listening import Forward, Kind, Page
from desktop_app.domain.problems import Cancelled
from tests.support.ssh_peers import Application
from tests.support.ssh_server import free_port

FORWARDS = (Forward(Kind.LOCAL, 16006, 6006), Forward(Kind.LOCAL, 8080, 80, "::1"))


def test_forwards_and_rules_are_remembered_beside_the_rest(tmp_path: Path) -> None:
    memory = MemoryFiles(tmp_path, tmp_path)
    forwards = memory.forwards
    memory.sessions.save_ports("a/1", {"local:6006": 16006})
    forwards.save("a/1", FORWARDS)
    forwards.save_always(frozenset({"tensorboard"}))
    again = MemoryFiles(tmp_path, tmp_path).forwards
    assert again.of("a/1") == FORWARDS
    assert again.of("a/2") == ()
    assert again.always() == {"tensorboard"}
    assert memory.sessions.ports("a/1") == {"local:6006": 16006}
    memory.sessions.forget("a/1")
    assert again.of("a/1") == ()


@pytest.mark.parametrize(
    "rows",
    [None, 5, [1], [{}], [{"kind": "local", "local_port": 1, "remote_port": 0}], [{"kind": "teleport"}],
     [{"kind": "local", "local_port": "1", "remote_port": 2}],
     [{"kind": "local", "local_port": 1, "remote_port": 2, "host": "evil;"}]],
)  # fmt: skip
def test_a_damaged_file_forwards_nothing(tmp_path: Path, rows: object) -> None:
    content = {"schema": 1, "sessions": {"a/1": {"forwards": rows}}, "always_forward": rows}
    for name in ("state.json", "settings.json"):
        (tmp_path / name).write_text(json.dumps(content))
    memory = MemoryFiles(tmp_path, tmp_path).forwards
    assert memory.of("a/1") == ()
    memory.always()
    memory.save("a/1", FORWARDS)
    assert memory.of("a/1") == FORWARDS


@pytest.fixture
def site() -> Iterator[Callable[[bytes, ssl.SSLContext | None], int]]:
    servers: list[http.server.ThreadingHTTPServer] = []

    def make(page: bytes, tls: ssl.SSLContext | None = None) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that speaks no TLS
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, name="site", daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield make
    for one in servers:
        one.shutdown()
        one.server_close()


def test_a_page_is_known_by_its_title(site) -> None:
    port = site(b"<html><TITLE>\n Tensor&amp;Board\x1b </TITLE>", None)
    assert look_at_page(port, Cancel(20)) == Page("http", "Tensor&Board", 200)
    assert look_at_page(site(b"", None), Cancel(20)) == Page("http", "", 200)


def test_a_page_over_tls_is_found(site, tmp_path: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "9", "-subj", "/CN=x",
               "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    assert look_at_page(site(b"<title>safe</title>", context), Cancel(20)) == Page("https", "safe", 200)


def test_what_speaks_no_http_has_no_page() -> None:
    greeter = Application(lambda client: client.sendall(b"SSH-2.0-x\r\n"))
    try:
        assert look_at_page(greeter.port, Cancel(20)) == Page()
    finally:
        greeter.close()
    assert look_at_page(free_port(), Cancel(20)) == Page()


def test_a_silent_program_is_given_up_at_the_deadline() -> None:
    silent = Application(lambda client: client.recv(1 << 20) and client.recv(1))
    try:
        assert look_at_page(silent.port, Cancel(0.5)) == Page()
    finally:
        silent.close()
    gone = Cancel()
    gone.cancel()
    with pytest.raises(Cancelled):
        look_at_page(1, gone)
