"""A private git repository over https: the real ``git http-backend`` behind basic authentication, on 127.0.0.1.

One thread serves, one per request. What it was asked with is kept for the tests.
"""

import base64
import http.server
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.tls_server import self_signed

USER, PASSWORD = "ada", "s3cret p@ss/word"
EXPECTED = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class GitServer:
    """``url`` is the repository's; ``cafile`` is what a client must trust."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "private.git"
        self.authorizations: list[str] = []
        self._make_repository()
        self.cafile, key = self_signed(folder)
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cafile, key)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.host = f"127.0.0.1:{self._http.server_port}"
        self.url = f"https://{self.host}/private.git"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), name="git-server")
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def log(self, branch: str = "main") -> str:
        """Subjects and authors of what was pushed, newest first."""
        argv = ["git", "-C", str(self.repository), "log", "--format=%s by %an <%ae>", branch]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def _make_repository(self) -> None:
        def git(*arguments: str | Path) -> None:
            subprocess.run(["git", *map(str, arguments)], check=True, capture_output=True)

        git("init", "-q", "--bare", "-b", "main", self.repository)
        git("-C", self.repository, "config", "http.receivepack", "true")
        work = self.folder / "seed"
        author = ["-c", "user.name=seed", "-c", "user.email=seed@example.com"]
        git("init", "-q", "-b", "main", work)
        git("-C", work, *author, "commit", "-q", "--allow-empty", "-m", "first")
        git("-C", work, "push", "-q", self.repository, "main")

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._answer(self)

            do_POST = do_GET

            def log_message(self, *_arguments: object) -> None:
                pass

        return Handler

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        given = request.headers.get("Authorization", "")
        self.authorizations.append(given)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if given != EXPECTED:
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="private"')
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        done = subprocess.run(
            [_backend()], input=body, env=self._cgi(request, len(body)), capture_output=True, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        request.send_response(status)
        for name, value in headers:
            if name != "Status":
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def _cgi(self, request: http.server.BaseHTTPRequestHandler, length: int) -> dict[str, str]:
        path, _, query = request.path.partition("?")
        return {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": USER,
            "REQUEST_METHOD": request.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }


def _backend() -> str:
    found = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
    return shutil.which("git-http-backend", path=found) or ""


@contextmanager
def git_server(folder: Path) -> Iterator[GitServer]:
    server = GitServer(folder)
    try:
        yield server
    finally:
        server.close()
