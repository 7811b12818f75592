"""Every way to a session's machine, over real SSH servers: jump hosts, proxies, ssh's own configuration, IPv6."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.route import parse_route
from desktop_app.domain.problems import AppError, Problem
from tests.support.proxies import Proxy
from tests.support.ssh_peers import MEGABYTE, Application, download, noise, receive_all
from tests.support.ssh_server import SshServer, free_port
from tests.support.waiting import wait_until


@pytest.fixture
def bastion(tmp_path: Path) -> Iterator[SshServer]:
    """Known to the user, who has a key for it."""
    made = SshServer(tmp_path / "bastion", subsystem=False)
    made.start()
    configure(bastion_entry(made))
    know(made)
    yield made
    made.kill()


@pytest.fixture
def proxy() -> Iterator[Callable[..., Proxy]]:
    made: list[Proxy] = []

    def make(*arguments: Any, **more: Any) -> Proxy:
        made.append(Proxy(*arguments, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ssh_folder() -> Path:
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def configure(*lines: str) -> None:
    (ssh_folder() / "config").write_text("\n".join(lines) + "\n")


def bastion_entry(server: SshServer, name: str = "bastion", key: str = "client") -> str:
    return (
        f"Host {name}\n  HostName 127.0.0.1\n  Port {server.port}\n  User {server.user}\n"
        f"  IdentityFile {server.folder / key}\n"
    )


def know(*servers: SshServer) -> None:
    lines = [f"[127.0.0.1]:{server.port} {server.host_key}" for server in servers]
    (ssh_folder() / "known_hosts").write_text("\n".join(lines) + "\n")


def works(server: SshServer, route: str, password: str = "", **changes: Any) -> None:
    """Download something large through a tunnel over that route, and leave nothing."""
    target = replace(server.target(**changes), route=parse_route(route), route_password=password)
    application, tunnel = Application(download), SshTunnel("routed")
    try:
        tunnel.connect(target, Cancel(20))
        assert tunnel.control.probe(Cancel(5)) < 5
        tunnel.forwards.set_app_ports({"lab": application.port})
        port = tunnel.forwards.bind({"lab": 0})[0].port
        with socket.create_connection(("127.0.0.1", port), 30) as client:
            client.sendall(b"7 %d\n" % (3 * MEGABYTE))
            assert receive_all(client) == noise(7, 3 * MEGABYTE)
    finally:
        tunnel.close()
        application.close()
    wait_until(lambda: not left(), "the threads of the route to end")


def left() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(("route-", "ssh-", "fwd-"))]


def fails(server: SshServer, route: str, password: str = "", **changes: Any) -> Problem:
    target = replace(server.target(**changes), route=parse_route(route), route_password=password)
    tunnel = SshTunnel("blocked")
    with pytest.raises(AppError) as caught:
        tunnel.connect(target, Cancel(10))
    tunnel.close()
    wait_until(lambda: not left(), "the threads of the route to end")
    return caught.value.problem


# -- jump hosts


@pytest.mark.parity("N1")
def test_through_a_jump_host(server: SshServer, bastion: SshServer) -> None:
    works(server, "ssh://bastion")


def test_through_two_jump_hosts(server: SshServer, bastion: SshServer, tmp_path: Path) -> None:
    second = SshServer(tmp_path / "second", subsystem=False)
    second.start()
    configure(bastion_entry(bastion), bastion_entry(second, "inner"))
    know(bastion, second)
    works(server, "ssh://bastion,ssh://inner")
    configure(bastion_entry(bastion), bastion_entry(second, "inner") + "  ProxyJump bastion\n")
    works(server, "ssh://inner")
    second.kill()


def test_the_route_s_own_words_come_before_the_configuration(server: SshServer, bastion: SshServer) -> None:
    configure(bastion_entry(bastion).replace(str(bastion.port), "1").replace(f"User {bastion.user}", "User nobody"))
    works(server, f"ssh://{bastion.user}@bastion:{bastion.port}")


def test_a_jump_host_that_known_hosts_does_not_hold_is_not_talked_to(server: SshServer, bastion: SshServer) -> None:
    know()
    found = fails(server, "ssh://bastion")
    assert found.code == "route.host_key"
    assert f"Connect once with “ssh -p {bastion.port} bastion”" in found.detail


@pytest.mark.parametrize("marker", ["", "@revoked "])
def test_a_jump_host_with_another_key_is_refused(server: SshServer, bastion: SshServer, marker: str) -> None:
    key = bastion.host_key if marker else server.host_key
    known = ssh_folder() / "known_hosts"
    known.write_text(f"{marker}* {key}\n[127.0.0.1]:{bastion.port} {key}\n")
    found = fails(server, "ssh://bastion")
    assert found.code == "route.host_key"


def test_hashed_names_are_known(server: SshServer, bastion: SshServer) -> None:
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", ssh_folder() / "known_hosts"], check=True, capture_output=True)
    assert "127.0.0.1" not in (ssh_folder() / "known_hosts").read_text()
    works(server, "ssh://bastion")


def test_a_jump_host_that_refuses_our_keys_needs_a_person(server: SshServer, bastion: SshServer) -> None:
    configure(bastion_entry(bastion, key="stranger"))
    found = fails(server, "ssh://bastion")
    assert (found.code, found.retry.value) == ("route.auth", "user")
    assert "ssh-add" in found.detail


@pytest.mark.parity("N3")
def test_the_agent_s_key_signs_in_and_a_full_agent_does_no_harm(
    server: SshServer, bastion: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty other keys in the agent: the named one is tried first, so the server never hangs up."""
    sock = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
    try:
        wait_until(sock.exists, "the agent")
        for number in range(20):
            key = tmp_path / f"other-{number}"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
            subprocess.run(["ssh-add", "-q", key], check=True)
        subprocess.run(["ssh-add", "-q", bastion.folder / "client"], check=True)
        (bastion.folder / "client").write_text("only the agent has it\n")
        works(server, "ssh://bastion")
    finally:
        agent.terminate()
        agent.wait()


def test_a_jump_host_that_is_away_or_has_no_way(server: SshServer, bastion: SshServer) -> None:
    found = fails(server, "ssh://bastion", port=free_port())
    assert (found.code, found.retry.value) == ("route.refused", "auto")
    bastion.kill()
    found = fails(server, "ssh://bastion")
    assert (found.code, found.retry.value) == ("route.unreachable", "auto")
    assert "127.0.0.1" in found.detail or "bastion" in found.detail


# -- ssh's own configuration


def test_a_host_entry_decides_name_and_jump(server: SshServer, bastion: SshServer) -> None:
    configure("Host gpu-box", "  HostName 127.0.0.1", "  ProxyJump bastion", "", bastion_entry(bastion))
    works(server, "ssh-config", address="gpu-box")


def test_a_proxy_command_is_run_with_host_and_port(server: SshServer) -> None:
    relay = Path(__file__).parents[1] / "support" / "stdio_relay.py"
    configure("Host gpu-box", "  HostName 127.0.0.1", f"  ProxyCommand {sys.executable} {relay} %h %p")
    works(server, "ssh-config", address="gpu-box")


@pytest.mark.parametrize("before", ["", "exec <&-; sleep 0.3; "])  # its input may be closed long before its output
def test_a_proxy_command_that_fails_says_why(server: SshServer, before: str) -> None:
    configure("Host *", f"  ProxyCommand sh -c '{before}echo no ticket >&2; exit 3'")
    found = fails(server, "ssh-config")
    assert found.code == "route.refused"
    assert "no ticket" in found.detail


def test_an_address_never_reaches_the_shell(server: SshServer, tmp_path: Path) -> None:
    """It comes from the task, which others can write. No record holds such an address; here it would do no harm."""
    configure("Host *", "  ProxyCommand nc %h %p")
    record = replace(server.record(), address=f"$(touch${{IFS}}{tmp_path}/pwned)")
    target = replace(server.target(), record=record, route=parse_route("ssh-config"))
    tunnel = SshTunnel("blocked")
    with pytest.raises(AppError) as caught:
        tunnel.connect(target, Cancel(10))
    tunnel.close()
    assert caught.value.problem.code == "route.config"
    assert not (tmp_path / "pwned").exists()


def test_includes_and_blocks_after_them(server: SshServer, bastion: SshServer) -> None:
    (ssh_folder() / "work.conf").write_text(bastion_entry(bastion))
    configure("Host gpu-*", "  HostName 127.0.0.1", "  Include work.conf", "  ProxyJump bastion", "Include *.none")
    works(server, "ssh-config", address="gpu-box")


def test_a_configuration_that_leads_in_a_circle_is_told(server: SshServer, bastion: SshServer) -> None:
    configure("Host bastion", "  ProxyJump other", "Host other", "  ProxyJump bastion")
    (ssh_folder() / "known_hosts").write_text(f"bastion,other {bastion.host_key}\n")
    assert fails(server, "ssh://bastion").code == "route.config"


@pytest.mark.parametrize("text", ["Match host", "OneWord", "Host *\n  ProxyJump a:b"])
def test_an_unreadable_configuration_is_told(server: SshServer, text: str) -> None:
    configure(text)
    assert fails(server, "ssh-config").code == "route.config"


# -- proxies


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("login", ["", "ada:p@ss wörd"])
def test_through_a_proxy(server: SshServer, proxy: Callable[..., Proxy], kind: str, login: str) -> None:
    made = proxy(kind, login)
    user, _, password = login.partition(":")
    route = f"{kind}://{user + '@' if user else ''}127.0.0.1:{made.port}"
    works(server, route, password, address="localhost")
    assert made.asked == [("localhost", server.port)]  # the proxy resolves names


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_proxy_that_wants_another_password_needs_a_person(
    server: SshServer, proxy: Callable[..., Proxy], kind: str
) -> None:
    made = proxy(kind, "ada:right")
    for route in (f"{kind}://127.0.0.1:{made.port}", f"{kind}://ada@127.0.0.1:{made.port}"):
        found = fails(server, route, "wrong")
        assert (found.code, found.retry.value) == ("route.auth", "user")
    assert "wrong" not in repr(found)


@pytest.mark.parametrize(("kind", "answer"), [("http", "403 Forbidden"), ("socks5", "2")])
def test_a_proxy_that_refuses_says_so(server: SshServer, proxy: Callable[..., Proxy], kind: str, answer: str) -> None:
    found = fails(server, f"{kind}://127.0.0.1:{proxy(kind, refuse=answer).port}")
    assert found.code == "route.refused"
    assert ("403 Forbidden" if kind == "http" else "rules don't allow") in found.detail


def test_openssh_s_own_socks_server(server: SshServer, bastion: SshServer) -> None:
    port = free_port()
    command = ["ssh", "-F", str(ssh_folder() / "config"), "-o", f"UserKnownHostsFile={ssh_folder() / 'known_hosts'}",
               "-N", "-D", f"127.0.0.1:{port}", "bastion"]  # fmt: skip
    running = subprocess.Popen(command)
    try:
        wait_until(lambda: _answers(port), "ssh -D")
        works(server, f"socks5://127.0.0.1:{port}")
    finally:
        running.terminate()
        running.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_what_is_no_proxy_is_told(server: SshServer, kind: str) -> None:
    application = Application(lambda client: client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    assert fails(server, f"{kind}://127.0.0.1:{application.port}").code in ("route.refused", "route.unreachable")
    application.close()


# -- IPv6


@pytest.mark.parity("N1")
def test_over_ipv6(tmp_path: Path, proxy: Callable[..., Proxy]) -> None:
    server = SshServer(tmp_path / "six", extra=("ListenAddress ::1",))
    server.start()
    works(server, "", address="::1")
    works(server, "", address="[::1]")
    for kind in ("http", "socks5"):
        made = proxy(kind)
        works(server, f"{kind}://127.0.0.1:{made.port}", address="::1")
        assert made.asked == [("::1", server.port)]
    server.kill()
