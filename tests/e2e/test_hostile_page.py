"""Pages that mean harm, in the browser that is logged in to JupyterLab and code-server through our tunnel."""

import http.server
import json
import os
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from desktop_app.adapters.browser_page import LoginPages
from remote_bootstrap.contract.apps import BY_KEY
from tests.support.bootstrap_rig import bootstrap_rig
from tests.support.browser_driver import Browser
from tests.support.forwarded_apps import CODE, LAB, forwarded_apps

pytestmark = pytest.mark.e2e
SOCKET_OF_CODE = "/?reconnectionToken=1&skipWebSocketFrames=false"
READ = "fetch({url!r}, {{credentials: 'include'}}).then(r => r.text()).catch(_ => 'blocked')"
POST = (
    "fetch({url!r}, {{method: 'POST', mode: 'no-cors', credentials: 'include', body: '{{}}'}})"
    ".then(_ => 'sent').catch(_ => 'blocked')"
)
SOCKET = (
    "new Promise(done => {{ const s = new WebSocket({url!r});"
    " s.onopen = _ => done('open'); s.onerror = _ => done('blocked'); }})"
)


@dataclass(frozen=True)
class Site:
    ports: Mapping[str, int]
    secrets: Mapping[str, str]

    def at(self, app: str, path: str, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.ports[app]}{path}"

    def terminals(self) -> list[str]:
        """As the session's owner sees them."""
        request = urllib.request.Request(
            self.at(LAB, "/api/terminals"), headers={"Authorization": f"token {self.secrets[LAB]}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return [one["name"] for one in json.load(answer)]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with bootstrap_rig() as rig:
        rig.start()
        rig.wait_ready()
        with forwarded_apps(rig) as forwarded:
            yield Site(*forwarded)


@pytest.fixture
def browser(site: Site, tmp_path: Path) -> Iterator[Browser]:
    """As the person left it: logged in to both."""
    with closing(Browser(os.environ, tmp_path / "browser", (1000, 700))) as made:
        for app, there in (
            (LAB, "location.pathname.startsWith('/lab')"),
            (CODE, "location.search.includes('workspace')"),
        ):
            made.open(LoginPages().open(BY_KEY[app].login, site.at(app, ""), site.secrets[app]))
            made.wait_for(f"location.port === '{site.ports[app]}' && {there}", 90)
        yield made


@pytest.fixture
def hostile() -> Iterator[int]:
    """Somebody else's web server on this computer; its port."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>harmless</title>")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, name="hostile", daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_a_logged_in_page_can_do_all_that(site: Site, browser: Browser) -> None:
    """Else the next test would prove nothing."""
    browser.open(site.at(LAB, "/lab"))
    browser.wait_for("document.readyState === 'complete'")
    assert "kernels" in browser.evaluate(READ.format(url=site.at(LAB, "/api/status")))
    assert browser.evaluate(SOCKET.format(url=site.at(LAB, "/api/events/subscribe", "ws"))) == "open"
    browser.open(site.at(CODE, "/"))
    browser.wait_for("document.readyState === 'complete'")
    assert browser.evaluate(SOCKET.format(url=site.at(CODE, SOCKET_OF_CODE, "ws"))) == "open"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parity("S7")
def test_a_page_from_elsewhere_reads_nothing_and_starts_nothing(
    site: Site, browser: Browser, hostile: int, host: str
) -> None:
    """From another site, and from another port of the same one, to which the browser sends the same cookies."""
    before = site.terminals()
    browser.open(f"http://{host}:{hostile}/")
    browser.wait_for("document.title === 'harmless'")
    for app, path in ((LAB, "/api/contents"), (LAB, "/lab"), (CODE, "/")):
        assert browser.evaluate(READ.format(url=site.at(app, path))) == "blocked"
    for app, path in ((LAB, "/api/events/subscribe"), (CODE, SOCKET_OF_CODE)):
        assert browser.evaluate(SOCKET.format(url=site.at(app, path, "ws"))) == "blocked"
    browser.evaluate(POST.format(url=site.at(LAB, "/api/terminals")))
    assert site.terminals() == before


def test_a_name_that_leads_here_shows_nothing(site: Site, browser: Browser) -> None:
    """Every browser takes names below "localhost" for this computer: to a server the same as a rebound DNS name."""
    browser.open(site.at(LAB, "/api/contents", host="evil.localhost"))
    browser.wait_for("document.readyState === 'complete'")
    assert '"content"' not in browser.text()
    browser.open(site.at(CODE, "/", host="evil.localhost"))
    browser.wait_for("location.pathname.includes('login')")
