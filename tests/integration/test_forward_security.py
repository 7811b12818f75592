"""Who can use a forwarded JupyterLab or code-server: real ones, in a session of the bootstrap, through our tunnel.

Without the secret nobody can: neither another user of this computer, nor a web page from elsewhere that the same
browser has open, nor one that gave its own name the address 127.0.0.1 (DNS rebinding).
"""

import base64
import http.client
import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import psutil
import pytest

from desktop_app.adapters.browser_page import LoginPages
from desktop_app.adapters.ssh.tunnel import SshTunnel
from remote_bootstrap.contract.apps import JUPYTERLAB
from tests.support.bootstrap_rig import BootstrapRig, bootstrap_rig
from tests.support.forwarded_apps import CODE, LAB, forwarded_apps
from tests.support.guards import ExpectLog
from tests.support.namespaces import as_another_user

pytestmark = [pytest.mark.slow]
EVIL = "http://evil.example"
NEIGHBOUR = "http://127.0.0.1:1"  # another port here: the same site to a browser, which sends it the same cookies
DENIED = (401, 403, 404)
ASK = """
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
c.request("GET", sys.argv[2], headers={"Cookie": sys.argv[3]} if sys.argv[3:] else {})
r = c.getresponse()
print(r.status, r.getheader("Location", ""))
"""


@dataclass(frozen=True)
class Site:
    """What listens on 127.0.0.1 here."""

    ports: Mapping[str, int]
    secrets: Mapping[str, str]

    def ask(
        self, app: str, path: str, method: str = "GET", body: str = "", **headers: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """``Host`` is what a browser sends unless the headers say otherwise; header names have _ for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[app], timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body.encode() if body else None, sent)
        answer = connection.getresponse()
        got = answer.read()
        connection.close()
        found = dict(answer.getheaders())
        found["Set-Cookie"] = "; ".join(one.split(";")[0] for one in answer.headers.get_all("Set-Cookie") or ())
        return answer.status, found, got

    def origin(self, app: str) -> str:
        return f"http://127.0.0.1:{self.ports[app]}"

    def upgrade(self, app: str, path: str, **headers: str) -> int:
        """The status of a WebSocket's handshake; 101 = it is open."""
        key = base64.b64encode(b"0123456789abcdef").decode()
        wanted = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Key": key,
                  "Sec_WebSocket_Version": "13"}  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[app], timeout=60)
        sent = {name.replace("_", "-"): value for name, value in {**wanted, **headers}.items()}
        connection.request("GET", path, headers=sent)
        try:
            return connection.getresponse().status
        except (http.client.HTTPException, ConnectionError):
            return 0  # closed without an answer
        finally:
            connection.close()


@pytest.fixture(scope="module")
def rig() -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        rig.start()
        rig.wait_ready()
        yield rig


@pytest.fixture(scope="module")
def site(rig: BootstrapRig) -> Iterator[Site]:
    with forwarded_apps(rig) as forwarded:
        yield Site(*forwarded)


@pytest.fixture(scope="module")
def cookies(site: Site) -> Mapping[str, str]:
    """What the user's own browser has after it opened both."""
    token, password = site.secrets[LAB], site.secrets[CODE]
    _status, lab, _body = site.ask(LAB, f"/lab?token={token}", Accept="text/html")
    form = urlencode({"base": ".", "href": site.origin(CODE) + "/login", "password": password})
    kind = "application/x-www-form-urlencoded"
    status, code, _body = site.ask(CODE, "/login", "POST", form, Content_Type=kind, Origin=site.origin(CODE))
    assert status == 302
    return {LAB: lab["Set-Cookie"], CODE: code["Set-Cookie"]}


def test_the_secrets_are_long_and_different(site: Site) -> None:
    assert all(len(secret) >= 32 for secret in site.secrets.values())
    assert site.secrets[LAB] != site.secrets[CODE]


@pytest.mark.parity("S7")
def test_without_the_secret_there_is_nothing_but_a_login_page(site: Site) -> None:
    assert site.ask(LAB, "/api/contents")[0] in DENIED
    assert site.ask(LAB, "/api/kernels", "POST", "{}")[0] in DENIED
    assert site.upgrade(LAB, "/terminals/websocket/1") in DENIED
    status, headers, _body = site.ask(CODE, "/")
    assert (status, "login" in headers["Location"]) == (302, True)
    assert site.upgrade(CODE, "/stable-x?reconnectionToken=1") != 101
    wrong = urlencode({"password": "guess"})
    kind = "application/x-www-form-urlencoded"
    status, headers, _body = site.ask(CODE, "/login", "POST", wrong, Content_Type=kind, Origin=site.origin(CODE))
    assert status != 302 and not headers["Set-Cookie"]


def test_with_it_they_open(site: Site, cookies: Mapping[str, str]) -> None:
    """Else the tests here would prove nothing."""
    assert site.ask(LAB, "/api/contents", Cookie=cookies[LAB])[0] == 200
    status, _headers, body = site.ask(CODE, "/", Cookie=cookies[CODE])
    assert status in (200, 302) and b"password" not in body
    assert terminal(site, cookies, site.origin(LAB)) == 101


def terminal(site: Site, cookies: Mapping[str, str], origin: str) -> int:
    """Opening a terminal's WebSocket as a page of that origin, in the browser that is logged in."""
    authorization = f"token {site.secrets[LAB]}"
    _status, _headers, body = site.ask(LAB, "/api/terminals", "POST", "{}", Authorization=authorization)
    name = json.loads(body)["name"]
    return site.upgrade(LAB, f"/terminals/websocket/{name}", Cookie=cookies[LAB], Origin=origin)


def test_a_page_from_elsewhere_can_do_nothing_even_with_the_browsers_cookies(
    site: Site, cookies: Mapping[str, str]
) -> None:
    for origin in (EVIL, "null", NEIGHBOUR):
        assert terminal(site, cookies, origin) in DENIED
        made = site.ask(LAB, "/api/terminals", "POST", "{}", Cookie=cookies[LAB], Origin=origin)
        assert made[0] in DENIED
        assert site.upgrade(CODE, "/?reconnectionToken=1", Cookie=cookies[CODE], Origin=origin) != 101
    status, headers, _body = site.ask(LAB, "/api/contents", Cookie=cookies[LAB], Origin=EVIL)
    assert status in DENIED or "Access-Control-Allow-Origin" not in headers
    assert "Access-Control-Allow-Origin" not in site.ask(CODE, "/", Cookie=cookies[CODE], Origin=EVIL)[1]


def test_a_name_that_was_bound_to_our_address_gets_nothing(site: Site) -> None:
    """The browser sends that name as Host and no cookies of 127.0.0.1 (they belong to the address)."""
    for host in ("evil.example", f"evil.example:{site.ports[LAB]}"):
        assert site.ask(LAB, "/api/contents", Host=host)[0] in DENIED
        assert site.ask(LAB, "/lab", Host=host)[0] in (*DENIED, 302)
        assert site.upgrade(LAB, "/terminals/websocket/1", Host=host, Origin=f"http://{host}") in DENIED
        status, headers, _body = site.ask(CODE, "/", Host=host)
        assert (status, "login" in headers["Location"]) == (302, True)
        assert site.upgrade(CODE, "/?reconnectionToken=1", Host=host, Origin=f"http://{host}") != 101


def test_even_the_token_does_not_open_jupyterlab_under_another_name(site: Site) -> None:
    authorization = f"token {site.secrets[LAB]}"
    assert site.ask(LAB, "/api/contents", Host="evil.example", Authorization=authorization)[0] in DENIED


def test_cookies_do_not_travel_from_one_port_to_the_others_page(cookies: Mapping[str, str]) -> None:
    """Cookies know no ports: both applications are at 127.0.0.1, so their names must not collide."""
    lab, code = ({one.split("=")[0] for one in cookies[app].split("; ")} for app in (LAB, CODE))
    assert lab and code and not lab & code


def test_another_user_of_this_computer_gets_nothing_even_with_the_browsers_cookies(
    site: Site, cookies: Mapping[str, str], expected_log: ExpectLog
) -> None:
    """Cookies know no ports: a page of that user on 127.0.0.1 is shown those of JupyterLab and code-server."""
    expected_log("another user")
    as_nobody = [*as_another_user(), "/usr/bin/python3"]
    for app, path in ((LAB, "/api/contents"), (CODE, "/")):
        ask = ["-c", ASK, str(site.ports[app]), path, cookies[app]]
        theirs = subprocess.run([*as_nobody, *ask], capture_output=True, text=True, timeout=60, cwd="/", check=False)
        assert theirs.stdout == "", "not even a login page"
        ours = subprocess.run([sys.executable, *ask], capture_output=True, text=True, timeout=60, check=True)
        assert ours.stdout.startswith(("200", "302")) and "login" not in ours.stdout


def test_another_user_of_this_computer_cannot_follow_a_login_link(site: Site, expected_log) -> None:
    expected_log("another user")
    link = LoginPages().open(JUPYTERLAB.login, site.origin(LAB), site.secrets[LAB])
    port, _, path = link.removeprefix("http://127.0.0.1:").partition("/")
    command = [*as_another_user(), "/usr/bin/python3", "-c", ASK, port, "/" + path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/", check=False)
    assert not done.stdout.startswith("200")
    ours = subprocess.run([sys.executable, "-c", ASK, port, "/" + path], capture_output=True, text=True, check=False)
    assert ours.stdout.startswith(("200", "30"))


# -- listeners


def listeners(pids: set[int]) -> dict[str, set[str]]:
    """Process name -> the addresses that its listening sockets have."""
    found: dict[str, set[str]] = {}
    for one in psutil.net_connections("tcp"):
        if one.status == psutil.CONN_LISTEN and one.pid in pids and one.laddr:
            found.setdefault(psutil.Process(one.pid).name(), set()).add(one.laddr.ip)
    return found


def test_a_session_on_this_computer_listens_on_loopback_only(rig: BootstrapRig, site: Site) -> None:
    found = listeners(set(rig.left()))
    assert set().union(*found.values()) == {"127.0.0.1"}, found
    assert len(found) >= 3, "sshd, JupyterLab and code-server listen"


def test_our_own_listeners_are_on_loopback_only(site: Site) -> None:
    before = listeners({psutil.Process().pid})
    tunnel = SshTunnel("listeners")
    tunnel.forwards.proxy("socks:0", 0)
    link = LoginPages().open(JUPYTERLAB.login, site.origin(LAB), "secret")
    found = listeners({psutil.Process().pid})
    tunnel.close()
    with urllib.request.urlopen(link, timeout=20) as page:  # it is good for once
        page.read()
    assert before and set().union(*found.values()) == {"127.0.0.1"}, found


def test_on_a_remote_machine_sshd_alone_can_be_reached_from_elsewhere() -> None:
    """The machine has an address of its own: SSH must be reachable there, nothing else."""
    with bootstrap_rig() as rig:
        rig.start(remote_gateway=address_of_this_machine())
        rig.wait_ready()
        found = listeners(set(rig.left()))
    assert found.pop("sshd") == {"0.0.0.0"}
    assert set().union(*found.values()) == {"127.0.0.1"}, found


def address_of_this_machine() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "192.0.2.2"
        return str(probe.getsockname()[0])
