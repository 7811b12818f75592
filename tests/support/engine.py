"""A Docker engine of the tests' own: a private dockerd with its storage in a temporary folder and a bridge of its own.

Needs root, Debian's docker.io and the image that ``make setup`` builds. It never touches another engine of the machine:
own socket, own folders, own bridge, no firewall rules; what runs in it is ended by name and the daemon by its pid.
Test thread only.
"""

import ipaddress
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.support.desktop_private import abandoned_by, note_owner
from tests.support.paths import ENGINE_IMAGE
from tests.support.waiting import wait_until

BASE = "sessiondock-test:base"  # everything that a session can use: Python with pip and venv, sshd, rsync, git, curl
NETWORKS = ipaddress.IPv4Network("198.51.100.0/24")  # RFC 5737: nobody's; each engine has four addresses of it
PREFIX = "sd-engine-"
START_S, END_S, LOAD_S = 30.0, 20.0, 120.0
IN_CONTAINER_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# Where a machine says which certificate authorities its programs trust, most specific first.
CERTIFICATE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
PIP_PLACES = (Path("/etc/pip.conf"), Path("/etc/xdg/pip"))  # the folder, for what its configuration names
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "UV_DEFAULT_INDEX",
             "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")  # fmt: skip


def reach_of_this_machine() -> list[str]:
    """``docker run`` arguments that let programs in a container reach package indexes as this machine's own do."""
    arguments: list[str] = []
    given = [os.environ.get(name, "") for name in CERTIFICATE_VARIABLES]
    bundle = next((path for path in (*given, IN_CONTAINER_CERTIFICATES) if path and Path(path).is_file()), "")
    if bundle:
        arguments += ["-v", f"{Path(bundle).resolve()}:{IN_CONTAINER_CERTIFICATES}:ro"]
        for name in CERTIFICATE_VARIABLES:
            if os.environ.get(name):
                arguments += ["-e", f"{name}={IN_CONTAINER_CERTIFICATES}"]
    for path in PIP_PLACES:
        if path.exists():
            arguments += ["-v", f"{path}:{path}:ro"]
    for name in PASSED_ON:
        if os.environ.get(name):
            arguments += ["-e", f"{name}={os.environ[name]}"]
    return arguments


class Engine:
    """One dockerd; a context manager. Raises AssertionError with the daemon's log when it does not start."""

    def __init__(self) -> None:
        end_abandoned(Path(tempfile.gettempdir()))
        self.base = Path(tempfile.mkdtemp(prefix=PREFIX))
        note_owner(self.base)
        self.socket = self.base / "docker.sock"
        self.bridge = bridge_of(os.getpid())
        subnets = list(NETWORKS.subnets(new_prefix=29))
        self.gateway = str(subnets[os.getpid() % len(subnets)][1])
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    def docker(self, *arguments: str, seconds: float = 60.0, check: bool = True, text: str = "") -> str:
        """What the client prints, both streams. Raises AssertionError with it."""
        done = subprocess.run(
            ["docker", *arguments],
            env={**os.environ, **self.environment},
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def run(self, image: str, *command: str, arguments: Sequence[str] = (), seconds: float = 60.0) -> str:
        """What a program prints in a container of its own."""
        return self.docker("run", "--rm", *arguments, image, *command, seconds=seconds)

    def build(self, name: str, dockerfile: str) -> str:
        """An image on top of ``BASE``, from the lines after FROM."""
        self.docker("build", "-q", "-t", name, "-", seconds=LOAD_S, text=f"FROM {BASE}\n{dockerfile}\n")
        return name

    def containers(self, containing: str = "") -> list[str]:
        """The ids of the running containers whose command holds this text."""
        lines = self.docker("ps", "--no-trunc", "--format", "{{.ID}} {{.Command}}").splitlines()
        return [line.split()[0] for line in lines if containing in line]

    def __enter__(self) -> Self:
        assert ENGINE_IMAGE.is_file(), f"{ENGINE_IMAGE} is missing: run `make setup`"
        _ip("link", "add", self.bridge, "type", "bridge")
        try:
            _ip("addr", "add", f"{self.gateway}/29", "dev", self.bridge)
            self._start()
            self.docker("import", str(ENGINE_IMAGE), BASE, seconds=LOAD_S)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _start(self) -> None:
        argv = ["dockerd", "--data-root", str(self.base / "data"), "--exec-root", str(self.base / "exec")]
        argv += ["-p", str(self.base / "pid"), "-H", f"unix://{self.socket}", "-b", self.bridge]
        argv += ["--iptables=false", "--ip-masq=false", "--default-ulimit", "nofile=1024:1024"]
        argv += ["--default-ulimit", "nproc=4096:4096", "--config-file", str(self.base / "none.json")]
        (self.base / "none.json").write_text("{}")  # the machine's own settings are another engine's
        with (self.base / "log").open("wb") as log:
            self._daemon = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

        def answers() -> bool:
            assert self._daemon is not None
            assert self._daemon.poll() is None, self.log()
            return self.socket.exists() and "Server Version" in self.docker("info", check=False)

        try:
            wait_until(answers, "dockerd", START_S, poll=0.2)
        except TimeoutError as error:
            error.add_note(self.log())
            raise

    def log(self) -> str:
        return (self.base / "log").read_text(errors="replace")[-3000:]

    def end_containers(self) -> None:
        left = self.docker("ps", "-aq", check=False).split()
        if left:
            self.docker("rm", "-f", *left, check=False)

    def close(self) -> None:
        """Ends the containers, the daemon with its helpers, and the bridge; takes the folder away."""
        if self._daemon is not None and self._daemon.poll() is None:
            self.end_containers()
            helpers = psutil.Process(self._daemon.pid).children(recursive=True)
            self._daemon.terminate()
            try:
                self._daemon.wait(END_S)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait(END_S)
            for helper in psutil.wait_procs(helpers, END_S)[1]:
                helper.kill()
        _take_away(self.base, self.bridge)


def bridge_of(pid: int) -> str:
    return f"sdt{pid}"


def end_abandoned(folder: Path) -> None:
    """End the engines of test runs that were killed before they could: processes, mounts, folders and bridges.

    A run that lives keeps its own. An engine's processes are those whose command line names its folder.
    """
    for base in folder.glob(f"{PREFIX}*"):
        pid = abandoned_by(base) if base.lstat().st_uid == os.getuid() else 0
        if pid:
            for process in [one for one in psutil.process_iter(["cmdline"]) if _names(one.info["cmdline"], base)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
                    process.wait(END_S)
            _take_away(base, bridge_of(pid))


def _names(command: Sequence[str] | None, base: Path) -> bool:
    return any(str(base) in word for word in command or ())


def _take_away(base: Path, bridge: str) -> None:
    for mount in _mounts_below(base):
        subprocess.run(["umount", "-l", mount], check=False)
    if Path("/sys/class/net", bridge).exists():
        subprocess.run(["ip", "link", "del", bridge], check=False)
    shutil.rmtree(base, ignore_errors=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _mounts_below(folder: Path) -> list[str]:
    """The deepest first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), key=len, reverse=True)


@contextmanager
def engine() -> Iterator[Engine]:
    with Engine() as made:
        yield made
