"""What surrounds the agent (the terminal or notebook it was started from, the machine's settings) stays outside."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from remote_bootstrap import contract
from remote_bootstrap.apps import vscode
from remote_bootstrap.contract.apps import JUPYTERLAB, VSCODE
from remote_bootstrap.environment.environments import Environments, uv_is_configured
from remote_bootstrap.machine import network, withheld
from remote_bootstrap.process import commands
from remote_bootstrap.session.context import Context
from remote_bootstrap.task.settings import Settings
from tests.support.bootstrap_rig import BootstrapRig, bootstrap_rig, run_command
from tests.support.waiting import wait_until

OF_A_PLACE = {
    "VSCODE_IPC_HOOK_CLI": "/tmp/vscode-ipc.sock", "VSCODE_PROXY_URI": "x", "VSCODE_NLS_CONFIG": "{", "VSCODE_PID": "1",
    "CODE_SERVER_HOST": "0.0.0.0", "CODE_SERVER_PORT": "1", "CODE_SERVER_CONFIG": "/x", "CODE_SERVER_SOCKET": "/x",
    "JPY_PARENT_PID": "1", "JPY_SESSION_NAME": "x", "JUPYTER_CONFIG_PATH": "/x", "JUPYTER_TOKEN": "x",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/alice/", "JUPYTERHUB_API_TOKEN": "x", "JUPYTER_SERVER_ROOT": "/x",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline", "ELECTRON_RUN_AS_NODE": "1", "GIT_ASKPASS": "/x",
    "GIT_DIR": "/x", "GIT_SSH_COMMAND": "false", "GIT_CONFIG_COUNT": "1", "SSH_ASKPASS": "/x", "SSH_CLIENT": "1 2 3",
    "SSH_TTY": "/dev/pts/9", "TERM_PROGRAM": "vscode", "TMUX": "x", "STY": "x", "npm_lifecycle_event": "start",
    "BROWSER": "/root/.vscode-server/bin/helpers/browser.sh", "PAGER": "cat", "KERNEL_ID": "x",
    "CLEARML_API_SECRET_KEY": "x",
    "PYDEVD_USE_FRAME_EVAL": "NO", "IPYTHONDIR": "/x", "HASHED_PASSWORD": "x", "VSCODE_GIT_ASKPASS_NODE": "/x",
}  # fmt: skip
OF_TOOLS = {
    "PIP_USER": "1", "PIP_TARGET": "/x", "PIP_PREFIX": "/x", "PIP_CONSTRAINT": "/x", "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_NO_DEPS": "1", "PIP_REQUIRE_HASHES": "1", "PIP_CONFIG_FILE": "/x", "PIP_TIMEOUT": "abc", "PIP_ROOT": "/x",
    "UV_CONSTRAINT": "/x", "UV_SYSTEM_PYTHON": "1", "UV_PYTHON": "2.7", "UV_NO_BINARY": "1", "UV_TARGET": "/x",
    "NODE_OPTIONS": "--require /nonexistent", "NODE_ENV": "production", "NODE_PATH": "/x", "npm_config_prefix": "/x",
    "NPM_CONFIG_IGNORE_SCRIPTS": "true", "npm_config_omit": "optional", "PYTHONHOME": "/x", "PYTHONWARNINGS": "error",
    "PYTHONUSERBASE": "/x", "PYTHONPATH": "/x",
}  # fmt: skip
KEPT = {
    "PATH": "/usr/bin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "HTTPS_PROXY": "http://p:1", "SSL_CERT_FILE": "/x",
    "PIP_INDEX_URL": "https://h/simple", "PIP_EXTRA_INDEX_URL": "https://h", "UV_DEFAULT_INDEX": "https://h/simple",
    "UV_INDEX_TEAM_PASSWORD": "x", "NODE_EXTRA_CA_CERTS": "/x", "npm_config_registry": "https://h", "CUDA_HOME": "/x",
    "JUPYTER_PATH": "/x", "GIT_SSL_CAINFO": "/x", "CLEARML_API_HOST": "http://h", "HF_HOME": "/x",
    "LD_LIBRARY_PATH": "/x",     "STYLE": "x", "PORTAL": "x",
}  # fmt: skip


def test_what_nobody_gets_what_tools_get_and_what_people_keep() -> None:
    everything = {**OF_A_PLACE, **OF_TOOLS, **KEPT}
    people, tools = withheld.for_people(everything), withheld.for_tools(everything)
    assert people == {**OF_TOOLS, **KEPT}
    assert tools == KEPT
    assert withheld.for_people({"PAGER": "cat", "BROWSER": "firefox"}) == {"PAGER": "cat", "BROWSER": "firefox"}


def test_installers_run_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**OF_A_PLACE, **OF_TOOLS}.items():
        monkeypatch.setenv(name, value)
    seen = json.loads(
        commands.run([sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"], "no")
    )
    assert not {*OF_A_PLACE, *OF_TOOLS} & seen.keys()


@pytest.mark.parametrize(
    ("variables", "file"),
    [
        ({"PIP_USER": "1", "PIP_TARGET": "/nonexistent/x", "PIP_PREFIX": "/x", "PIP_REQUIRE_HASHES": "1"}, ""),
        ({"PIP_CONSTRAINT": "{folder}/constraint.txt", "UV_CONSTRAINT": "{folder}/constraint.txt"}, ""),
        ({}, "[install]\nuser = true\n"),
        ({}, "[global]\nrequire-virtualenv = true\ntarget = /nonexistent/x\nconstraint = {folder}/constraint.txt\n"),
        ({}, "[install]\nprefix = /x\nrequire-hashes = true\nno-deps = true\nonly-binary = :none:\n"),
    ],
)
@pytest.mark.slow
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_ours_are_installed_whatever_pip_is_told_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], file: str, tool: str
) -> None:
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)  # of the machine that runs the tests
    wheel(tmp_path / "wheels")
    (tmp_path / "constraint.txt").write_text("sdprobe==2.0\njupyterlab==4.2.5\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    links = f"[global]\nno-index = true\nfind-links = {tmp_path}/wheels\n"
    text = file.replace("[global]\n", links) if "[global]" in file else links + file
    (tmp_path / "pip.conf").write_text(text.format(folder=tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(folder=tmp_path))
    said: list[str] = []
    environments = Environments(tmp_path / "cache", said.append)
    if tool == "pip":
        monkeypatch.setenv("PATH", str(tmp_path))  # no uv, and none to be had
    environments.make(tmp_path / "made", ["sdprobe==1.0"], "no environment")
    environments.add(tmp_path / "added", ["sdprobe==1.0"], "no folder")
    assert (tmp_path / "added" / "sdprobe.py").is_file()
    assert list((tmp_path / "made").glob("lib/*/site-packages/sdprobe.py"))
    assert not [line for line in said if "uv failed" in line]


def wheel(folder: Path) -> None:
    """A package without anything."""
    import zipfile

    folder.mkdir()
    info = "sdprobe-1.0.dist-info"
    with zipfile.ZipFile(folder / "sdprobe-1.0-py3-none-any.whl", "w") as packed:
        packed.writestr("sdprobe.py", "")
        packed.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: sdprobe\nVersion: 1.0\n")
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", "sdprobe.py,,\n")


def test_a_file_of_uv_counts_only_for_how_packages_are_reached(tmp_path: Path) -> None:
    (tmp_path / "uv").mkdir()
    path = tmp_path / "uv" / "uv.toml"
    for text, counts in (("[pip]\nno-deps = true\n", False), ('[[index]]\nurl = "https://h/simple"\n', True)):
        path.write_text(text)
        assert uv_is_configured({"XDG_CONFIG_HOME": str(tmp_path)}) is counts
        assert uv_is_configured({"UV_CONFIG_FILE": str(path)}) is counts


# -- a whole session


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BootstrapRig]:
    """Started from a notebook inside a VS Code, on a machine whose Jupyter is configured for somebody else."""
    place = tmp_path_factory.mktemp("odd")
    config = (
        'c = get_config()\nc.ServerApp.base_url = "/user/alice/"\nc.ServerApp.ip = "0.0.0.0"\nc.ServerApp.port = 8888\n'
    )
    for folder in ("machine", "work"):
        (place / folder).mkdir()
        for name in ("jupyter_server_config.py", "jupyter_config.py"):
            (place / folder / name).write_text(config)
    (place / "work" / "tornado.py").write_text("raise SystemExit('the wrong one')\n")
    variables = {
        **OF_A_PLACE, "JUPYTER_CONFIG_PATH": str(place / "machine"), "NODE_OPTIONS": "--require /nonexistent",
        "PASSWORD": "x", "PORT": "1", "PYTHONPATH": str(place / "work"),
    }  # fmt: skip
    del variables["CLEARML_API_SECRET_KEY"]
    with bootstrap_rig() as rig:
        rig.start(variables, user_folder=str(place / "work"))
        yield rig


@pytest.mark.slow
@pytest.mark.leaves_threads("Thread-")
def test_the_applications_start_and_listen_where_they_were_told(odd: BootstrapRig) -> None:
    for key in (JUPYTERLAB.key, VSCODE.key):
        port = odd.wait_app(key).port
        if key == JUPYTERLAB.key:
            assert network.http_status(port, "/api") == 200, "base_url is ours"
        listening = subprocess.run(["ss", "-ltnH", f"sport = :{port}"], capture_output=True, text=True).stdout
        assert [line.split()[3] for line in listening.splitlines()] == [f"127.0.0.1:{port}"]


@pytest.mark.slow
@pytest.mark.leaves_threads("Thread-")
def test_logins_get_nothing_of_the_place(odd: BootstrapRig) -> None:
    wait_until(lambda: odd.report() is not None and odd.report().phase == contract.READY, "the session", 120)
    with odd.ssh() as client:
        _, out, _ = run_command(client, "env")
    names = {line.partition("=")[0] for line in out.splitlines()}
    login = {"SSH_CLIENT", "SSH_TTY"}  # of this login itself
    assert not names & (OF_A_PLACE.keys() - login)


@pytest.mark.slow
@pytest.mark.leaves_threads("Thread-")
def test_cookies_of_many_sessions_do_not_lock_vs_code(odd: BootstrapRig) -> None:
    port = odd.wait_app(VSCODE.key).port
    cookies = "; ".join(f"code-server-session-{number:032x}={'x' * 80}" for number in range(400))
    assert network.http_status(port, "/healthz", {"Cookie": cookies}) == 200


def test_each_session_opens_a_file_of_its_own_in_vs_code(tmp_path: Path) -> None:
    """What VS Code keeps in the browser goes by the address, which stays, and by what it opened."""
    opened = []
    (tmp_path / "my work").mkdir()
    for task in ("aa" * 16, "bb" * 16):
        settings = Settings("key", tmp_path / "my work", "", 0, False, False, (1, 2), {})
        folder = tmp_path / task
        (folder / VSCODE.key).mkdir(parents=True)
        context = Context(task, folder, folder, settings, Environments(folder, print), "127.0.0.1")
        launch = vscode.application(context).launch()
        opened.append(Path(launch.argv[-1]))
        assert launch.cwd == tmp_path / "my work"
        assert json.loads(opened[-1].read_text())["folders"] == [{"path": str(tmp_path / "my work")}]
    assert opened[0] != opened[1] and {one.name for one in opened} == {"my work.code-workspace"}
