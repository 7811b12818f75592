"""Single-use login pages: how a browser gets into an application without a token on any command line.

``LoginPages.open`` returns an address on 127.0.0.1 that works once and for 30 s; the page submits the application's
login form to the forwarded port. Only this user's programs get it: others see the address on the browser's command
line. One short-lived listener and thread per page, so nothing listens between uses.
"""

import html
import http.server
import logging
import os
import re
import secrets
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from string import Template

from desktop_app.adapters.loopback_peer import Peer, whose
from remote_bootstrap.contract.apps import Login

LIFE_S = 30.0
READ_S = 5.0  # a client that connects and says nothing
LOOPBACK = "127.0.0.1"
COOKIES = (re.compile(r"code-server-session-[0-9a-f]{32}"), re.compile(r"username-127-0-0-1-\d{1,5}"))
COOKIES_KEPT = 20  # of each kind: some 5 KB of sessions that may be open in this browser

_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<title>Opening…</title></head>
<body><form id="login" method="$method" action="$action" autocomplete="off">$fields
<noscript><button>Open the application</button></noscript></form>
<script nonce="$nonce">document.getElementById("login").submit()</script></body></html>
"""
)

_log = logging.getLogger(__name__)

Whose = Callable[[socket.socket], Peer]  # an accepted connection -> whose its client is


class _PageServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """One page. Threads, so that a silent client can't keep the browser out."""

    allow_reuse_address = os.name == "posix"  # on Windows it would mean: beside a program that listens there already
    daemon_threads = True
    block_on_close = False

    def __init__(self, login: Login, origin: str, secret: str, whose: Whose, port: int = 0) -> None:
        super().__init__((LOOPBACK, port), _PageHandler)
        self._whose = whose
        self.nonce = secrets.token_urlsafe(32)
        self._page: bytes | None = render(login, origin, secret, self.nonce)
        self._origin = origin
        self._lock = threading.Lock()
        self.done = threading.Event()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}/{self.nonce}"

    @property
    def headers(self) -> Mapping[str, str]:
        policy = f"default-src 'none'; script-src 'nonce-{self.nonce}'; form-action {self._origin}; base-uri 'none'"
        return {
            "Content-Type": "text/html; charset=utf-8",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Content-Security-Policy": policy,
        }

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what went wrong with one visitor; socketserver prints it, which a browser that leaves is not worth."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            _log.error("a visitor of a login page could not be served", exc_info=error)

    def take(self, path: str, host: str, client: socket.socket) -> bytes | None:
        """Return the page, for the first of this user's programs that knows the path and came to this very address."""
        if host != f"{LOOPBACK}:{self.server_address[1]}":
            return None  # another name that was made to point here
        with self._lock:
            if not secrets.compare_digest(path.encode(), f"/{self.nonce}".encode()):
                return None
            peer = self._whose(client)
            if peer is Peer.STRANGER:
                _log.warning("another user of this computer asked for a login page and did not get it")
            if peer is not Peer.OURS:
                return None
            page, self._page = self._page, None
            return page


class _PageHandler(http.server.BaseHTTPRequestHandler):
    server: _PageServer
    timeout = READ_S
    server_version = "SessionDock"
    sys_version = ""

    def do_GET(self) -> None:
        page = self.server.take(self.path, self.headers.get("Host", ""), self.connection)
        if page is None:
            self.send_error(404)
            return
        try:
            self.send_response(200)
            for name, value in self.server.headers.items():
                self.send_header(name, value)
            for name in old_cookies(self.headers.get_all("Cookie", [])):
                self.send_header("Set-Cookie", f"{name}=; Max-Age=0; Path=/")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
        finally:  # it is given once, even to a browser that left in the middle
            self.server.done.set()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the path is the key to the page."""


def old_cookies(lines: Sequence[str]) -> list[str]:
    """Return the names of sessions' cookies in these ``Cookie`` headers that are too many, the oldest first.

    Cookies know no port: a browser shows each session's to everything on 127.0.0.1, where others take no more than
    8 or 16 KB of them. It names older ones first (RFC 6265, 5.4). Who loses one signs in again by the next open.
    """
    names = list(dict.fromkeys(pair.partition("=")[0].strip() for line in lines for pair in line.split(";")))
    found: list[str] = []
    for kind in COOKIES:
        mine = [name for name in names if kind.fullmatch(name)]
        found += mine[: max(0, len(mine) - COOKIES_KEPT)]
    return found


def render(login: Login, origin: str, secret: str, nonce: str) -> bytes:
    """Return the page that submits the application's login form."""
    values = {"secret": secret, "origin": origin}
    inputs = "".join(
        f'\n<input type="hidden" name="{html.escape(name)}" value="{html.escape(value.format(**values))}">'
        for name, value in login.fields.items()
    )
    page = _PAGE.substitute(
        method=html.escape(login.method), action=html.escape(origin + login.path), fields=inputs, nonce=nonce
    )
    return page.encode("utf-8")


class LoginPages:
    """Makes login pages. Thread-safe."""

    def __init__(self, life: float = LIFE_S, whose: Whose = whose) -> None:
        self._life = life
        self._whose = whose
        self._port = 0  # of the last page: a user who forwards it from another computer need not do so again

    def open(self, login: Login, origin: str, secret: str) -> str:
        """Return the address of a new page; it is gone once served, or after 30 s."""
        try:
            server = _PageServer(login, origin, secret, self._whose, self._port)
        except OSError:  # the last page is still there, or another program has the port by now
            server = _PageServer(login, origin, secret, self._whose)
        self._port = int(server.server_address[1])
        threading.Thread(target=self._serve, args=(server,), name="login-page", daemon=True).start()
        return server.url

    def _serve(self, server: _PageServer) -> None:
        server.timeout = 0.2
        end = time.monotonic() + self._life
        try:
            while not server.done.is_set() and time.monotonic() < end:
                server.handle_request()
        except OSError:
            _log.exception("a login page could not be served")
        finally:
            server.server_close()
