"""The way to an account's machines: kept with the account, its password in the keyring, used by the next dial."""

from pathlib import Path

import pytest

from desktop_app.domain.access.route import Kind
from desktop_app.domain.accounts.account import SANDBOX_ID
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Link
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig, is_link

PROXY = "socks5://ada@proxy:1080"


def test_the_next_dial_takes_the_route_and_its_password() -> None:
    with CoreRig() as rig:
        rig.core.routes.set(ACCOUNT, PROXY, "proxy-secret-text", rig.soon())
        session = rig.attached()
        target = rig.world.tunnel().targets[0]
        assert (target.route.kind, target.route_password) == (Kind.SOCKS5, "proxy-secret-text")
        assert "proxy-secret-text" not in repr((target, rig.core.accounts.all(), rig.core.store.all()))
        rig.core.routes.set(rig.core.accounts.find(ACCOUNT.id), "direct", "", rig.soon())
        rig.world.tunnel().drop()
        rig.world.tunnel().wait_for(lambda t: len(t.targets) == 2)
        assert rig.world.tunnel().targets[1].route.kind is Kind.DIRECT
        assert f"proxy-password/{ACCOUNT.id}" not in rig.world.secrets.entries
        rig.until(session, is_link(Link.UP))


def test_a_new_key_and_a_password_left_out_change_nothing() -> None:
    with CoreRig() as rig:
        rig.core.routes.set(ACCOUNT, PROXY, "proxy-secret-text", rig.soon())
        account = rig.core.accounts.find(ACCOUNT.id)
        rig.core.routes.set(account, PROXY, "", rig.soon())
        assert rig.world.secrets.entries[f"proxy-password/{ACCOUNT.id}"] == "proxy-secret-text"
        assert rig.core.accounts.find(ACCOUNT.id).route == PROXY
        rig.core.sign_in.remove_account(ACCOUNT.id)
        assert f"proxy-password/{ACCOUNT.id}" not in rig.world.secrets.entries


def test_files_go_the_same_way(tmp_path: Path) -> None:
    with CoreRig() as rig:
        rig.core.routes.set(ACCOUNT, "ssh://me@bastion", "", rig.soon())
        session = rig.running()  # nobody holds its tunnel: files make a connection of their own
        (tmp_path / "notes").write_text("some")
        rig.core.files.upload(session, [tmp_path / "notes"], "", lambda _progress: None, rig.soon())
        assert {target.route.kind for target in rig.world.machine.targets} == {Kind.JUMP}


def test_a_jump_host_that_needs_a_person_stops_until_they_say_so() -> None:
    world = World(prepare_tunnel=lambda t: t.connect_errors.append(failure("route.host_key", hop="bastion", why="?")))
    with CoreRig(world) as rig:
        session = rig.running()
        rig.core.connections.attach(session, rig.soon())
        assert rig.until(session, is_link(Link.BLOCKED)).problem.code == "route.host_key"
        rig.core.connections.reconnect(session)
        rig.until(session, is_link(Link.UP))


def test_the_sandbox_takes_none_and_nonsense_is_refused() -> None:
    with CoreRig() as rig:
        sandbox = rig.core.sign_in.to_sandbox(rig.soon())
        assert sandbox.id == SANDBOX_ID
        for account, text in ((sandbox, "ssh://bastion"), (ACCOUNT, "nonsense")):
            with pytest.raises(AppError) as caught:
                rig.core.routes.set(account, text, "", rig.soon())
            assert caught.value.problem.code == "route.invalid"
        rig.core.routes.set(sandbox, "direct", "", rig.soon())
