"""``sessiondock reconnect`` and ``accounts route``: connections from any terminal, whichever process holds them."""

import io

import pytest

from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import Link
from tests.fakes.outside import ACCOUNT, World
from tests.support.cli_rig import Run, add_ready
from tests.support.core_rig import CoreRig, is_link


@pytest.mark.parity("N5")
@pytest.mark.parametrize("which", [("--all",), ("a session",)])
def test_reconnect_reaches_the_window_that_holds_the_session(run: Run, other: World, which: tuple[str, ...]) -> None:
    with CoreRig(other) as rig:
        session = rig.attached()
        other.tunnel().probe_error = failure("ssh.lost", address="x")
        other.tunnel().connect_errors.append(failure("ssh.auth", address="x"))
        rig.until(session, is_link(Link.BLOCKED))
        other.tunnel().probe_error = None
        said = run("reconnect", *which, "--json")
        assert (said.code, said.json) == (0, {"reconnecting": [session.task]})
        rig.until(session, is_link(Link.UP))


def test_reconnect_of_what_is_not_attached(run: Run, world: World) -> None:
    add_ready(world)
    said = run("reconnect", "a session", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "session.not_attached")
    assert "sessiondock attach" in said.err
    said = run("reconnect", "--all")
    assert (said.code, said.err) == (0, "No session is attached on this computer.\n")


def test_a_route_is_set_shown_and_taken_back(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("accounts", "route", ACCOUNT.id).out == "direct\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("proxy-secret-text\n"))
    said = run("accounts", "route", ACCOUNT.label, "http://ada@proxy:3128")
    assert "through the HTTP proxy proxy:3128" in said.err
    assert world.secrets.entries[f"proxy-password/{ACCOUNT.id}"] == "proxy-secret-text"
    assert run("accounts", "route", ACCOUNT.id, "--json").json["route"] == "http://ada@proxy:3128"
    said = run("accounts", "route", ACCOUNT.id, "http://ada:pw@proxy", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "route.invalid")
    assert run("accounts", "route", ACCOUNT.id, "direct").code == 0
    assert world.memory.accounts.all()[0].route == ""
