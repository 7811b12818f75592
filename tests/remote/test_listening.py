"""The operation that lists listening sockets: on this machine's real sockets and processes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from remote_bootstrap.channel.operations import ports
from remote_bootstrap.channel.operations.operation import Host
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.machine import shown_command
from remote_bootstrap.process import processes
from remote_bootstrap.session.context import Context
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.task.settings import Settings

TASK = "cd" * 16
SERVE = (
    "import socket,sys; s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); sys.stdin.read()"
)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    settings = Settings("ssh-ed25519 AAAA", tmp_path)
    context = Context(TASK, tmp_path, tmp_path, settings, Environments(tmp_path, print), "127.0.0.1")
    return Host(context, Progress(begun=0.0), print, print)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Process id and port of a server of the session, whose arguments hold a secret."""
    script = tmp_path / "serve.py"
    script.write_text(SERVE)
    command = [sys.executable, str(script), "--port=8000", "--token", "hunter2hunter2", "--password=hunter2hunter2"]
    env = {**os.environ, processes.SESSION_VARIABLE: TASK}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())


def rows(host: Host) -> dict[int, dict]:
    return {row["port"]: row for row in ports.listening(host, {})["ports"]}


def test_a_server_of_the_session_is_told_with_its_program_and_no_secret(host: Host, program: tuple[int, int]) -> None:
    pid, port = program
    row = rows(host)[port]
    assert row["address"] == "127.0.0.1"
    assert row["pid"] == pid
    assert row["session"]
    assert row["process"].startswith("python")
    assert row["command"].endswith("serve.py --port=8000 --token … --password=…")
    assert "hunter2" not in str(ports.listening(host, {}))


def test_a_program_that_named_its_thread_is_told_by_its_own_name(host: Host) -> None:
    """As Node does. The kernel's name of the thread would be all that people see of it."""
    named = "import ctypes; ctypes.CDLL(None).prctl(15, b'MainThread');" + SERVE
    command = [sys.executable, "-c", named]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert rows(host)[port]["process"].startswith("python")


@pytest.mark.parametrize(
    ("words", "thread", "name"),
    [
        (["/usr/bin/node", "/opt/app/server.js"], "MainThread", "node"),
        (["/usr/bin/python3", "/opt/bin/tensorboard", "--logdir", "x"], "tensorboard", "tensorboard"),
        (["/usr/bin/python3", "/opt/bin/jupyter-notebook-server"], "jupyter-noteboo", "jupyter-noteboo"),
        (["sshd: me@pts/1"], "sshd", "sshd"),
        (["ray::IDLE"], "ray::IDLE", "ray::IDLE"),
        (["nginx: master process /usr/sbin/nginx"], "worker", "nginx"),
        ([""], "kworker", "kworker"),
        (["my secret=program with 🔥"], "burner", "my"),
        (["🔥 burner"], "MainThread", "MainThread"),
    ],
)
def test_the_name_of_a_program(words: list[str], thread: str, name: str) -> None:
    assert shown_command.name_of(words, thread) == name


def test_the_sessions_own_come_first_and_the_rest_is_counted(
    host: Host, program: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))), closing(socket.create_server(("127.0.0.1", 0))):
        monkeypatch.setattr(ports, "MAX_ROWS", 1)
        answer = ports.listening(host, {})
    assert [row["port"] for row in answer["ports"]] == [program[1]] or answer["ports"][0]["session"]
    assert answer["more"] >= 2


def test_ipv6_and_every_interface(host: Host) -> None:
    with (
        closing(socket.create_server(("::1", 0), family=socket.AF_INET6)) as six,
        closing(socket.create_server(("127.0.0.53", 0))) as other,
    ):
        found = rows(host)
        assert found[six.getsockname()[1]]["address"] == "::1"
        assert found[other.getsockname()[1]]["address"] == "127.0.0.53"
        assert found[other.getsockname()[1]]["pid"] == os.getpid()


def test_a_connection_is_no_listener(host: Host) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        closing(socket.create_connection(server.getsockname())) as client,
    ):
        assert client.getsockname()[1] not in rows(host)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/usr/bin/python3", "-m", "tensorboard.main", "--logdir", "/secret/place"],
         "python3 -m tensorboard.main --logdir …"),
        (["/opt/v/bin/python", "/opt/v/bin/streamlit", "run", "app.py", "--server.port", "8501"],
         "python v/bin/streamlit run app.py --server.port 8501"),
        (["python", "-u", "/x/site-packages/ray/dashboard/dashboard.py", "--host=127.0.0.1", "--port=8265"],
         "python -u ray/dashboard/dashboard.py --host=127.0.0.1 --port=8265"),
        (["python", "-c", "token = 'hunter2'"], "python -c …"),
        (["mysqld", "-phunter2", "--port", "hunter2", "--host=hunter2"], "mysqld … --port … --host=…"),
        (["redis-server", "hunter2", "hunter3", "hunter4"], "redis-server …"),
        (["postgres: ada hunter2 [local]"], "postgres: …"),
        (["env", "TOKEN=hunter2", "serve"], "env … serve"),
        (["python", "-W", "hunter2", "x.py"], "python -W … x.py"),
        (["bash", "script; hunter2"], "bash …"),
        (["python", "-m", "uvicorn", "hunter2:app", "mlflow.server:app"], "python -m uvicorn … mlflow.server:app"),
        ([""], "…"), ([], ""), (["hunter2 " * 30], "hunter2 …"),
    ],
)  # fmt: skip
def test_only_what_is_known_to_be_harmless_stays(words: list[str], expected: str) -> None:
    assert shown_command.shown(words) == expected
