"""Keys that rotate and a server that goes away, for real: keyring, processes, sockets and sshd, by the command line."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop_app.domain.accounts.key_slots import loads
from remote_bootstrap import contract
from tests.support.desktop_private import PrivateDesktop, RigOptions
from tests.support.desktop_processes import Program
from tests.support.real_account import RealAccount, real_account
from tests.support.real_terminal import COMMAND, RealTerminal
from tests.support.ssh_peers import Application
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[RealAccount]:
    (tmp_path / "api").mkdir()
    with PrivateDesktop(RigOptions(tray=False)) as rig, real_account(tmp_path, RealTerminal(rig)) as made:
        yield made


def events(program: Program, name: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in program.output().splitlines() if line.startswith('{"')]
    return [event for event in found if event.get("event") == name]


def said(scene: RealAccount, *words: str, code: int = 0) -> str:
    """Both outputs."""
    done = scene.terminal.rig.run([*COMMAND, *words], 120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_server_goes_away_while_a_session_is_held(scene: RealAccount, tmp_path: Path) -> None:
    terminal, pair = scene.terminal, scene.server.another_key()
    scene.add(pair)
    task = scene.session(pair)
    attach = terminal.stay("attach", task)
    terminal.event(attach, "ready", 60)

    scene.server.go_away()
    (row,) = terminal.json("list")["sessions"]
    assert (row["id"], row["link"]) == (task, "up") and row["as_of"]
    assert "as of " in said(scene, "list") and "can't be reached" in said(scene, "list")
    info = terminal.json("info", "far away")
    port = info["applications"]["ssh"]["local_port"]
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        assert client.recv(4) == b"SSH-"
    assert "is as of " in said(scene, "ports", "far away")
    with closing(Application(lambda client: client.sendall(b"from there"))) as far:
        local = terminal.json("forward", task, str(far.port))["local_port"]
        with socket.create_connection(("127.0.0.1", local), 20) as client:
            assert client.recv(10) == b"from there"
    (tmp_path / "notes.txt").write_text("hello")
    terminal.run("upload", task, str(tmp_path / "notes.txt"), "--to", str(tmp_path / "there"))
    terminal.run("download", task[:8], str(tmp_path / "there" / "notes.txt"), "--to", str(tmp_path / "back"))
    assert (tmp_path / "back" / "notes.txt").read_text() == "hello"
    assert "can't be reached" in said(scene, "log", task, code=1)
    assert "There is no such session" not in said(scene, "info", "nothing", code=1)

    # the one that holds it says so and stays; killed, another one dials from what is known
    wait_until(lambda: events(attach, "server"), "the server's absence to be told", 60)
    assert events(attach, "server")[0]["answers"] is False and attach.running
    attach.kill()
    again = terminal.stay("attach", "far away")
    terminal.event(again, "ready", 60)
    assert events(again, "server")[0]["problem"]["code"] == "server.unreachable"
    assert terminal.json("info", task)["link"] == "up"

    scene.server.come_back()
    wait_until(lambda: events(again, "server")[-1]["answers"], "the server's return to be told", 90)
    assert terminal.json("info", task)["as_of"] is None
    terminal.run("detach", task)


def test_a_key_is_rotated_while_a_session_is_attached(scene: RealAccount) -> None:
    terminal, old, new = scene.terminal, scene.server.another_key(), scene.server.another_key()
    account = scene.add(old)["id"]
    task = scene.session(old)
    attach = terminal.stay("attach", task)
    terminal.event(attach, "ready", 60)
    before = terminal.json("info", task)

    added = scene.add(new)
    assert added["id"] == account and added["sessions"] == {"opens": [task], "does_not_open": [], "not_asked": []}
    assert scene.opens(new, task) and scene.opens(old, task)
    scene.server.revoke(old)
    assert terminal.json("list")["problems"] == {}
    terminal.run("accounts", "remove", old.access_key)
    (row,) = terminal.json("accounts", "list")["accounts"]
    assert [(key["key"], key["in_use"]) for key in row["keys"]] == [(new.access_key, True)]
    after = terminal.json("info", task)
    assert attach.running and after["link"] == "up" and after["applications"] == before["applications"]
    secrets = terminal.secrets()
    assert f"client-key/{account}/{task}" in secrets and sum(name.startswith("api-secret/") for name in secrets) == 1

    # the last key is revoked, too: what is known goes on, and another one takes over in one command
    scene.server.revoke(new)
    assert "refuses the API key" in said(scene, "ports", task)
    third = scene.server.another_key()
    assert scene.add(third)["id"] == account
    assert terminal.json("list")["problems"] == {} and scene.opens(third, task)
    slots = loads(scene.server.look(task)[contract.PARAM_KEY_SLOTS])
    assert len(slots) <= 3
    assert attach.running
    terminal.run("detach", task)
