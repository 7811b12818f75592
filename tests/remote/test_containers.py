"""Whose network a container has, from what the kernel says in it; and which of two causes an installation names."""

import os
from pathlib import Path

import pytest

from remote_bootstrap import contract
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.machine import containers
from remote_bootstrap.runner import final_reason
from remote_bootstrap.task.report import TaskStatus
from remote_bootstrap.task.watcher import ABORTED
from remote_bootstrap.types import InstallError

ROUTES = "Iface\tDestination\tGateway\n{name}\t00000000\t0100A8C0\n{name}\t0000A8C0\t00000000\n"


def machine(folder: Path, index: int = 4, link: int = 5, uevent: str = "", device: bool = False) -> bool:
    """What is found where the default route goes out by an interface like that."""
    name = "eth0"
    place = folder / "net" / name
    place.mkdir(parents=True)
    (place / "ifindex").write_text(f"{index}\n")
    (place / "iflink").write_text(f"{link}\n")
    (place / "uevent").write_text(f"{uevent}INTERFACE={name}\nIFINDEX={index}\n")
    if device:
        (place / "device").mkdir()
    (folder / "route").write_text(ROUTES.format(name=name))
    return containers.has_own_network(folder / "route", folder / "net")


def test_docker_s_inner_cable_is_a_network_of_its_own(tmp_path: Path) -> None:
    assert machine(tmp_path)


def test_the_machine_s_own_card_is_not(tmp_path: Path) -> None:
    assert not machine(tmp_path, index=2, link=2)


def test_a_card_of_a_virtual_machine_is_not(tmp_path: Path) -> None:
    assert not machine(tmp_path, device=True)


@pytest.mark.parametrize("kind", ["macvlan", "ipvlan", "vlan", "wlan"])
def test_part_of_the_surrounding_network_is_not(tmp_path: Path, kind: str) -> None:
    assert not machine(tmp_path, uevent=f"DEVTYPE={kind}\n")


def test_without_a_way_out_nothing_is_claimed(tmp_path: Path) -> None:
    assert not containers.has_own_network(tmp_path / "none", tmp_path)


def test_a_pod_s_network_may_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(containers.KUBERNETES, "10.0.0.1")
    assert not machine(tmp_path)


def test_the_first_cause_comes_before_the_second_attempt_s(tmp_path: Path) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\necho 'error: No space left on device (os error 28)' >&2\nexit 2\n")
    uv.chmod(0o755)
    broken = tmp_path / "bin" / "python"
    broken.write_text("#!/bin/sh\necho \"Error: Command '[ensurepip]' failed\" >&2\nexit 1\n")
    broken.chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{uv.parent}:{before}"
    try:
        made = Environments(tmp_path / "cache", lambda _text: None, str(broken))
        with pytest.raises(InstallError) as caught:
            made.make(tmp_path / "env", ["six"], "JupyterLab could not be installed")
    finally:
        os.environ["PATH"] = before
    text = str(caught.value)
    assert text.index("No space left on device") < text.index("ensurepip")


@pytest.mark.parametrize(
    ("reason", "message", "wanted"),
    [
        (f"{contract.SIGNALLED} (SIGTERM)", "", f"{contract.ENDED_BY_MACHINE} (SIGTERM)"),
        (f"{contract.SIGNALLED} (SIGTERM)", "stopping", ABORTED),
        ("the user shut the session down", "stopping", "the user shut the session down"),
    ],
)
def test_a_signal_is_the_machine_s_unless_the_server_asked_its_agent(reason: str, message: str, wanted: str) -> None:
    assert final_reason(reason, TaskStatus("in_progress", message)) == wanted
