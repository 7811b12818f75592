"""The set-up scripts on machines that this one is not: packages missing, no root, an old Python, no screen.

The scripts run for real; only dpkg-query, apt and id are small stand-ins, first in PATH.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

SYSTEM_PACKAGES = "packaging/setup/system_packages.sh"
POLICY = '#!/bin/sh\n[ "$1" = policy ] && { echo "$2:"; echo "  Candidate: 1.0"; exit 0; }\n'


class Machine:
    """A folder of stand-ins for the programs that the scripts ask."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder
        self.apt_log = folder / "apt.log"
        self.program("id", "#!/bin/sh\necho 1000\n")
        self.program("apt-cache", POLICY)
        self.program("apt-get", f'#!/bin/sh\necho "$@" >> {self.apt_log}\n')
        self.missing_packages([])

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def missing_packages(self, names: Sequence[str]) -> None:
        cases = "".join(f"{name}) echo not-installed;;\n" for name in names)
        text = f'#!/bin/sh\nfor last; do :; done\ncase "$last" in\n{cases}*) printf installed;;\nesac\n'
        self.program("dpkg-query", text)

    def run(self, *argv: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}:{os.environ['PATH']}"
        return subprocess.run(
            argv,
            cwd=REPOSITORY,
            env={**_without_python(), "PATH": path, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )


def _without_python() -> dict[str, str]:
    """What whoever runs the tests has named for make."""
    return {name: value for name, value in os.environ.items() if name != "PYTHON"}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_missing_is_silent_and_asks_nobody(machine: Machine) -> None:
    result = machine.run(SYSTEM_PACKAGES, "run", "test")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not machine.apt_log.exists()


def test_without_root_the_exact_command_is_named(machine: Machine) -> None:
    machine.missing_packages(["xvfb", "libegl1", "libglib2.0-0", "libglib2.0-0t64"])
    result = machine.run(SYSTEM_PACKAGES, "run", "test")
    assert result.returncode == 1
    assert "apt-get install -y --no-install-recommends libegl1 libglib2.0-0 xvfb\n" in result.stderr
    assert not machine.apt_log.exists()


def test_one_of_the_alternatives_is_enough(machine: Machine) -> None:
    machine.missing_packages(["gnome-keyring", "libglib2.0-0", "kwalletmanager"])
    assert machine.run(SYSTEM_PACKAGES, "run").returncode == 0
    assert machine.run(SYSTEM_PACKAGES, "run", "test").returncode == 1, "tests use gnome-keyring itself"


def test_an_ssh_server_is_not_left_open_by_the_printed_command(machine: Machine) -> None:
    machine.missing_packages(["openssh-server"])
    result = machine.run(SYSTEM_PACKAGES, "run")
    assert "touch /etc/ssh/sshd_not_to_be_run" in result.stderr


def test_root_installs_with_one_update(machine: Machine) -> None:
    machine.program("id", "#!/bin/sh\necho 0\n")
    machine.missing_packages(["xvfb"])
    assert machine.run(SYSTEM_PACKAGES, "test").returncode == 0
    update, install = machine.apt_log.read_text().splitlines()
    assert update.endswith("update")
    assert "DPkg::Lock::Timeout=300" in install
    assert install.endswith("--no-install-recommends xvfb")


def test_docker_s_own_service_is_not_started_by_the_set_up(machine: Machine, tmp_path: Path) -> None:
    machine.program("id", "#!/bin/sh\necho 0\n")
    machine.missing_packages(["docker.io", "docker-ce"])
    units = tmp_path / "units"
    assert machine.run(SYSTEM_PACKAGES, "engine", env={"SYSTEMD_UNITS": str(units)}).returncode == 0
    masked = {unit.name for unit in units.iterdir() if unit.readlink() == Path("/dev/null")}
    assert masked == {"docker.service", "docker.socket", "containerd.service"}


def test_a_docker_that_is_there_is_left_alone(machine: Machine, tmp_path: Path) -> None:
    machine.program("id", "#!/bin/sh\necho 0\n")
    machine.missing_packages(["docker.io", "debootstrap"])  # docker-ce is installed
    assert machine.run(SYSTEM_PACKAGES, "engine", env={"SYSTEMD_UNITS": str(tmp_path / "units")}).returncode == 0
    assert not (tmp_path / "units").exists()
    assert machine.apt_log.read_text().endswith("--no-install-recommends debootstrap\n")


def test_python_without_venv_asks_for_the_package(machine: Machine) -> None:
    machine.program("old-python", "#!/bin/sh\nexit 1\n")
    result = machine.run(SYSTEM_PACKAGES, "run", env={"PYTHON": "old-python"})
    assert "install -y --no-install-recommends python3-venv" in result.stderr


def test_old_python_is_named_with_what_to_do(machine: Machine, tmp_path: Path) -> None:
    old = '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n'
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        machine.program(name, old)
    script = tmp_path / "checkout" / "packaging" / "setup" / "venv.sh"
    script.parent.mkdir(parents=True)
    script.write_text((REPOSITORY / "packaging/setup/venv.sh").read_text())
    result = machine.run("bash", str(script))
    assert result.returncode == 1
    assert "needs Python 3.11 or newer; python3 is Python 3.9.2" in result.stderr


def test_run_without_a_screen_points_to_smoke(machine: Machine) -> None:
    result = machine.run("make", "run")
    assert result.returncode != 0
    assert "no display" in result.stderr
    assert "make smoke" in result.stderr


def test_help_is_the_default_and_knows_the_commands(machine: Machine) -> None:
    text = machine.run("make").stdout
    for command in ("run", "test", "check", "smoke", "bench-launch", "test-py38", "dist", "dist-check"):
        assert f"  make {command} " in text
