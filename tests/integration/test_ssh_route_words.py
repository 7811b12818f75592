"""The words of ssh configurations that people have, read by their ssh and, where there is none, by our own parser."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.adapters.ssh.route.config import UserSshConfig
from desktop_app.adapters.ssh.route.settings import HostSettings
from desktop_app.domain.access.route import Hop
from desktop_app.domain.problems import AppError
from tests.integration.test_ssh_route import bastion_entry, configure, fails, know, ssh_folder, works
from tests.support.ssh_server import SshServer
from tests.support.waiting import wait_until


@pytest.fixture
def bastion(tmp_path: Path) -> Iterator[SshServer]:
    made = SshServer(tmp_path / "bastion", subsystem=False)
    made.start()
    know(made)
    yield made
    made.kill()


@pytest.fixture(params=["ssh", "no ssh"])
def reader(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Whether this computer has an ssh, from the call on: servers of tests need one."""

    def choose() -> None:
        if request.param == "no ssh":
            monkeypatch.setenv("PATH", str(tmp_path))

    return choose


def settings(host: str, *lines: str, **hop: Any) -> HostSettings:
    configure(*lines)
    return UserSshConfig().lookup(Hop(host, **hop))


@pytest.mark.parametrize(
    "lines",
    [
        ('Include "{folder}/my configs/*.conf"',),
        ("Include '{folder}/my configs/*.conf'",),
        ("Include {folder}/nothing/*.conf {folder}/my\\ configs/hop.conf",),
        ('include = "~/.ssh/my configs/hop.conf"',),
        ('Include "my configs/hop.conf" # a comment',),
        ('Include "{folder}/my configs/hop.conf" "{folder}/another"',),
    ],
)
def test_names_with_blanks_are_included(lines: tuple[str, ...], reader: Callable[[], None]) -> None:
    reader()
    (ssh_folder() / "my configs").mkdir()
    (ssh_folder() / "my configs" / "hop.conf").write_text("Host hop\n  Port 2222\n")
    found = settings("hop", *(line.format(folder=ssh_folder()) for line in lines), "Host *", "  User ada")
    assert (found.port, found.user) == (2222, "ada")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('UserKnownHostsFile "{folder}/my hosts/known"', ["my hosts/known"]),
        ('UserKnownHostsFile "{folder}/my hosts/known" {folder}/more', ["my hosts/known", "more"]),
        ("UserKnownHostsFile {folder}/more '{folder}/my hosts/known' # these", ["more", "my hosts/known"]),
        ('UserKnownHostsFile="~/.ssh/my hosts/known"', ["my hosts/known"]),
        ('UserKnownHostsFile "%d/.ssh/my hosts/%r" {folder}/more', ["my hosts/ada", "more"]),
        ("UserKnownHostsFile none", []),
        ("GlobalKnownHostsFile none", ["known_hosts", "known_hosts2"]),
    ],
)
def test_known_hosts_with_blanks(line: str, names: list[str], reader: Callable[[], None]) -> None:
    reader()
    found = settings("hop", "User ada", line.format(folder=ssh_folder()))
    ours = [path for path in found.known_hosts if not str(path).startswith("/etc/ssh/")]
    assert ours == [ssh_folder() / name for name in names]


@pytest.mark.parametrize(
    "lines",
    [
        ('Match host="10.*"', "  User other"),
        ("Match final all", "  User other", "  Port 1"),
        ("Match final host other", "  Port 1"),
        ("Match originalhost=other user=eve", "  Port 1"),
        ('Match host "a,b,c*"', "  Port 1"),
        ("Match !host=hop", "  Port 1"),
        ("Host 'other' \"another\" # hop", "  Port 1"),
        ("Match localuser nobody-at-all host *", "  Port 1"),
        ("Host * !hop", "  Port 1"),
        ("Host other", "  ProxyCommand nc '%h # %p'", '  SetEnv A="b # c"'),
        ("IgnoreUnknown Use*", "UseKeychain yes"),
    ],
)
def test_words_that_concern_other_hosts_do_no_harm(lines: tuple[str, ...], reader: Callable[[], None]) -> None:
    reader()
    found = settings("hop", *lines, "Host hop", "  User ada", "  Port 2222")
    assert (found.user, found.port) == ("ada", 2222)


@pytest.mark.parametrize(
    "lines",
    [
        ("Match final all", "  Port 2222"),
        ("Match originalhost hop", "  Port=2222"),
        ('Match host="ho*" user="ada"', "  Port 2222"),
        ("Match all", '  Port "2222"'),
    ],
)
def test_words_that_concern_this_host_count(lines: tuple[str, ...], reader: Callable[[], None]) -> None:
    reader()
    assert settings("hop", "Host hop", "  User ada", *lines).port == 2222


@pytest.mark.parametrize(
    ("line", "hops"),
    [
        ("ProxyJump hop # a comment", (Hop("hop"),)),
        ("ProxyJump=hop", (Hop("hop"),)),
        ('ProxyJump "hop"', (Hop("hop"),)),
        ("ProxyJump first.last@corp.example@hop", (Hop("hop", 0, "first.last@corp.example"),)),
        (
            "ProxyJump first.last@corp.example@hop:2222,second",
            (Hop("hop", 2222, "first.last@corp.example"), Hop("second")),
        ),
        ("ProxyJump CORP\\jdoe@hop", (Hop("hop", 0, "CORP\\jdoe"),)),
        ("ProxyJump ssh://a%40b@hop:2222", (Hop("hop", 2222, "a@b"),)),
        ("ProxyJump me@[fd00::5]:2222", (Hop("fd00::5", 2222, "me"),)),
        ("ProxyJump none", ()),
    ],
)
def test_jump_hosts(line: str, hops: tuple[Hop, ...], reader: Callable[[], None]) -> None:
    reader()
    assert settings("127.0.0.1", line).proxy_jump == hops


@pytest.mark.parametrize("user", ["first.last@corp.example", "CORP\\jdoe", "jdoe%corp+x", "jörg", "a b"])
def test_users_of_directories(user: str, reader: Callable[[], None]) -> None:
    reader()
    assert settings("hop", "Host *", "  Port 2222", user=user).user == user


@pytest.mark.parametrize("user", ["-oProxyCommand=x", "a;b", "$(x)", "a`b", "a\nb", "a -b", "a\\"])
def test_users_that_a_shell_would_read_are_refused(user: str, reader: Callable[[], None]) -> None:
    reader()
    with pytest.raises(AppError, match="holds characters"):
        settings("hop", user=user)


@pytest.mark.parametrize(
    ("line", "agent"),
    [
        ('IdentityAgent "~/my agents/agent.sock"', "{home}/my agents/agent.sock"),
        ("IdentityAgent %d/%r.sock", "{home}/ada.sock"),
        ("IdentityAgent none", "none"),
        ("IdentityAgent SSH_AUTH_SOCK", ""),
        ("IdentityAgent $MY_AGENT", "/run/my-agent"),
        ("IdentityAgent ${MY_AGENT}", "/run/my-agent"),
        ("IdentityAgent $NO_SUCH_AGENT", "none"),
        ("", ""),
    ],
)
def test_the_agent_that_is_named(
    line: str, agent: str, reader: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_AGENT", "/run/my-agent")
    reader()
    (Path.home() / "my agents").mkdir()
    (Path.home() / "my agents" / "agent.sock").touch()
    (Path.home() / "ada.sock").touch()
    assert settings("hop", "User ada", line).agent == agent.format(home=Path.home())


def test_a_jump_host_whose_key_is_in_the_agent_that_its_entry_names(
    server: SshServer, bastion: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: Callable[[], None]
) -> None:
    sock = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL)
    try:
        wait_until(sock.exists, "the agent")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
        subprocess.run(["ssh-add", "-q", bastion.folder / "client"], check=True)
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        reader()
        entry = bastion_entry(bastion, "hop", "not-there")
        configure("Host 127.0.0.1", "  ProxyJump hop", entry + f"  IdentityAgent {sock}\n")
        works(server, "ssh-config")
        configure("Host 127.0.0.1", "  ProxyJump hop", entry + "  IdentityAgent none\n")
        assert "there is no key to try" in fails(server, "ssh-config").detail
    finally:
        agent.terminate()
        agent.wait()


def test_an_agent_that_is_away_or_none(server: SshServer, bastion: SshServer, tmp_path: Path) -> None:
    gone = socket.socket(socket.AF_UNIX)
    gone.bind(str(tmp_path / "gone"))
    gone.close()
    for name in ("gone", "nowhere", ""):
        configure(bastion_entry(bastion, "hop", "not-there") + f"  IdentityAgent {tmp_path / name}\n")
        assert fails(server, "ssh://hop").code == "route.auth"


def test_the_advice_is_what_ssh_needs(server: SshServer, bastion: SshServer) -> None:
    configure(bastion_entry(bastion))
    (ssh_folder() / "known_hosts").write_text("")
    found = fails(server, f"ssh://ada@bastion:{bastion.port}")
    assert f"“ssh -p {bastion.port} -l ada bastion”" in found.detail


def test_what_ssh_says_of_a_broken_file_is_told() -> None:
    with pytest.raises(AppError, match=r"ssh says: .*Bad configuration option: nosuchword"):
        settings("hop", "NoSuchWord yes")
