"""Cookies of sessions that ended, in a real browser: however many there were, it keeps a bounded number of them."""

import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from desktop_app.adapters.browser_page import COOKIES_KEPT, LoginPages
from remote_bootstrap.contract.apps import Login
from tests.support.browser_driver import Browser

pytestmark = pytest.mark.e2e
LOGIN = Login("post", "/login", {"password": "{secret}"})


class _Session(http.server.BaseHTTPRequestHandler):
    """Plays one session after the other: each login gives the browser one cookie more, of a name of its own."""

    logins = 0

    def do_POST(self) -> None:
        type(self).logins += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Set-Cookie", f"code-server-session-{type(self).logins:032x}=secret; Path=/; SameSite=Lax")
        self.send_header("Set-Cookie", f"username-127-0-0-1-{8000 + type(self).logins}=me; Path=/")
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>in</title>")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def origin() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Session) as server:
        threading.Thread(target=server.serve_forever, name="session", daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_old_sessions_cookies_do_not_pile_up(origin: str, tmp_path: Path) -> None:
    with closing(Browser(os.environ, tmp_path / "browser", (600, 400))) as browser:
        for number in range(1, COOKIES_KEPT + 6):
            browser.open(LoginPages().open(LOGIN, origin, "secret"))
            browser.wait_for(f"document.cookie.includes('{number:032x}') && document.title === 'in'", 30)
        cookies = sorted(pair.partition("=")[0] for pair in str(browser.evaluate("document.cookie")).split("; "))
    newest = range(number - COOKIES_KEPT, number + 1)
    assert cookies == sorted(
        [f"code-server-session-{one:032x}" for one in newest] + [f"username-127-0-0-1-{8000 + one}" for one in newest]
    )
