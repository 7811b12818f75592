"""Several ports that other programs have: one notice tells of all of them."""

from tests.fakes.outside import World
from tests.support.core_rig import CoreRig


def test_every_taken_port_is_told() -> None:
    taken = {8878: "jupyter-lab (process 4711)", 8022: "dropbear (process 12)"}
    world = World(prepare_tunnel=lambda tunnel: tunnel.taken.update(taken))
    with CoreRig(world) as rig:
        notice = rig.get(rig.attached()).notice
        assert notice is not None and notice.code == "ports.taken"
        for words in ("Port 8878", "jupyter-lab (process 4711)", "8879", "Port 8022", "dropbear (process 12)", "8023"):
            assert words in notice.detail
