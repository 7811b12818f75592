"""Runs a command on a computer that somebody works at: an account with a history, ports that are taken, an agent.

``python -m tests.support.used_home COMMAND …`` makes a home folder with keys, an ssh and a git configuration, a
clearml.conf, dotfiles that talk and settings of other programs, gives it to the account in a mount namespace (as
OpenSSH reads it) and as HOME, holds the ports that sessions use, lets a real clearml-agent and an ssh-agent run, and
ends all that with the command, whose exit code it returns. The real caches and what pip and npm are told stay there.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.namespaces import accounts_file, as_this_user, bind

TAKEN = (8878, 8898, 8022, 8023, 10022)
KEPT = (".cache", ".npmrc", ".config/pip", ".config/uv", ".pip")  # links to the account's own
AGENT = Path(sys.executable).with_name("clearml-agent")
END_SECONDS = 10.0

FILES: Mapping[str, str] = {
    ".ssh/config": """Host *
    ServerAliveInterval 17
    ControlMaster auto
    ControlPath ~/.ssh/control-%C
    User somebody
    ForwardAgent yes
Host work 10.*
    ProxyJump hop
""",
    ".ssh/known_hosts": "old.example,10.1.2.3 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0mQ0mQ0mQ0mQ0mQ0mQ0mQ0mQ\n",
    ".gitconfig": """[user]
    name = Ada
    email = ada@example.com
[credential]
    helper = store
[init]
    defaultBranch = trunk
[url "git@git.example:"]
    insteadOf = https://git.example/
[core]
    hooksPath = ~/.hooks
""",
    ".git-credentials": "https://ada:not-a-token@git.example\n",
    # a server that is not there: what runs by this configuration goes on asking for it
    "clearml.conf": """api {
    api_server: "http://127.0.0.1:9"
    web_server: "http://127.0.0.1:9"
    files_server: "http://127.0.0.1:9"
    credentials { access_key: "USEDHOMEUSEDHOME", secret_key: "used-home-used-home-used-home" }
}
agent { worker_id: "used-home:0" }
""",
    ".clearml_session.json": '{"queue": "gpu", "username": "somebody"}\n',
    ".bashrc": "echo good morning\nalias ls='ls --color=always'\nexport PROMPT_COMMAND=true HISTCONTROL=ignoreboth\n",
    ".profile": ". ~/.bashrc\necho from profile\n",
    ".bash_profile": ". ~/.profile\n",
    ".zshrc": "echo good morning from zsh\nautoload -Uz compinit && compinit\n",
    ".jupyter/jupyter_server_config.py": "c = get_config()\nc.ServerApp.base_url = '/ada/'\nc.ServerApp.port = 8888\n",
    ".config/code-server/config.yaml": "bind-addr: 0.0.0.0:8080\nauth: none\n",
    ".config/sessiondock/settings.json": '{"schema": 1, "from": "an earlier version"}\n',
    ".hooks/README": "none yet\n",
}
# What a terminal, an editor and a notebook leave in the environment of what is started in them.
VARIABLES: Mapping[str, str] = {
    "EDITOR": "code --wait",
    "LANG": "de_DE.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "TERM_PROGRAM": "vscode",
    "VSCODE_IPC_HOOK_CLI": "/tmp/vscode-ipc-nobody-listens.sock",
    "JPY_PARENT_PID": "1",
}


def furnish(home: Path, real: Path) -> None:
    """Fill a new home folder; ``real`` is that of the account."""
    for name, text in FILES.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text)
    key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada@laptop", "-f", str(home / ".ssh/id_ed25519")]
    subprocess.run(key, check=True)
    shutil.copy(home / ".ssh/id_ed25519.pub", home / ".ssh/authorized_keys")
    for path in (home / ".ssh").iterdir():
        path.chmod(0o600)
    for name in KEPT:
        if (real / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).symlink_to(real / name)


@contextmanager
def taken(ports: Sequence[int]) -> Iterator[None]:
    """Listeners of somebody else on these ports; one that is taken already is as good."""
    with ExitStack() as stack:
        for port in ports:
            try:
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError as error:
                print(f"port {port}: {error}", file=sys.stderr)
        yield


@contextmanager
def running(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """A program beside the command, ended with it."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=environment["HOME"]
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(command: Sequence[str]) -> int:
    """The exit code of ``command`` there."""
    folder = Path(tempfile.mkdtemp(prefix="sd-used-"))
    home = folder / "ada"
    home.mkdir(mode=0o700)
    try:
        furnish(home, Path.home())
        agent_socket = folder / "agent.sock"
        environment = {**os.environ, **VARIABLES, "HOME": str(home), "SSH_AUTH_SOCK": str(agent_socket)}
        agent = [str(AGENT), "daemon", "--foreground", "--queue", "default", "--cpu-only"]
        with (
            taken(TAKEN),
            running(["ssh-agent", "-D", "-a", str(agent_socket)], environment, folder / "ssh-agent.log"),
            running(agent, environment, folder / "agent.log"),
        ):
            inside = as_this_user([bind(accounts_file(folder, home), "/etc/passwd")])
            return subprocess.run([*inside, *command], env=environment, check=False).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
