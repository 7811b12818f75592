"""The container fields that an agent with Docker reads."""

from dataclasses import replace

import pytest

from desktop_app.domain.container import container_arguments
from desktop_app.domain.options import LaunchSpec

PYTHON = LaunchSpec(queue="default", docker="python:3.12")


@pytest.mark.parity("--docker", "--docker-args", "--docker-network", "--skip-docker-network")
@pytest.mark.parametrize(
    ("changes", "arguments"),
    [
        ({}, "--network host"),
        ({"docker_args": "--shm-size=8g  -v /data:/data"}, "--shm-size=8g -v /data:/data --network host"),
        ({"docker_network": "none"}, ""),
        ({"docker_network": "none", "docker_args": "--ipc=host"}, "--ipc=host"),
        ({"docker_network": "port"}, "-p 10022:10022"),
        ({"docker_network": "port", "ssh_port": "2222:2300"}, "-p 10022:2222"),
        ({"docker_args": "--network my-net"}, "--network my-net"),
        ({"docker_args": "--net=host"}, "--net=host"),
        ({"docker_network": "port", "docker_args": "--network=my-net"}, "--network=my-net"),
        ({"docker": ""}, ""),
    ],
)
def test_the_network_s_arguments_follow_the_user_s(changes: dict[str, str], arguments: str) -> None:
    assert container_arguments(replace(PYTHON, **changes)) == arguments
