"""Which sessions the user's own ssh knows, under which name, and for how long their keys are served."""

import threading

from desktop_app.boundary.connection import Target
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.problems import AppError, problem
from desktop_app.domain.sessions.snapshot import Link, Remote
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig, is_link
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until


def published(world: World) -> dict[str, Alias]:
    return {alias.session: alias for alias in world.ssh_config.published}


def test_a_session_gets_its_alias_when_it_is_connected() -> None:
    with CoreRig() as rig:
        session = rig.running()
        assert rig.core.aliases.of(session) is None
        rig.core.connections.attach(session, rig.soon())
        wait_until(lambda: session.text in published(rig.world), "the alias")
        assert published(rig.world)[session.text] == Alias("sd-a-session", session.text, "ada", 8022, "a session")
        assert rig.core.aliases.of(session) == rig.core.aliases.named("sd-a-session")
        assert rig.world.ssh_access.open == {session.text}


def test_sessions_of_the_same_name_and_hosts_of_the_user_stay_apart() -> None:
    world = World()
    world.ssh_config.hosts = frozenset({"sd-a-session"})
    with CoreRig(world) as rig:
        sessions = [rig.attached(), rig.attached()]
        wait_until(lambda: len(published(world)) == 2, "both aliases")
        assert sorted(published(world)[s.text].name for s in sessions) == ["sd-a-session-2", "sd-a-session-3"]


def test_detaching_takes_the_key_back_and_keeps_the_alias() -> None:
    world = World()
    with CoreRig(world) as rig:
        session = rig.attached()
        wait_until(lambda: session.text in published(world), "the alias")
        rig.core.connections.detach(session)
        wait_until(lambda: not world.ssh_access.open, "the key to be taken back")
        assert session.text in published(world)
    assert session.text in published(world)
    with CoreRig(world) as rig:
        rig.until(session, lambda s: s.remote is Remote.READY)
        rig.core.connections.attach(session, rig.soon())
        wait_until(lambda: world.ssh_access.open, "the key")
        alias = rig.core.aliases.of(session)
        assert alias is not None and alias.name == "sd-a-session"
    assert not world.ssh_access.open, "closing takes the keys back"


def test_a_session_that_ends_gives_its_alias_up() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        wait_until(lambda: session.text in published(rig.world), "the alias")
        rig.server.end(session.task)
        wait_until(lambda: not published(rig.world), "the alias to go")
        again = rig.attached()
        wait_until(lambda: again.text in published(rig.world), "the next alias")
        assert published(rig.world)[again.text].name == "sd-a-session"


def test_what_ended_while_we_were_away_is_found_by_the_next_poll() -> None:
    world = World()
    gone, other = f"{ACCOUNT.id}/{'f' * 32}", f"other-account/{'e' * 32}"
    for session in (gone, other):
        world.memory.aliases.save(session, "ada", 8022, "old", lambda taken: f"sd-{len(taken)}")
    with CoreRig(world) as rig:
        wait_until(lambda: {alias.session for alias in world.memory.aliases.all()} == {other}, "the old alias to go")
        assert rig.core.polling.wait_polled(ACCOUNT.id, 5)
    assert {alias.session for alias in world.memory.aliases.all()} == {other}


def test_a_server_that_is_away_ends_no_alias(expected_log: ExpectLog) -> None:
    world = World()
    world.memory.aliases.save(f"{ACCOUNT.id}/{'f' * 32}", "ada", 8022, "old", lambda _taken: "sd-old")
    world.server().problem = problem("server.unreachable", server="x")
    expected_log("can't be reached")
    with CoreRig(world) as rig:
        assert rig.core.polling.wait_polled(ACCOUNT.id, 5)
    assert [alias.name for alias in world.memory.aliases.all()] == ["sd-old"]


def test_an_unwritable_folder_is_logged_and_the_tunnel_works(expected_log: ExpectLog) -> None:
    world = World()

    def refuse(_aliases: object) -> None:
        raise AppError(problem("file.unwritable", path="ssh_config", why="the disk is full"))

    world.ssh_config.publish = refuse  # type: ignore[method-assign, assignment]  # the fake's, in this world only
    expected_log("the disk is full")
    with CoreRig(world) as rig:
        session = rig.attached()
        rig.until(session, is_link(Link.UP))
        wait_until(lambda: world.memory.aliases.all(), "the alias")


def test_the_users_configuration_is_changed_when_asked_only() -> None:
    with CoreRig() as rig:
        rig.attached()
        config = rig.world.ssh_config
        assert rig.core.aliases.status().place is Place.ABSENT
        assert rig.core.aliases.install() and not rig.core.aliases.install()
        assert config.included is Place.TOP
        assert rig.core.aliases.remove() and not rig.core.aliases.remove()
        assert config.included is Place.ABSENT


def test_the_command_to_copy_is_short_once_ssh_knows_the_sessions() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        wait_until(lambda: session.text in published(rig.world), "the alias")
        assert rig.core.open_in.ssh_command(session, rig.soon()).startswith("ssh -p 8022")
        rig.core.aliases.install()
        assert rig.core.open_in.ssh_command(session, rig.soon()) == "ssh sd-a-session"
        rig.world.ssh_config.published = ()
        assert rig.core.open_in.ssh_command(session, rig.soon()).startswith("ssh -p 8022"), "the entry is on its way"


def test_an_alias_of_a_session_that_another_process_holds_stays() -> None:
    """A session of somebody else is in no list of ours; only its holder knows it."""
    with CoreRig() as rig:
        session = rig.attached()
        wait_until(lambda: session.text in published(rig.world), "the alias")
        world = rig.world
        gone = f"{ACCOUNT.id}/{'f' * 32}"
        world.memory.aliases.save(gone, "ada", 8100, "old", lambda _taken: "sd-old")
        other = World(world.memory, world.secrets, servers=world.servers, runtime_dir=world.runtime_dir)
        with CoreRig(other, "cli", start=False) as second:
            second.core.aliases.polled(ACCOUNT.id)
            wait_until(lambda: len(world.memory.aliases.all()) == 1, "the old alias to go")
        assert [alias.session for alias in world.memory.aliases.all()] == [session.text]


def test_a_key_that_was_being_lent_while_the_session_was_detached_is_taken_back() -> None:
    world = World()
    lending, go_on, lend = threading.Event(), threading.Event(), world.ssh_access.lend

    def slow(session: str, target: Target) -> None:
        lending.set()
        assert go_on.wait(10)
        lend(session, target)

    world.ssh_access.lend = slow  # type: ignore[method-assign]  # the fake's, in this world only
    with CoreRig(world) as rig:
        session = rig.attached()
        assert lending.wait(5)
        rig.core.connections.detach(session)
        go_on.set()
        wait_until(lambda: world.memory.aliases.all(), "the alias")
        wait_until(lambda: not world.ssh_access.open, "the key to be taken back")
