"""What sessions in containers keep: whose word for it goes into the next launch."""

from dataclasses import replace

from remote_bootstrap.contract.archive_sums import PARAM_KEPT, sums_in_task
from tests.support.core_rig import BOTH, SPEC, CoreRig
from tests.support.waiting import wait_until

OTHER = "gpu"
A, B = "a" * 64, "b" * 64
TOLD = replace(BOTH, sequence=9, kept={"jupyterlab-4": A})


def parameters(rig: CoreRig, queue: str = SPEC.queue) -> dict[str, tuple[str, ...]]:
    task = rig.launch(replace(SPEC, queue=queue)).task
    return sums_in_task(rig.server.rows[task].draft.parameters.get(PARAM_KEPT, ""))


def test_the_next_launch_in_that_queue_brings_what_a_session_told_over_its_connection() -> None:
    with CoreRig() as rig:
        rig.server.set_queue(OTHER, ["box"])
        session = rig.launch()
        rig.comes_up(session)
        rig.until(session, lambda s: s.endpoints != ())
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, lambda s: s.link.name == "UP")
        assert parameters(rig) == {}
        rig.world.tunnel().push(TOLD)
        rig.world.tunnel().push(replace(TOLD, sequence=10, kept={"jupyterlab-4": B}))
        wait_until(lambda: bool(rig.world.kept.content), "the sums", 5)
        wait_until(lambda: parameters(rig) == {"jupyterlab-4": (B, A)}, "both sums", 5)
        assert parameters(rig, OTHER) == {}


def test_a_session_that_was_launched_elsewhere_is_not_asked() -> None:
    with CoreRig() as rig:
        rig.attached()
        rig.world.tunnel().push(TOLD)
        assert parameters(rig) == {}
