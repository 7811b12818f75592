"""A real session of the bootstrap for tests: its processes, its task on disk, SSH into it, and what is left of it.

The interpreter of ``SESSIONDOCK_TEST_PYTHON`` stands for the task's Python (run_py38.sh uses that). Test's thread only.
"""

import base64
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import paramiko

from desktop_app.adapters.ssh.keys import new_key
from remote_bootstrap import contract
from remote_bootstrap.contract import Record, Report
from remote_bootstrap.machine.folders import SOCKETS
from remote_bootstrap.process import processes
from tests.fakes.task_on_disk import TaskOnDisk
from tests.support.bare_account import without_dotfiles
from tests.support.paths import APPLICATIONS_CACHE
from tests.support.waiting import wait_until

MAIN = Path(__file__).with_name("bootstrap_main.py")
# Read before the guards change the environment.
PYTHON = os.environ.get("SESSIONDOCK_TEST_PYTHON") or sys.executable
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARML_", "SESSIONDOCK_"))}
AGENT_SECRET = "agent-secret-that-children-must-not-see"
END_SECONDS = 10.0
SSH_ONLY = {"jupyterlab": "False", "vscode": "False"}  # parameters of a task without the other applications


T = TypeVar("T")


class BootstrapRig:
    """One session. ``home`` is its $SESSIONDOCK_HOME."""

    def __init__(self, folder: Path) -> None:
        self.task = secrets.token_hex(16)
        self.home = folder / "home"
        self.work = folder / "wo rk"
        self.server_folder = folder / "task"
        self.server_folder.mkdir()
        self.server = TaskOnDisk(self.server_folder)
        self.private_key, self.public_key = new_key("test")
        self.output = folder / "output"
        self.login_home = folder / "login"
        self.login_home.mkdir()
        self.process: subprocess.Popen[bytes] | None = None
        self.command: tuple[str, ...] = (PYTHON, "-u", str(MAIN))
        self.brings_account = False  # the command makes a namespace with an account of its own

    @property
    def session(self) -> Path:
        return self.home / "sessions" / self.task

    @property
    def sockets(self) -> Path:
        """Its folder for Unix sockets."""
        return Path((self.session / SOCKETS).read_text())

    def start(self, environment: Mapping[str, str] | None = None, /, **parameters: str) -> None:
        given = {contract.PARAM_AUTHORIZED_KEY: self.public_key, "user_folder": str(self.work), **parameters}
        self.server.set_parameters(given)
        env = {
            **ENVIRONMENT,
            "HOME": str(self.login_home),
            "SESSIONDOCK_HOME": str(self.home),
            "SESSIONDOCK_CACHE": str(APPLICATIONS_CACHE),
            "CLEARML_API_SECRET_KEY": AGENT_SECRET,
            **(environment or {}),
        }
        bare = [] if self.brings_account else without_dotfiles(self.home.parent, self.login_home)
        argv = [*bare, *self.command, self.task, str(self.server_folder)]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    # what the session says

    def report(self) -> Report | None:
        text = self.server.runtime().get(contract.RUNTIME_REPORT)
        return Report.loads(text) if text else None

    def record(self) -> Record | None:
        text = self.server.runtime().get(contract.RUNTIME_RECORD)
        return Record.loads(text) if text else None

    def wait_record(self, seconds: float = 60.0) -> Record:
        return self._wait(self.record, "the connection record", seconds)

    def wait_app(self, key: str, state: str = contract.APP_READY, seconds: float = 120.0) -> contract.AppReport:
        def reached() -> contract.AppReport | None:
            report = self.report()
            app = report.apps.get(key) if report else None
            return app if app and app.state == state else None

        return self._wait(reached, f"{key} {state}", seconds)

    def wait_ready(self, seconds: float = 180.0) -> Report:
        def ready() -> Report | None:
            report = self.report()
            return report if report and report.phase == contract.READY else None

        return self._wait(ready, "phase ready", seconds)

    def said(self) -> str:
        return self.output.read_text("utf-8", "replace")

    def _wait(self, condition: Callable[[], T | None], what: str, seconds: float) -> T:
        def unless_dead() -> T | None:
            found = condition()
            if not found and self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"{what}: the session ended with {self.process.returncode}:\n{self.said()}")
            return found

        try:
            return wait_until(unless_dead, what, seconds, poll=0.1)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.said()}\n{self.report()}") from error

    # into the session

    @contextmanager
    def ssh(self, seconds: float = 60.0) -> Iterator[paramiko.SSHClient]:
        """A connection that accepts the recorded host key only."""
        record = self.wait_record(seconds)
        kind, blob = record.host_key.split()
        client = paramiko.SSHClient()
        key = paramiko.PKey.from_type_string(kind, base64.b64decode(blob))
        client.get_host_keys().add(f"[{record.address}]:{record.port}", kind, key)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        own = paramiko.Ed25519Key.from_private_key(_lines(self.private_key))
        client.connect(record.address, record.port, record.user, pkey=own, allow_agent=False, look_for_keys=False)
        try:
            yield client
        finally:
            client.close()

    # its processes

    def worker(self) -> int:
        assert self.process is not None
        direct = [pid for pid in processes.descendants(self.process.pid) if _parent(pid) == self.process.pid]
        return next(pid for pid in direct if str(MAIN) in _command(pid))

    def left(self) -> dict[int, str]:
        """Living processes of the session: below its guardian, or with its mark, or that name its folder."""
        found = processes.marked(processes.SESSION_VARIABLE, self.task)
        if self.process is not None and self.process.poll() is None:
            found |= processes.descendants(self.process.pid) | {self.process.pid}
        found |= {pid for pid in processes.pids() if self.task in _command(pid)}
        return {pid: _command(pid) for pid in found if processes.alive(pid)}

    def wait_nothing_left(self, seconds: float = END_SECONDS) -> None:
        def nothing() -> bool:
            if self.process is not None:
                self.process.poll()
            return not self.left()

        try:
            wait_until(nothing, "the session's end", seconds, poll=0.1)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.left()}\n{self.said()}") from error

    def close(self) -> None:
        """End whatever a failed test left."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)


@contextmanager
def bootstrap_rig() -> Iterator[BootstrapRig]:
    """A rig in a folder of its own, short enough for Unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="sdb-"))
    rig = BootstrapRig(folder)
    try:
        yield rig
    finally:
        rig.close()
        for endpoint, body in rig.server.asked():  # another process's, for the guard of this one
            sys.audit("sessiondock.request", endpoint, body)
        shutil.rmtree(folder, ignore_errors=True)


def run_command(client: paramiko.SSHClient, command: str, seconds: float = 20.0) -> tuple[int, str, str]:
    """Exit code, output and error output of a command over SSH."""
    _stdin, stdout, stderr = client.exec_command(command, timeout=seconds)
    output, problems = stdout.read().decode(), stderr.read().decode()
    return stdout.channel.recv_exit_status(), output, problems


class Control:
    """The session's control channel."""

    def __init__(self, client: paramiko.SSHClient) -> None:
        transport = client.get_transport()
        assert transport is not None
        self._channel = transport.open_session()
        self._channel.settimeout(15)
        self._channel.invoke_subsystem(contract.SUBSYSTEM)
        self._lines = self._channel.makefile("r")

    def ask(self, op: str, number: int = 1) -> contract.Reply:
        self.send(contract.Request(number, op).dumps())
        return self.next()

    def send(self, text: str) -> None:
        self._channel.sendall(text.encode())

    def next(self) -> contract.Reply:
        return contract.Reply.loads(self._lines.readline())

    def close(self) -> None:
        self._channel.close()


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text)


def _parent(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text[text.rfind(")") + 2 :].split()[1])


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def status_of(reply: contract.Reply) -> Report:
    return Report.loads(json.dumps(reply.result))
