"""Backends that a variable or keyring's own file chooses are refused by name, with the way out."""

from pathlib import Path

import pytest
from keyring.util import platform_

from desktop_app.adapters.keyring_store import KeyringStore
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.problems import AppError


def said() -> str:
    with pytest.raises(AppError) as caught:
        KeyringStore().get(API_SECRET, "somebody")
    assert caught.value.problem.code == "keyring.chosen"
    return caught.value.problem.detail


@pytest.mark.parametrize(
    "name",
    ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring", "keyrings.alt.file.PlaintextKeyring", "nonsense",
     "no.such.Backend", "keyring.backends.chainer.ChainerBackend", "keyring.backends.null.NoSuch"],
)  # fmt: skip
def test_a_backend_of_the_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
    text = said()
    assert f"PYTHON_KEYRING_BACKEND chooses {name}" in text and "env -u PYTHON_KEYRING_BACKEND" in text


@pytest.mark.parametrize(
    "text",
    ["[backend]\ndefault-keyring=keyring.backends.null.Keyring\n", "[backend]\ndefault-keyring=no.such.Backend\n",
     "no section\n", "[backend]\ndefault-keyring=\n"],
)  # fmt: skip
def test_a_backend_of_the_file_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    path = Path(platform_.config_root()) / "keyringrc.cfg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert f"The file {path} chooses" in said()
