"""Client: one JSON question to a ClearML API server, and everything that can go wrong with it. Any thread.

The only file that speaks HTTP. It knows timeouts, proxies and certificates, bounds what an answer may hold, and turns
what fails into a ``Problem``. Who signs in, and with what, is the affair of ``connection``.
A secret is sent in one header of one call and appears in no log line, exception or ``repr``.
"""

import http
import json
import re
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import socksio

from desktop_app import __version__
from desktop_app.adapters.clearml.wire.certificates import trusted
from desktop_app.adapters.clearml.wire.proxies import proxy_for
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError, Cancelled, failure

CONNECT_S = 3.0
READ_S = 10.0
ANSWER_S = 60.0  # for the whole of an answer, however it trickles
ANSWER_BYTES = 64 * 1024 * 1024  # unpacked; a page of tasks or of a log has some hundred kilobytes
# Once: of what is packed twice, ten kilobytes become gigabytes before anything can count them.
PACKED = ("", "identity", "gzip", "x-gzip", "deflate")

# HTTP statuses of answers that are not ClearML's own.
REFUSING = (401, 403, 407, 511)
TOO_MANY = 429

# What the HTTP library's SOCKS client lets through when its other side is none.
NO_SOCKS = (socksio.SOCKSError, AssertionError, IndexError, ValueError, OverflowError)


class ApiRefusal(Exception):
    """The server answered with an error envelope; its user turns it into a Problem."""

    def __init__(self, code: int, subcode: int, message: str) -> None:
        super().__init__(f"{code}/{subcode} {message}")
        self.code = code
        self.subcode = subcode
        self.message = message

    def problem(self, server: str) -> AppError:
        """Return the refusal as an error for the user. Problems: server.failed, server.refused"""
        code = "server.failed" if self.code >= 500 else "server.refused"
        return failure(code, server=server, answer=self.message.rstrip(". "), cause=str(self))


class Client:
    """JSON calls to one API server. Thread-safe; answers carry the server's own time."""

    def __init__(
        self,
        api_url: str,
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        trust: str = "",
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self._clock = clock
        self._skew = 0.0  # seconds that the server's clock is ahead of ours
        self._closed = False
        self._proxy = None if transport else proxy_for(self.api_url)
        self._client = httpx.Client(
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            verify=trusted(trust, self.api_url),
            transport=transport,
            trust_env=False,  # the variables are read in ``proxies`` and ``certificates``
            proxy=self._proxy.proxy if self._proxy else None,
            headers={
                "User-Agent": f"SessionDock/{__version__}",
                "X-ClearML-Client": f"sessiondock-{__version__}",
                "Accept-Encoding": "gzip, deflate",
            },
        )

    def close(self) -> None:
        """Drop connections; later calls raise Cancelled, and so does a call that this interrupts."""
        self._closed = True
        self._client.close()

    def server_now(self) -> float:
        """Return seconds since 1970 by the server's clock, as its last answer told."""
        return self._clock() + self._skew

    def post(
        self, endpoint: str, body: Mapping[str, Any], headers: Mapping[str, str], cancel: Cancel
    ) -> dict[str, Any]:
        """Ask, and return the ``data`` of the answer. Raises ApiRefusal, AppError(server.*), Cancelled."""
        cancel.check()
        if self._closed:
            raise Cancelled
        sys.audit("sessiondock.request", endpoint, body)  # so that tests can hold requests to the server's rules
        timeout = httpx.Timeout(max(0.1, cancel.remaining(READ_S)), connect=max(0.1, cancel.remaining(CONNECT_S)))
        try:
            url = f"{self.api_url}/{endpoint}"
            with self._client.stream("POST", url, json=body, headers=dict(headers), timeout=timeout) as answer:
                content = self._read(answer, cancel)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise failure("server.not_clearml", server=self.api_url, cause=_cause(error)) from None
        except httpx.HTTPError as error:
            raise self._transport_problem(error) from None
        except NO_SOCKS as error:
            if self._proxy is None:
                raise
            raise self._proxy_problem(error) from None
        except RuntimeError:  # httpx: the client was closed by another thread
            if self._closed:
                raise Cancelled from None
            raise
        cancel.check()
        self._note_time(answer)
        return self._data(answer, content)

    def _read(self, answer: httpx.Response, cancel: Cancel) -> bytes:
        """Return the whole body. Raises Cancelled, and httpx.HTTPError where it is too large or too slow."""
        if answer.headers.get("content-encoding", "").strip().lower() not in PACKED:
            raise httpx.ReadError("the answer is packed in a way that was not asked for")
        content, end = bytearray(), time.monotonic() + cancel.remaining(ANSWER_S)
        for chunk in answer.iter_bytes():
            cancel.check()
            content += chunk
            if time.monotonic() > end:
                raise httpx.ReadTimeout("the answer is too slow")
            if len(content) > ANSWER_BYTES:
                raise httpx.ReadError("the answer is too large")
        return bytes(content)

    def _transport_problem(self, error: httpx.HTTPError) -> Exception:
        if self._closed:
            return Cancelled()
        if _is_certificate(error):
            return failure("server.tls", server=self.api_url, cause=_cause(error))
        if self._proxy and isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
            return self._proxy_problem(error)
        return failure("server.unreachable", server=self.api_url, cause=_cause(error))

    def _proxy_problem(self, error: Exception) -> AppError:
        assert self._proxy is not None
        said = re.match(r"\d{3}", str(error)) if isinstance(error, httpx.ProxyError) else None
        answer = f"It answered HTTP {_status(int(said.group()))}. " if said else ""
        named = {"proxy": self._proxy.shown, "variable": self._proxy.variable, "answer": answer}
        return failure("server.proxy_silent", server=self.api_url, **named, cause=_cause(error))

    def _note_time(self, answer: httpx.Response) -> None:
        try:
            self._skew = parsedate_to_datetime(answer.headers["date"]).timestamp() - self._clock()
        except (KeyError, ValueError):
            return  # no usable Date header: the clocks count as equal

    def _data(self, answer: httpx.Response, content: bytes) -> dict[str, Any]:
        try:
            envelope = json.loads(content)
            meta = envelope["meta"]
            code, subcode = int(meta["result_code"]), int(meta.get("result_subcode") or 0)
            data = envelope.get("data")
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise self._not_an_envelope(answer) from None
        if code != 200:
            raise ApiRefusal(code, subcode, str(meta.get("result_msg") or "no reason given"))
        return data if isinstance(data, dict) else {}

    def _not_an_envelope(self, answer: httpx.Response) -> AppError:
        status, host = answer.status_code, answer.url.host
        if self._proxy and answer.url.scheme == "http":  # it hands pages on, and has some of its own
            host = f"{host}, or {self._proxy.shown} before it,"
        cause = f"HTTP {status} from {host}, {answer.headers.get('content-type', 'no content type')}"
        values = {"server": self.api_url, "host": host, "status": _status(status), "cause": cause}
        if status == TOO_MANY or status >= 500:
            return failure("server.gateway", **values)
        if status in REFUSING or answer.has_redirect_location:
            return failure("server.in_between", more=_leads(answer), **values)
        return failure("server.not_clearml", server=self.api_url, cause=cause)


def _status(code: int) -> str:
    try:
        return f"{code} ({http.HTTPStatus(code).phrase})"
    except ValueError:
        return str(code)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _leads(answer: httpx.Response) -> str:
    """Say where a redirect leads; a key is sent to no other server, so it is not followed."""
    host = _host(answer.headers.get("location", ""))
    return f"It leads to {host}. " if host and host != answer.url.host else ""


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
