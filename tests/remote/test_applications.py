"""JupyterLab and code-server in a real session: ready when they answer, private, restarted, failing alone."""

import contextlib
import http.cookiejar
import json
import os
import signal
import stat
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
import websocket

from remote_bootstrap import contract
from remote_bootstrap.contract import Report
from remote_bootstrap.contract.apps import JUPYTERLAB, VSCODE
from remote_bootstrap.process import processes
from remote_bootstrap.steps import identities
from tests.support.bootstrap_rig import (
    AGENT_SECRET,
    PYTHON,
    BootstrapRig,
    Control,
    bootstrap_rig,
    run_command,
    status_of,
)
from tests.support.kernels import output_of, wait_for_kernel
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.leaves_threads("Thread-")]
LAB, CODE = JUPYTERLAB.key, VSCODE.key


@pytest.fixture(scope="module")
def rig() -> Iterator[BootstrapRig]:
    """One session with everything, for the tests that only look."""
    with bootstrap_rig() as rig:
        rig.start()
        rig.wait_ready()
        yield rig


@pytest.fixture
def own_rig() -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        yield rig


def secret_status(rig: BootstrapRig) -> Report:
    """What only the control channel tells."""
    with rig.ssh() as client:
        control = Control(client)
        report = status_of(control.ask(contract.OP_STATUS))
        control.close()
        return report


def lab(report: Report, path: str, body: object = None) -> tuple[int, object]:
    app = report.apps[LAB]
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"token {app.secret}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{app.port}{path}", data, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, json.loads(answer.read() or b"null")


def run_cell(report: Report, code: str) -> tuple[str, str]:
    """A new kernel's id and what ``code`` printed in it."""
    _status, kernel = lab(report, "/api/kernels", {"name": "python3"})
    assert isinstance(kernel, dict)
    app = report.apps[LAB]
    url = f"ws://127.0.0.1:{app.port}/api/kernels/{kernel['id']}/channels"
    socket = websocket.create_connection(url, timeout=60, header=[f"Authorization: token {app.secret}"])
    with contextlib.closing(socket):
        wait_for_kernel(socket)
        return kernel["id"], output_of(socket, code)


def test_phases_and_milestones_are_published(rig: BootstrapRig) -> None:
    report = rig.report()
    assert report is not None
    assert report.phase == contract.READY
    for milestone in (
        contract.PREPARING,
        contract.STARTING_SSH,
        contract.STARTING_APPS,
        contract.READY,
        "app:ssh",
        f"app:{LAB}",
        f"app:{CODE}",
    ):
        assert milestone in report.seconds
    assert report.seconds["app:ssh"] < report.seconds[f"app:{LAB}"]
    assert [contract.fingerprint(rig.wait_record().host_key)] == contract.fingerprints_in_log([rig.server.logged()])
    assert contract.fingerprints_in_log([rig.said()]) == contract.fingerprints_in_log([rig.server.logged()])


def test_a_cell_runs_in_the_tasks_python_and_sees_its_folder(rig: BootstrapRig) -> None:
    report = secret_status(rig)
    code = "import os, sys, json; print(json.dumps([sys.executable, os.getcwd(), dict(os.environ), sys.path]))"
    _kernel, printed = run_cell(report, code)
    executable, folder, environment, path = json.loads(printed)
    assert executable == PYTHON
    assert Path(folder) == rig.work
    assert AGENT_SECRET not in json.dumps(environment)
    assert report.apps[LAB].secret not in json.dumps(environment)
    assert {name for name in environment if name.startswith("CLEARML_")} == {identities.CONFIG_VARIABLE}
    assert AGENT_SECRET not in Path(environment[identities.CONFIG_VARIABLE]).read_text()
    assert "ipykernel" in path[-1]  # after everything that the task installed


def test_kernels_listen_where_this_user_alone_gets_in(rig: BootstrapRig) -> None:
    run_cell(secret_status(rig), "print(1)")
    folder = rig.sockets
    kernels = [json.loads(path.read_text()) for path in folder.glob("kernel-*.json")]
    assert {kernel["transport"] for kernel in kernels} == {"ipc"}
    assert all(Path(f"{kernel['ip']}-{kernel['iopub_port']}").is_socket() for kernel in kernels)
    assert not folder.stat().st_mode & 0o077  # Jupyter adds the sticky bit


@pytest.mark.parity("S7", "--jupyter-lab")
def test_jupyterlab_wants_its_token(rig: BootstrapRig) -> None:
    report = secret_status(rig)
    assert lab(report, "/api/status")[0] == 200
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"http://127.0.0.1:{report.apps[LAB].port}/api/status", timeout=5)


@pytest.mark.parity("S7", "--vscode-server")
def test_code_server_lets_the_login_form_in(rig: BootstrapRig) -> None:
    app = secret_status(rig).apps[CODE]
    origin = f"http://127.0.0.1:{app.port}"
    login = VSCODE.login
    fields = {name: text.format(secret=app.secret, origin=origin) for name, text in login.fields.items()}
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = browser.open(origin + login.path, urllib.parse.urlencode(fields).encode(), timeout=20).read()
    assert b"workbench" in page
    assert [cookie.name for cookie in jar] == [f"code-server-session-{rig.task}"]
    wrong = urllib.parse.urlencode({**fields, "password": "wrong"}).encode()
    assert b"Incorrect password" in urllib.request.urlopen(origin + login.path, wrong, timeout=20).read()


@pytest.mark.parity("S4", "S6")
def test_no_secret_leaves_the_private_files(rig: BootstrapRig) -> None:
    report = secret_status(rig)
    found = [app.secret for app in report.apps.values() if app.secret]
    assert len(found) == 2
    found.append((rig.session / "ssh" / "host_key").read_text().splitlines()[1])
    public = [rig.said(), rig.server.logged(), json.dumps(rig.server.runtime())]
    public += [path.read_text("utf-8", "replace") for path in (rig.session / "logs").iterdir()]
    public += rig.left().values()
    for secret in found:
        assert not any(secret in text for text in public)


def test_every_file_of_the_session_is_private(rig: BootstrapRig) -> None:
    assert stat.S_IMODE(rig.session.stat().st_mode) == 0o700
    for name in ("ssh/host_key", "ssh/authorized_keys", f"{LAB}/config/jupyter_server_config.json", "control.sock"):
        assert stat.S_IMODE((rig.session / name).stat().st_mode) == 0o600


def test_the_control_channel_answers_and_pushes(rig: BootstrapRig) -> None:
    with rig.ssh() as client:
        control = Control(client)
        hello = control.ask(contract.OP_HELLO, 7)
        assert (hello.id, hello.ok) == (7, True)
        assert hello.result == {"contract": contract.CONTRACT_VERSION, "task": rig.task}
        assert not control.ask("no such thing", 8).ok
        control.send("rubbish\n")
        assert not control.next().ok
        assert control.ask(contract.OP_SUBSCRIBE, 9).id == 9
        before = status_of(control.ask(contract.OP_STATUS, 10))
        kill_service(rig, "code-server")
        pushed = control.next()
        assert (pushed.id, pushed.event) == (0, contract.EVENT_STATUS)
        assert status_of(pushed).sequence > before.sequence
        while status_of(pushed).apps[CODE].state != contract.APP_READY:
            pushed = control.next()
        control.close()
    assert rig.report().apps[LAB].state == contract.APP_READY


def kill_service(rig: BootstrapRig, word: str) -> int:
    """SIGKILL to the oldest process of the session whose command holds ``word``."""
    pid = min(pid for pid, command in rig.left().items() if word in command and "setpriv" not in command)
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_killed_jupyterlab_comes_back_without_its_old_kernels(own_rig: BootstrapRig) -> None:
    own_rig.start(**{CODE: "False"})
    own_rig.wait_ready()
    old = secret_status(own_rig)
    run_cell(old, "print(1)")
    kernel = next(pid for pid, command in own_rig.left().items() if "kernel.py" in command)
    kill_service(own_rig, "-m jupyterlab")
    wait_until(lambda: own_rig.report().apps[LAB].state != contract.APP_READY, "the crash to be noticed")
    own_rig.wait_app(LAB)
    assert not processes.alive(kernel)
    new = secret_status(own_rig)
    assert run_cell(new, "print('back')")[1] == "back\n"
    assert new.apps[LAB].secret == old.apps[LAB].secret


@pytest.mark.parametrize("victim", ["worker", "guardian", "terminate"])
def test_kernels_and_workbench_end_with_the_session(own_rig: BootstrapRig, victim: str) -> None:
    own_rig.start()
    own_rig.wait_ready()
    run_cell(secret_status(own_rig), "print(1)")
    sockets = own_rig.sockets
    assert own_rig.process is not None
    if victim == "worker":
        os.kill(own_rig.worker(), signal.SIGKILL)
    elif victim == "guardian":
        own_rig.process.kill()
    else:
        own_rig.process.terminate()
    own_rig.wait_nothing_left()
    wait_until(lambda: not sockets.exists(), "the sockets' folder to go")


@pytest.mark.parity("H1")
def test_an_application_fails_alone_with_its_reason(own_rig: BootstrapRig) -> None:
    own_rig.start(**{f"{LAB}_version": "0.0.0.1", CODE: "False"})
    failed = own_rig.wait_app(LAB, contract.APP_FAILED)
    assert "JupyterLab could not be installed" in failed.detail
    assert own_rig.wait_ready().phase == contract.READY
    with own_rig.ssh() as client:
        assert run_command(client, "echo fine")[1] == "fine\n"


def test_a_login_has_the_tasks_python_folder_and_no_secret(rig: BootstrapRig) -> None:
    with rig.ssh() as client:
        code, printed, _problems = run_command(client, "command -v python; pwd; env")
        lines = printed.splitlines()
        assert code == 0
        assert Path(lines[0]) == Path(PYTHON).parent / "python"
        assert lines[1] == str(rig.work)
        assert AGENT_SECRET not in printed
        assert f"HOME={rig.login_home}" in lines
        assert run_command(client, "exit 7")[0] == 7
        assert run_command(client, "echo out; echo err >&2") == (0, "out\n", "err\n")


def test_files_forwards_and_terminals(rig: BootstrapRig) -> None:
    with rig.ssh() as client:
        check_files(client, rig.work)
        check_forward(client, rig.report().apps[CODE].port)
        check_terminal(client)
        channels = [client.get_transport().open_session() for _number in range(60)]
        assert all(channel.active for channel in channels)


def check_files(client: paramiko.SSHClient, folder: Path) -> None:
    files = client.open_sftp()
    data = os.urandom(2_000_000)
    with files.open("some file", "wb") as stream:
        stream.write(data)
    assert (folder / "some file").read_bytes() == data
    files.close()


def check_forward(client: paramiko.SSHClient, port: int) -> None:
    channel = client.get_transport().open_channel("direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 1))
    channel.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
    channel.settimeout(10)
    assert channel.recv(12) == b"HTTP/1.1 200"
    channel.close()


def check_terminal(client: paramiko.SSHClient) -> None:
    shell = client.invoke_shell(width=111, height=33)
    shell.settimeout(15)
    shell.sendall(b"stty size; tty; exit 3\n")
    received = b""
    while chunk := shell.recv(4096):
        received += chunk
    assert b"33 111" in received
    assert b"/dev/pts/" in received
    assert shell.recv_exit_status() == 3


def test_ssh_keygen_accepts_the_records_signature(rig: BootstrapRig, tmp_path: Path) -> None:
    record = rig.wait_record()
    assert record.task == rig.task
    (tmp_path / "allowed").write_text(f"host {record.host_key}\n")
    (tmp_path / "signature").write_text(record.signature)
    argv = ["ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "allowed"), "-I", "host"]
    argv += ["-n", contract.SIGNATURE_NAMESPACE, "-s", str(tmp_path / "signature")]
    assert subprocess.run(argv, input=record.signed_text().encode(), capture_output=True, check=False).returncode == 0
    changed = record.signed_text().replace(record.address, "10.0.0.1").encode()
    assert subprocess.run(argv, input=changed, capture_output=True, check=False).returncode != 0
