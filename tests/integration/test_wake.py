"""A laptop's lid, from logind's signal on a real bus to a real sshd: dead connections are replaced within seconds."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.adapters.os.linux_bus import LOGIND
from desktop_app.domain.sessions.snapshot import Link
from tests.support.fault_scene import SHORT, Scene
from tests.support.system_bus import Bus
from tests.support.waiting import wait_until

# By itself this connection would be looked after in ten minutes.
PATIENT = replace(SHORT, probe_every_s=600.0)


@pytest.mark.parity("N5")
def test_waking_replaces_a_connection_that_died_in_the_sleep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    try:
        with Scene(tmp_path, PATIENT, real_system=True) as scene:
            wait_until(bus.heard, "the watch to listen")
            bus.emit(LOGIND, "PrepareForSleep", "b", (True,))
            scene.relay.half_open()
            assert scene.rig.get(scene.session).link is Link.UP  # nobody can know yet
            seen: list[Link] = []
            scene.rig.core.store.subscribe(lambda _old, new: seen.append(new.link) if new else None)
            woke = time.monotonic()
            bus.emit(LOGIND, "PrepareForSleep", "b", (False,))
            wait_until(lambda: Link.RETRYING in seen, "the connection to be given up", 30)
            scene.wait_back()
            print(f"back {time.monotonic() - woke:.1f} s after the wake")
            scene.wait_for_work()
            assert scene.wrong() == []
    finally:
        bus.close()
