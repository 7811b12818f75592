"""What a user types reaches the log's redactor before the first request that carries it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import AppError
from desktop_app.services.core import Core
from tests.fakes.outside import ACCOUNT, World

PASSPHRASE = "battery staple horse"


class Redacted:
    """A core whose server and keyring note what the redactor knew when they were asked first."""

    def __init__(self) -> None:
        self.world = World()
        self.known: set[str] = set()
        self.at_first: set[str] | None = None
        outside = self.world.outside()
        self.core = Core(replace(outside, register_secret=self.known.add, connect_server=self._connected), "cli")
        self.world.server().on_call = lambda _name: self._asked()

    def _connected(self, *arguments: Any) -> Server:
        self._asked()
        return self.world.connect_server(*arguments)

    def _asked(self) -> None:
        if self.at_first is None:
            self.at_first = set(self.known)

    def knew(self, secret: str, work: Callable[[], object]) -> bool:
        """Whether the redactor knew it by the first request of ``work``, or by its end where it makes none."""
        with suppress(AppError):  # what comes of it is not the matter
            work()
        return secret in (self.known if self.at_first is None else self.at_first)


@pytest.fixture
def redacted() -> Redacted:
    return Redacted()


def test_an_api_secret_that_is_typed(redacted: Redacted) -> None:
    typed = Credentials(ACCOUNT.api_url, "NEWKEY", " a-typed-secret ")
    assert redacted.knew("a-typed-secret", lambda: redacted.core.credentials.use(typed, Cancel(5)))
    redacted.core.close()


def test_a_token_that_is_pasted(redacted: Redacted) -> None:
    pasted = Credentials(ACCOUNT.api_url, "", "", token="a-pasted-token")
    assert redacted.knew("a-pasted-token", lambda: redacted.core.credentials.use(pasted, Cancel(5)))
    redacted.core.close()


@pytest.mark.parametrize("field", ["password", "attach_passphrase"])
def test_the_secrets_of_a_launch(redacted: Redacted, field: str) -> None:
    typed: dict[str, Any] = {field: PASSPHRASE}
    spec = replace(LaunchSpec(queue="default"), **typed)
    launch = redacted.core.launches.launch
    assert redacted.knew(PASSPHRASE, lambda: launch(ACCOUNT.id, spec, Cancel(5), attach=False))
    redacted.core.close()


def test_the_password_of_a_proxy(redacted: Redacted) -> None:
    route = "socks5://ada@proxy.example.com:1080"
    assert redacted.knew(PASSPHRASE, lambda: redacted.core.routes.set(ACCOUNT, route, PASSPHRASE, Cancel(5)))
    redacted.core.close()


def test_the_password_of_a_git_server(redacted: Redacted) -> None:
    address = "https://ada@git.example.com"
    assert redacted.knew(PASSPHRASE, lambda: redacted.core.git_logins.add(ACCOUNT.id, address, PASSPHRASE))
    redacted.core.close()


@pytest.mark.parametrize("action", ["unlock", "set_passphrase"])
def test_the_passphrase_of_a_session(redacted: Redacted, action: str) -> None:
    session = redacted.core.launches.launch(ACCOUNT.id, LaunchSpec(queue="default"), Cancel(5), attach=False)
    redacted.at_first = None
    use = getattr(redacted.core.keys, action)
    assert redacted.knew(PASSPHRASE, lambda: use(session, PASSPHRASE, Cancel(5)))
    redacted.core.close()
