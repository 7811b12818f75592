"""A machine that has IPv6 alone: what it publishes, where SSH listens. In a network namespace of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from remote_bootstrap.machine import network

SCRIPT = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from remote_bootstrap.machine import network
assert network.outbound_address() == "fd00:5::2", network.outbound_address()
assert network.public_address("", "https://api.example") == "fd00:5::2"
assert network.bind_address("fd00:5::2") == network.bind_address("gpu.example") == "::"
assert network.bind_address("127.0.0.1") == "127.0.0.1"
os.environ["CLEARML_AGENT_HOST_IP"] = "fd00:5::2"
address = network.public_address("", "https://api.example")
host = network.bind_address(address)
port = network.free_port(host, 10022)
assert network.is_free(host, port)
with socket.create_server((host, port), family=socket.AF_INET6) as server:
    assert not network.is_free(host, port)
    with socket.create_connection((address, port), 5), socket.create_connection((network.near(host), port), 5):
        print("reached")
"""


def test_an_ipv6_machine_is_published_and_listened_on(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(SCRIPT)
    make = "ip link set lo up; ip link add six0 type veth peer name six1; ip link set six1 up; ip link set six0 up"
    route = "ip addr add fd00:5::2/64 dev six0 nodad; ip -6 route add default dev six0"
    own = [] if os.geteuid() == 0 else ["--map-root-user", "--user"]
    command = f"{make}; {route}; exec {sys.executable} {tmp_path}/probe.py {Path(__file__).parents[2]}"
    done = subprocess.run(["unshare", *own, "--net", "sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("reached\n", "")


@pytest.mark.parametrize(("address", "host"), [("::1", "::1"), ("[::1]", "::1"), ("localhost", "127.0.0.1")])
def test_loopback_stays_loopback(address: str, host: str) -> None:
    assert network.bind_address(address) == host
