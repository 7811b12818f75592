"""A first run as it happens: a home folder with a clearml.conf, a server behind HTTP, and the real core between."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.compose import build_core
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.problems import AppError
from desktop_app.services.core import Core
from tests.support.server_rigs import HttpRig

CONF = """api {{
    web_server: {url}
    api_server: {url}
    files_server: {url}
    credentials {{
        "access_key" = "{key}"
        "secret_key" = ${{MY_CLEARML_SECRET}}
    }}
}}
"""


@pytest.fixture
def http(tmp_path: Path) -> Iterator[HttpRig]:
    rig = HttpRig(tmp_path)
    yield rig
    rig.close()


@pytest.fixture
def secrets() -> FakeSecretStore:
    return FakeSecretStore()


@pytest.fixture
def core(secrets: FakeSecretStore) -> Iterator[Core]:
    made = build_core(role="cli", secrets=secrets)
    yield made
    made.close()


@pytest.mark.parity("accounts-first-run", "accounts-clearml-conf")
def test_the_key_of_a_clearml_conf_signs_in_and_ends_up_in_the_keyring_only(
    http: HttpRig, core: Core, secrets: FakeSecretStore, private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = http.sandbox.pair
    monkeypatch.setenv("MY_CLEARML_SECRET", pair.secret_key)
    conf = private_home / "clearml.conf"
    conf.write_text(CONF.format(url=http.url, key=pair.access_key))
    offer = core.credentials.found(Cancel(20))
    assert [one.source for one in offer.found] == ["~/clearml.conf"] and core.accounts.all() == ()
    account = core.credentials.use(offer.found[0], Cancel(20))
    assert account.user_name == "You" and account.company == "Company" and account.server_version
    assert secrets.entries == {f"api-secret/{account.id}": pair.secret_key}
    assert [queue.name for queue in core.launches.queues(account.id, Cancel(20))] == ["default"]
    assert core.credentials.found(Cancel(20)).known == 1
    written = [
        path for path in private_home.rglob("*") if path.is_file() and pair.secret_key in path.read_text("utf-8")
    ]
    assert written == [] and conf.read_text() == CONF.format(url=http.url, key=pair.access_key)


@pytest.mark.parity("accounts-bad-files")
def test_a_revoked_key_is_told_and_nothing_is_kept(
    http: HttpRig, core: Core, secrets: FakeSecretStore, private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_CLEARML_SECRET", "revoked")
    (private_home / "clearml.conf").write_text(CONF.format(url=http.url, key=http.sandbox.pair.access_key))
    with pytest.raises(AppError, match="has expired or was revoked"):
        core.credentials.use(core.credentials.found(Cancel(20)).found[0], Cancel(20))
    assert core.accounts.all() == () and secrets.entries == {}


@pytest.mark.parity("accounts-token")
def test_a_token_of_the_server_signs_in(http: HttpRig, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    token = http.sandbox.call("auth.login")["token"]
    monkeypatch.setenv("CLEARML_AUTH_TOKEN", token)
    monkeypatch.setenv("CLEARML_API_HOST", http.url)
    account = core.credentials.use(core.credentials.environment(), Cancel(20))
    assert account.access_key == "" and account.user_name == "You"
    assert core.launches.queues(account.id, Cancel(20))


@pytest.mark.parity("accounts-typed-host")
def test_an_address_without_scheme_is_found(http: HttpRig, core: Core) -> None:
    pair = http.sandbox.pair
    account = core.credentials.use(
        Credentials(http.url.removeprefix("http://") + "/", pair.access_key, pair.secret_key), Cancel(40)
    )
    assert account.api_url == http.url
