"""Deleting finished sessions: only what was listed, only what has ended, and with it what this computer remembered."""

from desktop_app.domain.problems import problem
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts, SessionId
from tests.fakes.outside import ACCOUNT
from tests.support.core_rig import CoreRig
from tests.support.guards import ExpectLog


def ended(rig: CoreRig, name: str, **more: object) -> str:
    task = rig.server.add_session(ServerFacts(Remote.ENDED, name, end=End.SHUT_DOWN))
    for key, value in more.items():
        setattr(rig.server.rows[task], key, value)
    return task


def test_what_was_chosen_goes_with_its_key_and_the_rest_stays() -> None:
    with CoreRig() as rig:
        gone, kept, alive = ended(rig, "gone"), ended(rig, "kept"), rig.running().task
        rig.world.secrets.entries[f"client-key/{ACCOUNT.id}/{gone}"] = "PRIVATE KEY"
        assert {one.task for one in rig.core.cleanup.look(ACCOUNT.id, rig.soon())} == {gone, kept}
        assert rig.core.cleanup.delete(ACCOUNT.id, [gone, alive, "nonsense"], rig.soon()) == 1
        assert gone not in rig.server.rows and {kept, alive} <= set(rig.server.rows)
        assert f"client-key/{ACCOUNT.id}/{gone}" not in rig.world.secrets.entries
        assert rig.core.store.get(SessionId(ACCOUNT.id, gone)) is None


def test_a_last_snapshot_is_not_deleted_even_when_it_is_asked_for() -> None:
    with CoreRig() as rig:
        task = ended(rig, "the workspace", folder="~/w", stored=5.0)
        assert rig.core.cleanup.look(ACCOUNT.id, rig.soon()) == ()
        assert rig.core.cleanup.delete(ACCOUNT.id, [task], rig.soon()) == 0
        assert task in rig.server.rows


def test_somebody_elses_are_not_offered_and_what_the_server_keeps_is_kept(expected_log: ExpectLog) -> None:
    expected_log("is kept")
    with CoreRig() as rig:
        first, second = ended(rig, "first"), ended(rig, "second")
        rig.server.rows[first].user = "somebody else"
        found = rig.core.cleanup.look(ACCOUNT.id, rig.soon())
        assert [one.task for one in found] == [second]
        rig.server.problems["remove"] = problem("task.foreign", task=second)
        assert rig.core.cleanup.delete(ACCOUNT.id, [second], rig.soon()) == 0
        assert {first, second} <= set(rig.server.rows)
