"""ClearMLServer: one ClearML account over HTTP. With ``proxies``, who knows httpx; any thread.

This file owns the wire: sign-in, tokens, timeouts, and the translation of everything that can go wrong into a
``Problem``. What is asked over the wire is in ``calls``, what the answers mean in ``facts``.
A secret is sent in one header of one call and appears in no log line, exception or ``repr``.
"""

import base64
import http
import json
import logging
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import socksio

from desktop_app import __version__
from desktop_app.adapters.clearml.certificates import trusted
from desktop_app.adapters.clearml.finished import FinishedCalls
from desktop_app.adapters.clearml.proxies import proxy_for
from desktop_app.adapters.clearml.tokens import Refusals, Token, read_token
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError, Cancelled, failure

CONNECT_S = 3.0
READ_S = 10.0
ANSWER_S = 60.0  # for the whole of an answer, however it trickles
ANSWER_BYTES = 64 * 1024 * 1024  # unpacked; a page of tasks or of a log has some hundred kilobytes
# Once: of what is packed twice, ten kilobytes become gigabytes before anybody can count them.
PACKED = ("", "identity", "gzip", "x-gzip", "deflate")
RENEW_BEFORE_S = 60.0  # of the token's end
NEEDED_API = (2, 13)  # the first with runtime properties

# 401 subcodes of the ClearML API server.
BAD_TOKEN = 30
INVALID_TASK = 101  # of 400
# HTTP statuses of answers that are not ClearML's own.
REFUSING = (401, 403, 407, 511)
TOO_MANY = 429

REFUSED = ("server.unauthorised", "server.expired", "server.token_expired")

# What the HTTP library's SOCKS client lets through when its other side is none.
NO_SOCKS = (socksio.SOCKSError, AssertionError, IndexError, ValueError, OverflowError)

_log = logging.getLogger(__name__)

T = TypeVar("T")


class ApiRefusal(Exception):
    """The server answered with an error envelope; the calls turn it into a Problem where they know better."""

    def __init__(self, code: int, subcode: int, message: str) -> None:
        super().__init__(f"{code}/{subcode} {message}")
        self.code, self.subcode, self.message = code, subcode, message


class Connection:
    """Signed-in JSON calls to one API server. Thread-safe; answers carry the server's own time."""

    def __init__(
        self,
        api_url: str,
        access_key: str,
        secret: str,
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        trust: str = "",
        next_key: Callable[[str], tuple[str, str] | None] = lambda _refused: None,
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self._next_key = next_key
        self._switching = threading.Lock()
        self._use(access_key, secret)
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refusals = Refusals(clock)
        self._closed = False
        self._skew = 0.0
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

    def _use(self, access_key: str, secret: str) -> None:
        self._access_key = access_key
        self._bearer = "" if access_key else secret
        self._basic = base64.b64encode(f"{access_key}:{secret}".encode()).decode("ascii")

    def close(self) -> None:
        """Later calls raise Cancelled; so does a call that this interrupts."""
        self._closed = True
        self._client.close()

    def server_now(self) -> float:
        """Seconds since 1970 by the server's clock, as its last answer told."""
        return self._clock() + self._skew

    def token(self, cancel: Cancel) -> Token:
        """The valid sign-in, made or renewed when needed."""
        with self._lock:
            token = self._token
            if token is None or (token.expires is not None and token.expires - self.server_now() < RENEW_BEFORE_S):
                token = self._token = self._login(cancel)
            return token

    def call(self, endpoint: str, body: Mapping[str, Any], cancel: Cancel) -> dict[str, Any]:
        """The ``data`` of the answer; with another key of the account where the server refuses this one.

        Raises ApiRefusal for an error envelope, AppError(server.*), Cancelled.
        """
        return self._with_any_key(lambda: self._call(endpoint, body, cancel))

    def sign_in(self, cancel: Cancel) -> Token:
        """As ``call``, of the sign-in alone."""
        return self._with_any_key(lambda: self.token(cancel))

    def _with_any_key(self, work: Callable[[], T]) -> T:
        while True:
            used = self._access_key
            try:
                return work()
            except AppError as error:
                if error.problem.code not in REFUSED or not self._switch(used):
                    raise

    def _switch(self, refused: str) -> bool:
        """Whether there is another key; another thread may have found it meanwhile."""
        with self._switching:
            if self._access_key != refused:
                return True
            found = self._next_key(refused)
            if found is None:
                return False
            with self._lock:
                self._token = None
                self._use(*found)
            _log.info("%s refuses the key in use; another one of the account takes its place", self.api_url)
            return True

    def _call(self, endpoint: str, body: Mapping[str, Any], cancel: Cancel) -> dict[str, Any]:
        key = self._basic  # another thread may go over to another key at any time
        self._refusals.check(key)
        token = self.token(cancel)
        try:
            return self._post(endpoint, body, token, cancel)
        except ApiRefusal as refusal:
            if refusal.code != 401:
                raise
        _log.info("%s: signing in again", self.api_url)
        return self._call_again(endpoint, body, self._renewed(token, cancel), key, cancel)

    def _renewed(self, stale: Token, cancel: Cancel) -> Token:
        with self._lock:
            if self._token is stale or self._token is None:
                self._token = self._login(cancel)
            return self._token

    def _call_again(
        self, endpoint: str, body: Mapping[str, Any], token: Token, key: str, cancel: Cancel
    ) -> dict[str, Any]:
        try:
            return self._post(endpoint, body, token, cancel)
        except ApiRefusal as refusal:
            if refusal.code != 401:
                raise
            code = "server.expired" if refusal.subcode == BAD_TOKEN else "server.unauthorised"
            code = "server.token_expired" if self._bearer else code
            if self._token is token:
                self._token = None
            raise self._refusals.note(key, failure(code, server=self.api_url, cause=str(refusal))) from None

    def answers(self, cancel: Cancel) -> bool:
        """Whether a ClearML API server is there, without showing it a key."""
        try:
            self._request("auth.login", {}, {}, cancel)
        except ApiRefusal:
            return True  # the refusal of a call without a key is in ClearML's own form
        return True

    def _login(self, cancel: Cancel) -> Token:
        """With the lock held: of many who need it, one signs in, and what it is told of the key holds for all."""
        self._refusals.check(self._basic)
        if self._bearer:
            return self._given(self._bearer)
        try:
            data = self._request("auth.login", {}, {"Authorization": f"Basic {self._basic}"}, cancel)
        except ApiRefusal as refusal:
            if refusal.code == 401:
                refused = failure("server.unauthorised", server=self.api_url, cause=str(refusal))
                self._token = None
                raise self._refusals.note(self._basic, refused) from None
            raise self.refused(refusal) from None
        token = read_token(str(data.get("token", "")))
        if token is None:
            raise failure("server.not_clearml", server=self.api_url, cause="auth.login answered no token")
        return self._recent(token)

    def _given(self, bearer: str) -> Token:
        """A token that somebody made elsewhere: it can't be renewed."""
        token = read_token(bearer)
        if token is None or (token.expires is not None and token.expires <= self.server_now()):
            raise failure("server.token_expired", server=self.api_url)
        return self._recent(token)

    def _recent(self, token: Token) -> Token:
        if _version(token.api_version) < NEEDED_API:
            needed = ".".join(map(str, NEEDED_API))
            raise failure("server.too_old", server=self.api_url, version=token.api_version or "unknown", needed=needed)
        return token

    def refused(self, refusal: ApiRefusal) -> AppError:
        """The refusal as a problem."""
        code = "server.failed" if refusal.code >= 500 else "server.refused"
        return failure(code, server=self.api_url, answer=refusal.message.rstrip(". "), cause=str(refusal))

    def _post(self, endpoint: str, body: Mapping[str, Any], token: Token, cancel: Cancel) -> dict[str, Any]:
        return self._request(endpoint, body, {"Authorization": f"Bearer {token.value}"}, cancel)

    def _request(
        self, endpoint: str, body: Mapping[str, Any], headers: Mapping[str, str], cancel: Cancel
    ) -> dict[str, Any]:
        cancel.check()
        if self._closed:
            raise Cancelled
        sys.audit("sessiondock.request", endpoint, body)  # for whoever holds our requests to the server's rules
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
        """The whole body, unless it is larger or slower than any server of ours. Raises httpx.HTTPError, Cancelled."""
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
    """Where a redirect leads, in words; a key is sent to no other server, so it is not followed."""
    host = _host(answer.headers.get("location", ""))
    return f"It leads to {host}. " if host and host != answer.url.host else ""


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else (0, 0)


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class ClearMLServer(FinishedCalls):
    """Implements ``ports.Server`` for one account."""

    def __init__(
        self,
        api_url: str,
        access_key: str,
        secret: str,
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        trust: str = "",
        next_key: Callable[[str], tuple[str, str] | None] = lambda _refused: None,
    ) -> None:
        self._connection = Connection(api_url, access_key, secret, clock, transport, trust, next_key)
        super().__init__(self._connection.api_url)

    def call(self, endpoint: str, body: Mapping[str, Any], cancel: Cancel) -> dict[str, Any]:
        try:
            return self._connection.call(endpoint, body, cancel)
        except ApiRefusal as refusal:
            if (refusal.code, refusal.subcode) == (400, INVALID_TASK):
                raise failure("task.gone", cause=str(refusal)) from None
            raise self._connection.refused(refusal) from None

    def sign_in(self, cancel: Cancel) -> Token:
        return self._connection.sign_in(cancel)

    def server_now(self) -> float:
        return self._connection.server_now()

    def close(self) -> None:
        """Drop connections; later calls raise Cancelled."""
        self._connection.close()
