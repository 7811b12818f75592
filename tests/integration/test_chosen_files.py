"""Files that a person names for others to read: certificates, keys, known hosts, git's logins, ssh's settings, pipes.

None of them may be waited for or read without an end. The large ones are files with holes, so that they cost nothing.
"""

import base64
import io
import os
from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.adapters.clearml.wire import certificates
from desktop_app.adapters.files.chosen_text import ChosenFiles
from desktop_app.adapters.files.git import read_git
from desktop_app.adapters.ssh.client.config import SshConfig
from desktop_app.adapters.ssh.client.own import OwnSsh
from desktop_app.adapters.ssh.route import known
from desktop_app.adapters.ssh.route.jump import keys_for
from desktop_app.adapters.ssh.route.known import known_keys
from desktop_app.adapters.ssh.route.settings import HostSettings
from desktop_app.cli.terminal import standard_input as given
from desktop_app.domain.launch.chosen_text import MOST_BYTES
from desktop_app.domain.problems import AppError
from tests.fakes.outside import World
from tests.support.cli_rig import Run, add_ready
from tests.support.scripted_server import URL

KINDS = ("large", "folder", "pipe", "device")


def odd(path: Path, kind: str, begins: bytes = b"", most: int = MOST_BYTES) -> Path:
    """What stands at ``path``; a large file begins as it should."""
    if kind == "large":
        path.write_bytes(begins)
        os.truncate(path, most + 1)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    return path


def private_key() -> tuple[bytes, bytes]:
    """In OpenSSH's form, and its public half."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), public


# -- certificates


@pytest.mark.parametrize("kind", ["large", "pipe", "device"])
@pytest.mark.parametrize("by", ["", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates(by: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = Path(certifi.where()).read_bytes() + b"#"
    path = odd(tmp_path / "ca.pem", kind, good, certificates.MOST_BYTES)
    if by:
        monkeypatch.setenv(by, str(path))
    with pytest.raises(AppError) as refused:
        ClearMLServer(URL, "KEY", "SECRET", trust="" if by else str(path))
    found = refused.value.problem
    assert found.code == "server.ca_file" and str(path) in found.detail and by in found.detail
    assert found.cause == ("it is larger than 16 MB" if kind == "large" else "it is not a regular file")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_certificates_of_openssl_s_own_variable(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(odd(tmp_path / "ca.pem", kind)))
    with pytest.raises(AppError, match="SSL_CERT_FILE"):
        ClearMLServer(URL, "KEY", "SECRET")
    for harmless in (os.devnull, str(tmp_path), str(tmp_path / "gone"), "x" * 5000):
        monkeypatch.setenv("SSL_CERT_FILE", harmless)
        ClearMLServer(URL, "KEY", "SECRET").close()


# -- ssh


def settings(*keys: Path) -> HostSettings:
    return HostSettings("bastion", "bastion", 22, "ada", (), "", keys, True, (), agent="none")


@pytest.mark.parametrize("kind", KINDS)
def test_identities(kind: str, tmp_path: Path) -> None:
    private, _ = private_key()
    (tmp_path / "good").write_bytes(private)
    wrong = odd(tmp_path / "wrong", kind, private)
    assert len(keys_for(settings(wrong, tmp_path / "good"))) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("half", [".pub", "-cert.pub"])
def test_what_belongs_to_an_identity(half: str, kind: str, tmp_path: Path) -> None:
    private, public = private_key()
    (tmp_path / "key").write_bytes(private)
    odd(tmp_path / f"key{half}", kind, public)
    assert len(keys_for(settings(tmp_path / "key"))) == (1 if half == ".pub" else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_known_hosts(kind: str, tmp_path: Path) -> None:
    _, public = private_key()
    line = b"bastion " + public + b"\n"
    (tmp_path / "good").write_bytes(line)
    wrong = odd(tmp_path / "wrong", kind, line, known.MOST_BYTES)
    assert known_keys("bastion", [wrong]).good == frozenset()
    assert known_keys("bastion", [wrong, tmp_path / "good"]).good == {base64.b64decode(public.split()[1])}


@pytest.mark.parametrize("kind", KINDS)
def test_ssh_s_own_settings_are_left_as_they_are(kind: str, private_home: Path) -> None:
    folder = private_home / ".ssh"
    folder.mkdir()
    user = odd(folder / "config", kind, b"Host named\n")
    own = OwnSsh(private_home / "own", private_home / "run")
    config = SshConfig(private_home / "own", user, own.client_files, ("sessiondock", "ssh-proxy"))
    assert config.host_names() == frozenset()  # nobody's names, as of a file that can't be read
    with pytest.raises(AppError) as refused:
        config.install()
    assert refused.value.problem.code == "ssh.config_unwritable"
    assert [one.name for one in folder.iterdir()] == ["config"]


# -- git


@pytest.mark.parametrize("kind", KINDS)
def test_gits_logins(kind: str, private_home: Path) -> None:
    odd(private_home / ".git-credentials", kind, b"https://ada:secret@github.com\n")
    with pytest.raises(AppError) as refused:
        read_git()
    assert refused.value.problem.code == "git.unreadable" and ".git-credentials" in refused.value.problem.detail


# -- standard input


class Endless(io.TextIOBase):
    """Zeros, as long as somebody asks; whoever asks for all of them is told so."""

    def __init__(self) -> None:
        self.buffer = self
        self.asked = 0

    def readline(self, size: int | None = -1) -> str:  # type: ignore[override]  # as a text stream does both
        assert size is not None and 0 < size < 10_000_000, "a line without an end"
        return "\0" * size

    def read(self, size: int | None = -1) -> bytes:  # type: ignore[override]  # as a text stream does both
        assert size is not None and 0 < size < 10_000_000, "all of what has no end"
        return b"0" * size


COMMANDS = {
    "accounts add https://api.new.test NEWKEY": "its line",
    "accounts import -": "larger than",
    "passphrase SESSION": "its line",
    "launch --queue default --password": "its line",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_piped_has_an_end(command: str, run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task = add_ready(world)
    monkeypatch.setattr("sys.stdin", Endless())
    said = run(*command.replace("SESSION", task).split())
    assert said.code == 1 and "Standard input can't be used" in said.err
    assert COMMANDS[command] in said.err.lower()


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))


def test_secrets_as_other_systems_pipe_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (b"secret\n", b"secret\r\n", b"secret", b"\xef\xbb\xbfsecret\r\n", b" secret \nmore"):
        piped(monkeypatch, data)
        assert given.read_secret("Secret: ") == "secret"
    piped(monkeypatch, b"\xff\xfes\0")
    with pytest.raises(AppError, match="not text"):
        given.read_secret("Secret: ")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_configurations_as_other_systems_pipe_them(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, "api {\r\n  name: zwölf\r\n}\r\n".encode(encoding))
    assert given.given_text() == "api {\n  name: zwölf\n}\n"
    piped(monkeypatch, b"\x89PNG\0\0\xff")
    with pytest.raises(AppError, match="not text"):
        given.given_text()


def test_what_is_not_utf_8_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        ChosenFiles().write(tmp_path / "profile.json", "name \udcff")
    assert caught.value.problem.code == "file.unwritable" and not list(tmp_path.iterdir())
