"""Sign-ins: what a token says, and which keys the server has just refused. Any thread; no I/O."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from desktop_app.domain.problems import AppError

REFUSED_S = 300.0  # until a key that was refused is shown to the server again, whoever asks


@dataclass(frozen=True)
class Token:
    """A sign-in. ``expires``: seconds since 1970, None = never; ``user``: whose, by id, "" where it isn't said."""

    value: str = field(repr=False)
    expires: float | None
    api_version: str
    server_version: str
    user: str = ""


def read_token(value: str) -> Token | None:
    """Return the claims that matter of a JSON Web Token, unverified (the server does that); None for anything else."""
    try:
        payload = value.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires = claims.get("exp")
        whose = claims.get("identity")
        return Token(
            value,
            None if expires is None else float(expires),
            str(claims.get("api_version", "")),
            str(claims.get("server_version", "")),
            str(whose.get("user") or "") if isinstance(whose, dict) else "",
        )
    except (IndexError, ValueError, TypeError, AttributeError, RecursionError):
        return None


class Refusals:
    """A revoked key does not get better by being shown often. ``clock`` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, AppError]] = {}  # key -> when and as what

    def note(self, key: str, error: AppError) -> AppError:
        """Remember the error, and return it to be raised."""
        self._known[key] = (self._clock(), error)
        return error

    def check(self, key: str) -> None:
        """Raise what the server said of this key, if that was a moment ago."""
        at, error = self._known.get(key, (0.0, None))
        if error is not None and 0.0 <= self._clock() - at < REFUSED_S:
            raise AppError(error.problem)
