"""What answers on a local port: asks for its first page once, as a browser would. Caller's thread; seconds at most.

Only asked of ports that the user opens: programs that speak another protocol may dislike the question.
"""

import html
import http.client
import re
import ssl

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.listening import LOOPBACK, Page
from desktop_app.domain.launch.option_checks import clean_line

ANSWER_S = 5.0
READ_BYTES = 64 * 1024
MAX_TITLE = 80
_TITLE = re.compile(rb"<title[^>]*>(.{1,300}?)</title", re.IGNORECASE | re.DOTALL)


def look_at_page(port: int, cancel: Cancel) -> Page:
    """Return whether a page is there, over http or https, and its title. Never raises for what the other side does."""
    cancel.check()
    page = _ask(http.client.HTTPConnection(LOOPBACK, port, timeout=cancel.remaining(ANSWER_S)), "http")
    if page.scheme and not _wants_tls(page):
        return page
    cancel.check()
    secure = http.client.HTTPSConnection(LOOPBACK, port, timeout=cancel.remaining(ANSWER_S), context=_any_certificate())
    found = _ask(secure, "https")
    return found if found.scheme else page


def _any_certificate() -> ssl.SSLContext:
    """Accept any certificate: it is for the browser to judge; nothing but the title is taken from this connection, and
    it runs inside the tunnel."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not the default one: that fails over a bad SSLKEYLOGFILE
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _wants_tls(page: Page) -> bool:
    """True if the server speaks TLS: such ones answer plain HTTP with 400 and a page that says so."""
    return page.status == http.client.BAD_REQUEST


def _ask(connection: http.client.HTTPConnection, scheme: str) -> Page:
    try:
        connection.request("GET", "/", headers={"Accept": "text/html"})
        answer = connection.getresponse()
        return Page(scheme, _title(answer.read(READ_BYTES)), answer.status)
    except (OSError, http.client.HTTPException, ValueError):
        return Page()
    finally:
        connection.close()


def _title(body: bytes) -> str:
    found = _TITLE.search(body)
    return clean_line(html.unescape(found[1].decode("utf-8", "replace")))[:MAX_TITLE] if found else ""
