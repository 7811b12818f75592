"""Starting, adopting, holding and ending the sandbox's process, without its agent (``test_sandbox_agent`` has that)."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from desktop_app.sandbox import launch
from desktop_app.sandbox.home import Home, read_json
from desktop_app.sandbox.launch import SandboxError, SandboxInfo
from tests.support.paths import REPOSITORY
from tests.support.sandbox_server import RealApi, Refused
from tests.support.waiting import wait_until

ALONE = ("--no-agent",)
SHORT_LIVED = ("--no-agent", "--idle", "1.5")
Start = Callable[..., SandboxInfo]


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sd-sandbox-") as folder:
        yield Path(folder) / "home"
        launch.stop(Path(folder) / "home")


def _ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_sandbox_starts_answers_and_stops(home: Path) -> None:
    assert launch.status(home) is None
    info = launch.ensure_running(home, options=ALONE)
    assert RealApi(info).call("users.get_current_user")["user"]["name"] == "You"
    found = launch.status(home)
    assert found is not None
    assert (found.pid, found.api_url, found.secret_key) == (info.pid, info.api_url, "")
    assert launch.details(home)["tasks"] == 0
    assert launch.stop(home) is True
    assert _ended(info.pid)
    assert launch.status(home) is None
    assert launch.stop(home) is False


def test_the_sandbox_belongs_to_no_terminal_and_no_caller(home: Path) -> None:
    code = "import sys; from pathlib import Path; from desktop_app.sandbox import launch\n"
    code += "print(launch.ensure_running(Path(sys.argv[1]), options=['--no-agent']).pid)"
    caller = subprocess.run(
        [sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    pid = int(caller.stdout)  # and the caller is gone by now
    assert os.getsid(pid) == pid
    assert psutil.Process(pid).terminal() is None
    found = launch.status(home)
    assert found is not None
    assert found.pid == pid


def test_the_same_pair_comes_back_and_a_wrong_one_is_replaced(home: Path) -> None:
    first = launch.ensure_running(home, options=ALONE)
    again = launch.ensure_running(home, access_key=first.access_key, secret_key=first.secret_key)
    assert (again.pid, again.access_key, again.secret_key) == (first.pid, first.access_key, first.secret_key)
    other = launch.ensure_running(home, access_key=first.access_key, secret_key="wrong")
    assert other.access_key != first.access_key
    for info in (first, other):
        assert RealApi(info).call("users.get_current_user")
    assert first.secret_key not in repr(first)


def test_urls_keys_and_tasks_survive_a_restart(home: Path) -> None:
    first = launch.ensure_running(home, options=ALONE)
    task = RealApi(first).call("tasks.create", name="kept", type="testing")["id"]
    launch.stop(home)
    second = launch.ensure_running(home, options=ALONE, access_key=first.access_key, secret_key=first.secret_key)
    assert (second.api_url, second.files_url, second.access_key) == (first.api_url, first.files_url, first.access_key)
    assert second.pid != first.pid
    assert RealApi(second).call("tasks.get_by_id", task=task)["task"]["name"] == "kept"


def test_a_taken_port_is_not_fought_for(home: Path) -> None:
    first = launch.ensure_running(home, options=ALONE)
    launch.stop(home)
    port = int(first.api_url.rsplit(":", 1)[1])
    with socket.create_server(("127.0.0.1", port)):
        second = launch.ensure_running(home, options=ALONE)
        assert second.api_url != first.api_url
        assert RealApi(second).call("users.get_current_user")


def test_many_clients_at_once_get_one_sandbox(home: Path) -> None:
    found: list[SandboxInfo] = []
    clients = [
        threading.Thread(target=lambda: found.append(launch.ensure_running(home, options=ALONE))) for _ in range(6)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join(30)
    assert len(found) == 6
    assert len({info.pid for info in found}) == 1
    assert len({info.access_key for info in found}) == 6
    serving = [p.pid for p in psutil.process_iter(["cmdline"]) if str(home) in (p.info["cmdline"] or ())]
    assert serving == [found[0].pid]  # and no second one waits for the first to end


def test_a_killed_sandbox_is_replaced_and_its_leftovers_do_not_mislead(home: Path) -> None:
    first = launch.ensure_running(home, options=ALONE)
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: _ended(first.pid), "the sandbox to die")
    assert Home(home).state.exists()
    assert launch.status(home) is None
    second = launch.ensure_running(home, options=ALONE)
    assert second.pid != first.pid
    assert second.api_url == first.api_url


def test_another_process_with_the_recorded_pid_is_not_taken_for_the_sandbox(home: Path) -> None:
    launch.ensure_running(home, options=ALONE)
    launch.stop(home)
    state = {"pid": os.getpid(), "created": 0.0, "api_url": "http://127.0.0.1:9", "files_url": "", "worker": ""}
    Home(home).state.write_text(json.dumps(state))
    assert launch.status(home) is None
    assert launch.stop(home) is False  # and this process lives on


def test_chunked_uploads_and_bodies_of_get_requests_pass_the_real_listener(home: Path) -> None:
    info = launch.ensure_running(home, options=ALONE)
    api = RealApi(info)
    assert api.call("queues.get_all", name="^default$", only_fields=["name"]) == {"queues": [{"name": "default"}]}
    content = os.urandom(3 * 1024 * 1024)
    head = b'--edge\r\nContent-Disposition: form-data; name="/a b/large.bin"; filename="/a b/large.bin"\r\n\r\n'
    pieces = [head, *(content[at : at + 100_000] for at in range(0, len(content), 100_000)), b"\r\n--edge--\r\n"]
    headers = {"Authorization": "Bearer " + api.call("auth.login")["token"]}
    with closing(http.client.HTTPConnection("127.0.0.1", int(info.files_url.rsplit(":", 1)[1]), timeout=20)) as server:
        form = {**headers, "Content-Type": "multipart/form-data; boundary=edge", "Transfer-Encoding": "chunked"}
        server.request("POST", "/", iter(pieces), form, encode_chunked=True)
        assert json.loads(server.getresponse().read()) == ["a b/large.bin"]
        server.request("GET", "/a%20b/large.bin", headers=headers)
        assert server.getresponse().read() == content


# --- how long it lives ----------------------------------------------------------------------------------------------


def test_an_unused_sandbox_ends_by_itself(home: Path) -> None:
    info = launch.ensure_running(home, options=SHORT_LIVED)
    wait_until(lambda: _ended(info.pid), "the unused sandbox to end", 15)
    assert launch.status(home) is None


def test_a_lease_holds_the_sandbox_until_it_is_released(home: Path) -> None:
    info = launch.ensure_running(home, options=("--no-agent", "--idle", "0.1"))
    with launch.lease(home):
        with pytest.raises(TimeoutError):
            wait_until(lambda: _ended(info.pid), "the held sandbox to end", 4)
        assert not _ended(info.pid)
    wait_until(lambda: _ended(info.pid), "the released sandbox to end", 15)


def test_a_crashed_client_holds_nothing(home: Path) -> None:
    code = "import sys; from pathlib import Path; from desktop_app.sandbox import launch\n"
    code += "home = Path(sys.argv[1]); info = launch.ensure_running(home, options=['--no-agent', '--idle', '0.1'])\n"
    code += "held = launch.lease(home); print(info.pid, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    ) as client:  # fmt: skip
        assert client.stdout is not None
        pid = int(client.stdout.readline())
        with pytest.raises(TimeoutError):
            wait_until(lambda: _ended(pid), "the held sandbox to end", 3)
        client.kill()
    wait_until(lambda: _ended(pid), "the abandoned sandbox to end", 15)
    assert not list(Home(home).leases.iterdir())


def test_a_queued_task_keeps_the_sandbox_and_its_end_lets_it_go(home: Path) -> None:
    info = launch.ensure_running(home, options=SHORT_LIVED)
    api = RealApi(info)
    task = api.launch("pass")
    with pytest.raises(TimeoutError):
        wait_until(lambda: _ended(info.pid), "the busy sandbox to end", 4)
    api.call("tasks.stop", task=task)
    wait_until(lambda: _ended(info.pid), "the idle sandbox to end", 15)


def test_sigterm_ends_it_like_stop_does(home: Path) -> None:
    info = launch.ensure_running(home, options=ALONE)
    os.kill(info.pid, signal.SIGTERM)
    wait_until(lambda: _ended(info.pid), "the sandbox to end")
    assert not Home(home).state.exists()
    assert "ended" in (Home(home).logs / "sandbox.log").read_text()


# --- trust ----------------------------------------------------------------------------------------------------------


def test_nothing_in_the_home_is_for_others_to_read(home: Path) -> None:
    old = os.umask(0)
    try:
        launch.ensure_running(home, options=ALONE)
    finally:
        os.umask(old)
    place = Home(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for path in (place.admin_token, place.signing_key, place.state, place.settings):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in (place.tmp, place.agent_home, place.agent_work, place.files, place.logs, place.leases):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path


def test_secrets_are_in_no_log_no_database_and_no_command_line(home: Path) -> None:
    info = launch.ensure_running(home, options=ALONE)
    api, place = RealApi(info), Home(home)
    token = api.call("auth.login")["token"]
    launch.ensure_running(home, access_key=info.access_key, secret_key=info.secret_key)
    secrets = [info.secret_key, token, place.admin_token.read_text(), place.signing_key.read_text()]
    holders = {place.admin_token, place.signing_key}
    for path in home.rglob("*"):
        content = path.read_bytes() if path.is_file() and path not in holders else b""
        assert not [s for s in secrets if s.encode() in content], path
    arguments = " ".join(psutil.Process(info.pid).cmdline())
    environment = str(psutil.Process(info.pid).environ())
    assert not [s for s in secrets if s in arguments + environment]


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer wrong"])
def test_private_calls_need_the_admin_token(home: Path, token: str) -> None:
    info = launch.ensure_running(home, options=ALONE)
    Home(home).admin_token.write_text(token.removeprefix("Bearer "))
    with pytest.raises(SandboxError, match="403"):
        launch.details(home)
    assert not _ended(info.pid)
    os.kill(info.pid, signal.SIGTERM)
    wait_until(lambda: _ended(info.pid), "the sandbox to end")


def test_a_public_key_does_not_open_the_private_calls(home: Path) -> None:
    info = launch.ensure_running(home, options=ALONE)
    for name in ("_sandbox/status", "_sandbox/credential", "_sandbox/end"):
        with pytest.raises(Refused) as refused:
            RealApi(info).call(name)
        assert refused.value.code == (400, 0)


def test_a_home_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((SandboxError, OSError)):
        launch.ensure_running(tmp_path / "file" / "home", options=ALONE)


def test_a_sandbox_that_cannot_start_says_where_to_look(home: Path) -> None:
    with pytest.raises(SandboxError, match="logs"):
        launch.ensure_running(home, options=["--no-such-option"])


def test_settings_keep_the_ports_only(home: Path) -> None:
    launch.ensure_running(home, options=ALONE)
    assert set(read_json(Home(home).settings)) == {"api_port", "files_port"}
