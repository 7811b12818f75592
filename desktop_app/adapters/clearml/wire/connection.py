"""Connection: signed-in calls for one account: keys, tokens, and another key where one is refused. Any thread."""

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

from desktop_app.adapters.clearml.wire.client import ApiRefusal, Client
from desktop_app.adapters.clearml.wire.tokens import Refusals, Token, read_token
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import NextKey
from desktop_app.domain.problems import AppError, failure

RENEW_BEFORE_S = 60.0  # of the token's end
NEEDED_API = (2, 13)  # the first with runtime properties

# 401 subcodes of the ClearML API server.
BAD_TOKEN = 30
INVALID_TASK = 101  # of 400

REFUSED = ("server.unauthorised", "server.expired", "server.token_expired")

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Connection:
    """Signed-in JSON calls to one API server. Thread-safe.

    ``next_key`` is asked for another key of the account when the server refuses the one in use.
    """

    def __init__(
        self,
        api_url: str,
        access_key: str,
        secret: str,
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        trust: str = "",
        next_key: NextKey = lambda _refused: None,
    ) -> None:
        self._client = Client(api_url, clock, transport, trust)
        self._next_key = next_key
        self._switching = threading.Lock()
        self._use(access_key, secret)
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refusals = Refusals(clock)

    def _use(self, access_key: str, secret: str) -> None:
        self._access_key = access_key
        self._bearer = "" if access_key else secret
        self._basic = base64.b64encode(f"{access_key}:{secret}".encode()).decode("ascii")

    @property
    def api_url(self) -> str:
        return self._client.api_url

    def close(self) -> None:
        """Drop connections; later calls raise Cancelled, and so does a call that this interrupts."""
        self._client.close()

    def server_now(self) -> float:
        """Return seconds since 1970 by the server's clock, as its last answer told."""
        return self._client.server_now()

    def token(self, cancel: Cancel) -> Token:
        """Return the valid sign-in, made or renewed when needed. Problems: server.*"""
        with self._lock:
            token = self._token
            if token is None or (token.expires is not None and token.expires - self.server_now() < RENEW_BEFORE_S):
                token = self._token = self._login(cancel)
            return token

    def call(self, endpoint: str, body: Mapping[str, Any], cancel: Cancel) -> dict[str, Any]:
        """Return the ``data`` of the answer. Problems: server.*, task.gone"""
        try:
            return self._with_any_key(lambda: self._call(endpoint, body, cancel))
        except ApiRefusal as refusal:
            if (refusal.code, refusal.subcode) == (400, INVALID_TASK):
                raise failure("task.gone", cause=str(refusal)) from None
            raise refusal.problem(self.api_url) from None

    def sign_in(self, cancel: Cancel) -> Token:
        """Return the valid sign-in. Asked for once before several questions at a time would each need it.

        Problems: server.*
        """
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
        """Go over to another key of the account. True if there is one; another thread may have found it meanwhile."""
        with self._switching:
            if self._access_key != refused:
                return True
            key = self._next_key(refused)
            if key is None:
                return False
            with self._lock:
                self._token = None
                self._use(*key)
            _log.info("%s refuses the key in use; another one of the account takes its place", self.api_url)
            return True

    def _call(self, endpoint: str, body: Mapping[str, Any], cancel: Cancel) -> dict[str, Any]:
        key = self._basic  # another thread may go over to another key at any time
        self._refusals.check(key)
        token = self.token(cancel)
        try:
            return self._client.post(endpoint, body, _bearer(token), cancel)
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
            return self._client.post(endpoint, body, _bearer(token), cancel)
        except ApiRefusal as refusal:
            if refusal.code != 401:
                raise
            code = "server.expired" if refusal.subcode == BAD_TOKEN else "server.unauthorised"
            code = "server.token_expired" if self._bearer else code
            if self._token is token:
                self._token = None
            raise self._refusals.note(key, failure(code, server=self.api_url, cause=str(refusal))) from None

    def _login(self, cancel: Cancel) -> Token:
        """Sign in, with the lock held: of many threads one asks, and what the server says of the key holds for all."""
        self._refusals.check(self._basic)
        if self._bearer:
            return self._given(self._bearer)
        try:
            data = self._client.post("auth.login", {}, {"Authorization": f"Basic {self._basic}"}, cancel)
        except ApiRefusal as refusal:
            if refusal.code == 401:
                refused = failure("server.unauthorised", server=self.api_url, cause=str(refusal))
                self._token = None
                raise self._refusals.note(self._basic, refused) from None
            raise refusal.problem(self.api_url) from None
        token = read_token(str(data.get("token", "")))
        if token is None:
            raise failure("server.not_clearml", server=self.api_url, cause="auth.login answered no token")
        return self._recent(token)

    def _given(self, bearer: str) -> Token:
        """Read a token that was made elsewhere and can't be renewed. Problems: server.token_expired, server.too_old"""
        token = read_token(bearer)
        if token is None or (token.expires is not None and token.expires <= self.server_now()):
            raise failure("server.token_expired", server=self.api_url)
        return self._recent(token)

    def _recent(self, token: Token) -> Token:
        """Return the token if the server is new enough. Problems: server.too_old"""
        if _version(token.api_version) < NEEDED_API:
            needed = ".".join(map(str, NEEDED_API))
            raise failure("server.too_old", server=self.api_url, version=token.api_version or "unknown", needed=needed)
        return token


def _bearer(token: Token) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.value}"}


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else (0, 0)
