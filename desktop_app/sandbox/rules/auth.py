"""Who is calling: API keys, tokens, and the identities behind them. Any thread; its state is in the store.

An API secret is 52 random characters (309 bits) that only this module makes, so one salted SHA-256 is as strong as a
slow hash would be (nobody can guess them) and every call stays fast. The secret itself is never stored.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import string
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import jwt

from desktop_app.sandbox.rules import errors
from desktop_app.sandbox.rules.limits import Clock, Limits
from desktop_app.sandbox.rules.store import Document, Store

API_VERSION = "2.34"
SERVER_VERSION = "2.3.0"  # the server whose behaviour this one follows
YEAR = 365 * 86400  # seconds; no token lives longer
KEPT_CREDENTIALS = 16  # per user; minting one more forgets the one that was used longest ago

_KEY_LETTERS = string.ascii_uppercase + string.digits
_SECRET_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Identity:
    """The user behind a call."""

    user: str
    user_name: str
    company: str
    company_name: str
    role: str
    session: str = ""  # of the token that was shown, if it was one


ANYBODY = Identity("", "", "", "", "user")  # whoever calls what needs no credentials


@dataclass(frozen=True)
class Credential:
    """An API key pair. Only the one that asked for it ever sees the secret."""

    access_key: str
    secret_key: str = field(repr=False)


class Auth:
    """Checks keys and tokens. ``signing_key`` signs the tokens and must stay the same for them to survive a restart."""

    def __init__(self, store: Store, signing_key: bytes, limits: Limits, clock: Clock) -> None:
        self._store = store
        self._signing_key = signing_key
        self._limits = limits
        self._clock = clock

    def ensure_user(self, company: str, name: str, role: str = "user") -> str:
        """Return the id of the user of that name, made if absent, with its company."""
        for user in self._store.all("user"):
            if user["name"] == name:
                return str(user["id"])
        with self._store.transaction():
            company_id = self._ensure_company(company)
            user = {"id": uuid.uuid4().hex, "name": name, "role": role, "company": company_id, "created": self._clock()}
            self._store.put("user", user)
        return str(user["id"])

    def _ensure_company(self, name: str) -> str:
        for company in self._store.all("company"):
            if company["name"] == name:
                return str(company["id"])
        company = {"id": uuid.uuid4().hex, "name": name}
        self._store.put("company", company)
        return str(company["id"])

    def mint(self, user: str, label: str = "") -> Credential:
        """Make a new key pair of that user."""
        access_key = "".join(secrets.choice(_KEY_LETTERS) for _ in range(30))
        secret_key = "".join(secrets.choice(_SECRET_LETTERS) for _ in range(52))
        salt = secrets.token_hex(16)
        row = {
            "id": access_key,
            "user": user,
            "label": label,
            "salt": salt,
            "hash": _digest(salt, secret_key),
            "used": self._clock(),
        }
        with self._store.transaction():
            mine = sorted(self.credentials(user), key=lambda c: c["used"])
            for old in mine[: max(0, len(mine) + 1 - KEPT_CREDENTIALS)]:
                self._store.delete("credential", old["id"])
            self._store.put("credential", row)
        return Credential(access_key, secret_key)

    def credentials(self, user: str) -> list[Document]:
        """Return that user's keys, oldest first, without their secrets."""
        return [row for row in self._store.all("credential") if row["user"] == user]

    def credential(self, user: str, access_key: str) -> Document | None:
        """Return the key of that name, if it is that user's."""
        row = self._store.get("credential", access_key)
        return row if row is not None and row["user"] == user else None

    def revoke(self, identity: Identity) -> None:
        """Let the token of that call no longer count; does nothing where the call showed a key."""
        if identity.session:
            now = self._clock()
            for old in self._store.all("revoked"):
                if old["until"] < now:
                    self._store.delete("revoked", old["id"])
            self._store.put("revoked", {"id": identity.session, "until": now + YEAR})

    def knows(self, access_key: str, secret_key: str) -> str | None:
        """Return the id of the user whose pair this is."""
        row = self._store.get("credential", access_key)
        if row is None or not hmac.compare_digest(row["hash"], _digest(row["salt"], secret_key)):
            return None
        self._note_use(row)
        return str(row["user"])

    def _note_use(self, row: Document) -> None:
        if self._clock() - row["used"] > 3600:  # exact times are of no use; writing at every login would be
            self._store.put("credential", {**row, "used": self._clock()})

    def authenticate(self, header: str | None) -> Identity:
        """Return the user that the Authorization header names. Raises ApiError 401 with the recorded subcodes."""
        if not header:
            raise errors.no_credentials()
        kind, _, value = header.partition(" ")
        if kind == "Bearer":
            return self.of_token(value)
        if kind == "Basic":
            return self._of_basic(value)
        raise errors.unknown_scheme()

    def _of_basic(self, value: str) -> Identity:
        try:
            access_key, _, secret_key = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise errors.bad_credentials() from error
        user = self.knows(access_key, secret_key)
        if user is None:
            raise errors.bad_credentials()
        return self.identity(user)

    def of_token(self, token: str) -> Identity:
        """Return the user of a token. Raises ApiError 401/30 for anything but a token of ours that is still valid."""
        if token != token.strip():
            raise errors.bad_token("Invalid header padding")
        try:
            claims = jwt.decode(
                token, self._signing_key, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
            )
        except jwt.InvalidTokenError as error:
            raise errors.bad_token(str(error)) from error
        if claims.get("exp", 0) <= self._clock():
            raise errors.bad_token("Signature has expired")
        session = str(claims.get("session_id", ""))
        if self._store.get("revoked", session) is not None:
            raise errors.bad_token("revoked token")
        return replace(self.identity(str(claims.get("identity", {}).get("user", ""))), session=session)

    def identity(self, user: str) -> Identity:
        found = self._store.get("user", user)
        if found is None:
            raise errors.bad_token("unknown user")
        company = self._store.get("company", found["company"]) or {}
        return Identity(user, found["name"], found["company"], str(company.get("name", "")), found["role"])

    def issue(self, identity: Identity, expiration: float | None) -> str:
        """Make a token good for ``expiration`` seconds (at most a year; without one, the server's own limit)."""
        now = self._clock()
        life = min(expiration, YEAR) if expiration else self._limits.token
        claims: dict[str, Any] = {
            "session_id": uuid.uuid4().hex,
            "iat": int(now),
            "exp": int(now + life),
            "auth_type": "Bearer",
            "env": "<unknown>",
            "identity": {
                "user": identity.user,
                "user_name": identity.user_name,
                "company": identity.company,
                "company_name": identity.company_name,
                "role": identity.role,
            },
            "api_version": API_VERSION,
            "server_version": SERVER_VERSION,
            "server_build": "",
            "feature_set": "basic",
        }
        return jwt.encode(claims, self._signing_key, algorithm="HS256")


def _digest(salt: str, secret_key: str) -> str:
    return hashlib.sha256(f"{salt}:{secret_key}".encode()).hexdigest()
