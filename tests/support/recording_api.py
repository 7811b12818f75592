"""An API server that notes who asks it what, and refuses every key when told to. One thread per connection."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

TOKEN = jwt.encode({"api_version": "2.34", "server_version": "2.3.0", "identity": {}}, "k" * 32)
NO_KEY = (401, {"result_code": 401, "result_subcode": 22, "result_msg": "Unauthorized (invalid credentials)"})
FINE = (200, {"result_code": 200, "result_subcode": 0, "result_msg": "OK"})


class RecordingApi:
    """``asked``: endpoint and headers (names in lower case) of each call so far."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.refuses = False
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                endpoint = self.path.rpartition("/")[2]
                if "sessiondock-" in self.headers.get("X-ClearML-Client", "") and "lines" not in self.headers.get(
                    "Content-Type", ""
                ):
                    sys.audit("sessiondock.request", endpoint, json.loads(content or b"{}"))
                api.asked.append((endpoint, {name.lower(): value for name, value in self.headers.items()}))
                status, meta = NO_KEY if api.refuses else FINE
                body = json.dumps({"meta": meta, "data": {} if api.refuses else {"token": TOKEN}}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="recording api")
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


@contextmanager
def recording_api() -> Iterator[RecordingApi]:
    api = RecordingApi()
    try:
        yield api
    finally:
        api.close()
