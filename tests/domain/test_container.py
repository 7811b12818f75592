"""The container fields that an agent with Docker reads."""

from dataclasses import replace
from typing import Any

import pytest

from desktop_app.domain.launch.container import container_arguments, network_of, one_line
from desktop_app.domain.launch.options import LaunchSpec

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
def test_the_network_s_arguments_follow_the_user_s(changes: dict[str, Any], arguments: str) -> None:
    assert container_arguments(replace(PYTHON, **changes)) == arguments


@pytest.mark.parametrize(
    "arguments",
    [
        """-e "MSG=two  blanks\"""",
        "-e 'MSG=two  blanks  and a tab\there'",
        """-e MSG="two  blanks"'  and  "more"'""",
        r"-e MSG=two\ \ blanks",
        r"""-e "a \"  b\"" -v '/a  b:/c  d'""",
        """--label=x="  " -e X='  '""",
    ],
)
def test_what_stands_in_quotes_stays_as_it_is(arguments: str) -> None:
    assert one_line(arguments) == arguments
    spaced = arguments.replace(" -v", "   -v").replace("-e ", "-e   ", 1)
    assert one_line(f"  {spaced} ") == arguments
    whole = container_arguments(replace(PYTHON, docker_args=arguments))
    assert whole == f"{arguments} --network host"
    assert network_of("python:3.12", whole)[0] == arguments


def test_a_quoted_word_says_nothing_of_the_network() -> None:
    assert container_arguments(replace(PYTHON, docker_args='-e "X=--network  y"')).endswith('y" --network host')
    assert container_arguments(replace(PYTHON, docker_args='"--network" none')) == '"--network" none'
