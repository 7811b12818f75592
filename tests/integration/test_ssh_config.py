"""The user's ssh config file on a real disk, judged by the real ``ssh -G``: read-only, linked, missing, shared, odd."""

import os
import stat
import threading
from pathlib import Path

import pytest

from desktop_app.adapters.ssh.client.config import SshConfig, user_config_path
from desktop_app.adapters.ssh.client.own import OwnSsh
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.problems import AppError
from desktop_app.private_files import DRAFT
from tests.support.ssh_home import SshHome

ALIAS = Alias("sd-a", f"account/{'1' * 32}", "ada", 8022, "A session")
PLAIN = """Host sd-a *
    Port 2222
    User eve
    ProxyJump bastion
    StrictHostKeyChecking no
    ControlPath /all
"""


@pytest.fixture
def home(private_home: Path) -> SshHome:
    return SshHome(private_home)


def make(home: SshHome, folder: str = "config") -> SshConfig:
    own = OwnSsh(home.home / folder / "ssh", home.home / "run" / "agent")
    proxy = ("/opt/app 100% of it/sessiondock", "ssh-proxy")
    return SshConfig(home.home / folder, home.config, own.client_files, proxy)


@pytest.fixture
def config(home: SshHome) -> SshConfig:
    made = make(home)
    made.publish(lambda: [ALIAS])
    return made


def seen(home: SshHome, name: str = "sd-a") -> dict[str, str]:
    """What the real ssh makes of that host."""
    pairs = (line.partition(" ") for line in home.run("ssh", "-G", name).stdout.splitlines())
    return {keyword: value for keyword, _, value in pairs}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_ssh_finds_the_session_and_the_users_own_settings_do_not_reach_it(home: SshHome, config: SshConfig) -> None:
    home.config.parent.mkdir(0o700)
    home.config.write_text(PLAIN)
    home.config.chmod(0o640)
    assert config.install() and not config.install()
    assert home.config.read_text().endswith(PLAIN)
    assert mode(home.config) == 0o640 and mode(config.own) == 0o600
    found = seen(home)
    assert (found["hostname"], found["port"], found["user"]) == ("127.0.0.1", "8022", "ada")
    assert found["stricthostkeychecking"] == "true" and found["hostkeyalias"].endswith("1" * 32)
    assert "proxyjump" not in found and found.get("controlpath", "none") == "none"
    assert found["proxycommand"] == "'/opt/app 100%% of it/sessiondock' ssh-proxy sd-a", "no agent is there"
    other = seen(home, "elsewhere")
    assert (other["port"], other["user"], other["proxyjump"]) == ("2222", "eve", "bastion")


def test_a_change_is_backed_up_and_undone_byte_by_byte(home: SshHome, config: SshConfig) -> None:
    home.config.parent.mkdir(0o700)
    before = b"\xef\xbb\xbfHost x\r\n\tUser \xe4\r\n# no end"
    home.config.write_bytes(before)
    config.install()
    backup = home.config.with_name("config.before-sessiondock")
    assert backup.read_bytes() == before
    assert config.remove() and not config.remove()
    assert home.config.read_bytes() == before and backup.read_bytes() == before
    assert not [path for path in home.config.parent.iterdir() if path.name.startswith(".")]


def test_a_link_in_the_place_of_the_copy_is_not_followed(home: SshHome, config: SshConfig, tmp_path: Path) -> None:
    home.config.parent.mkdir(0o700)
    home.config.write_bytes(b"Host x\n")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    backup = home.config.with_name("config.before-sessiondock")
    backup.symlink_to(victim)
    config.install()
    assert victim.read_text() == "precious" and backup.read_bytes() == b"Host x\n" and not backup.is_symlink()


def test_a_missing_folder_is_made_for_this_user_only_and_an_empty_file_goes_again(
    home: SshHome, config: SshConfig
) -> None:
    assert config.place() is Place.ABSENT and not config.remove()
    config.install()
    assert (mode(home.config.parent), mode(home.config)) == (0o700, 0o600)
    assert seen(home)["port"] == "8022"
    config.remove()
    assert not home.config.exists()


def test_a_linked_file_stays_a_link(home: SshHome, config: SshConfig) -> None:
    real = home.home / "dotfiles" / "ssh" / "config"
    real.parent.mkdir(parents=True)
    real.write_text(PLAIN)
    home.config.parent.mkdir(0o700)
    home.config.symlink_to(Path("../dotfiles/ssh/config"))
    config.install()
    assert home.config.is_symlink() and config.place() is Place.TOP
    assert real.read_text().endswith(PLAIN) and seen(home)["port"] == "8022"
    config.remove()
    assert home.config.is_symlink() and real.read_text() == PLAIN


def test_a_dangling_link_is_followed(home: SshHome, config: SshConfig) -> None:
    home.config.parent.mkdir(0o700)
    home.config.symlink_to(home.home / "real")
    config.install()
    assert home.config.is_symlink() and (home.home / "real").exists()
    config.remove()
    assert home.config.is_symlink() and (home.home / "real").read_bytes() == b""


def _read_only(home: SshHome) -> None:
    home.config.parent.mkdir(0o700)
    home.config.write_text(PLAIN)
    home.config.chmod(0o400)


def _into_nowhere(home: SshHome) -> None:
    home.config.parent.mkdir(0o700)
    home.config.symlink_to(home.home / "no" / "such" / "folder")


def _file_for_folder(home: SshHome) -> None:
    home.config.parent.write_text("")


@pytest.mark.parametrize("prepare", [_read_only, _into_nowhere, _file_for_folder])
def test_what_cannot_be_written_is_left_alone_and_the_line_to_add_is_said(
    home: SshHome, config: SshConfig, prepare
) -> None:
    prepare(home)
    before = home.config.read_bytes() if home.config.is_file() else None
    with pytest.raises(AppError) as caught:
        config.install()
    assert caught.value.problem.code == "ssh.config_unwritable"
    assert config.line in caught.value.problem.detail and "top" in caught.value.problem.detail
    assert (home.config.read_bytes() if home.config.is_file() else None) == before


@pytest.mark.parametrize("folder", ["with space", "it's", 'ü [x]* "q"', "back\\slash"])
def test_odd_folders_are_written_as_ssh_reads_them(home: SshHome, folder: str) -> None:
    config = make(home, folder)
    config.publish(lambda: [ALIAS])
    config.install()
    found = seen(home)
    assert found["port"] == "8022"
    assert found["identityfile"] == str(home.home / folder / "ssh" / f"{'1' * 32}.pub")
    config.remove()
    assert not home.config.exists()


def test_an_edit_in_the_same_moment_is_not_lost(home: SshHome, config: SshConfig, monkeypatch) -> None:
    """The file is compared once more before it is replaced."""
    home.config.parent.mkdir(0o700)
    home.config.write_text(PLAIN)
    backed_up = os.open

    def slow_open(path, *more):
        if str(path).startswith(str(home.config.parent / DRAFT)):
            home.config.write_text(PLAIN + "# edited\n")
        return backed_up(path, *more)

    monkeypatch.setattr(os, "open", slow_open)
    with pytest.raises(AppError):
        config.install()
    assert home.config.read_text() == PLAIN + "# edited\n"


def test_many_writers_leave_a_whole_file(home: SshHome, config: SshConfig) -> None:
    aliases = [Alias(f"sd-{n}", f"account/{n:032x}", "ada", 8022 + n, "x") for n in range(8)]
    threads = [threading.Thread(target=config.publish, args=(lambda: aliases,), daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    config.install()
    assert [seen(home, alias.name)["port"] for alias in aliases] == [str(alias.port) for alias in aliases]
    assert seen(home, "sd-other")["port"] == "22"


def test_files_of_sessions_that_are_gone_are_removed(home: SshHome, config: SshConfig) -> None:
    folder = config.own.parent / "ssh"
    folder.mkdir()
    for task in ("1" * 32, "2" * 32):
        for ending in (".pub", ".known_hosts"):
            (folder / f"{task}{ending}").write_text("x")
    config.publish(lambda: [ALIAS])
    assert sorted(path.name for path in folder.iterdir()) == [f"{'1' * 32}.known_hosts", f"{'1' * 32}.pub"]


def test_the_file_is_the_accounts_whatever_home_says(monkeypatch, private_home: Path) -> None:
    assert user_config_path() == private_home / ".ssh" / "config", "the tests' own"
    monkeypatch.delenv("SESSIONDOCK_SSH_CONFIG")
    monkeypatch.setenv("HOME", "/elsewhere")
    assert "elsewhere" not in str(user_config_path())


# What a "Host *" may set and what ssh must make of it for an alias.
HARMFUL = {
    "PubkeyAcceptedAlgorithms": ("rsa-sha2-512,rsa-sha2-256", "ssh-ed25519"),
    "HostKeyAlgorithms": ("rsa-sha2-512", "ssh-ed25519"),
    "BindAddress": ("10.255.255.1", "127.0.0.1"),
    "NoHostAuthenticationForLocalhost": ("yes", "no"),
    "CheckHostIP": ("yes", "no"),
    "VerifyHostKeyDNS": ("yes", "false"),
    "AddKeysToAgent": ("yes", "false"),
    "ProxyUseFdpass": ("yes", "no"),
    "ControlMaster": ("auto", "false"),
    "ControlPersist": ("yes", "no"),
    "ExitOnForwardFailure": ("yes", "no"),
    "Tunnel": ("yes", "false"),
    "Compression": ("yes", "no"),
    "StrictHostKeyChecking": ("no", "true"),
    "IdentitiesOnly": ("no", "yes"),
    "PubkeyAuthentication": ("no", "true"),
    "PermitLocalCommand": ("yes", "no"),
    "RequestTTY": ("force", "auto"),
    "CanonicalizeHostname": ("always", "false"),
    "AddressFamily": ("inet6", "any"),
    "ForwardX11": ("yes", "no"),
    "UpdateHostKeys": ("yes", "false"),
    "ServerAliveInterval": ("1", "15"),
    "ServerAliveCountMax": ("1", "3"),
    "PreferredAuthentications": ("password", "publickey"),
    "Port": ("2222", "8022"),
    "User": ("eve", "ada"),
    "HostName": ("10.0.0.1", "127.0.0.1"),
}
GONE = {"RevokedHostKeys": "/nonexistent", "PKCS11Provider": "/nonexistent.so", "RemoteCommand": "true"}
USUAL = {"Ciphers": "aes128-cbc", "MACs": "hmac-sha1", "KexAlgorithms": "diffie-hellman-group14-sha1"}


@pytest.mark.parametrize("name", HARMFUL)
def test_host_star_does_not_reach_an_alias(home: SshHome, config: SshConfig, name: str) -> None:
    theirs, ours = HARMFUL[name]
    home.config.parent.mkdir(0o700)
    home.config.write_text(f"Host *\n    {name} {theirs}\n")
    config.install()
    found = {key.lower(): value for key, value in seen(home).items()}
    assert found.get(name.lower(), found.get("addkeystoagent") if name == "AddKeysToAgent" else None) in (ours, None)
    assert found.get(name.lower()) != theirs


@pytest.mark.parametrize("name", GONE)
def test_files_and_commands_of_host_star_are_taken_out(home: SshHome, config: SshConfig, name: str) -> None:
    home.config.parent.mkdir(0o700)
    home.config.write_text(f"Host *\n    {name} {GONE[name]}\n")
    config.install()
    assert seen(home).get(name.lower(), "none") == "none"


@pytest.mark.parametrize("name", USUAL)
def test_algorithms_are_the_programs_own(home: SshHome, config: SshConfig, name: str) -> None:
    home.config.parent.mkdir(0o700)
    home.config.write_text(f"Host *\n    {name} {USUAL[name]}\n")
    config.install()
    assert len(seen(home)[name.lower()].split(",")) > 3 and len(seen(home, "other")[name.lower()].split(",")) == 1
