"""Waking and network changes as the real system bus, clocks and interfaces show them."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from jeepney import DBusAddress, message_bus, new_signal
from jeepney.io.blocking import Proxy, open_dbus_connection

from desktop_app.adapters import system_watch
from desktop_app.adapters.os.linux_bus import LOGIND, NETWORK, PROPERTIES, open_announcements
from desktop_app.adapters.system_watch import AddressSense, SleepSense, Watch, own_addresses, watch_system
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import SystemEvent
from tests.support.system_bus import Bus
from tests.support.waiting import wait_until


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    made = Bus(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.address)
    yield made
    made.close()


class Watching:
    """The real watch on a thread, and what it told."""

    def __init__(self, tick: float = 0.05) -> None:
        self.told: list[SystemEvent] = []
        self._cancel = Cancel()
        self._thread = threading.Thread(target=Watch(self.told.append, self._cancel, tick).run, name="test-watch")
        self._thread.start()

    def until(self, *events: SystemEvent) -> None:
        wait_until(lambda: self.told == list(events), f"{events}", 10)

    def close(self) -> None:
        self._cancel.cancel()
        self._thread.join(5)
        assert not self._thread.is_alive()


@pytest.mark.parity("N5")
def test_logind_and_the_network_manager_are_heard(bus: Bus) -> None:
    watching = Watching(tick=5.0)  # slower than the test: only the bus can have told
    try:
        announcements = wait_until(lambda: open_announcements() if bus.heard() else None, "the bus")
        bus.emit(LOGIND, "PrepareForSleep", "b", (True,))
        bus.emit(LOGIND, "PrepareForSleep", "b", (False,))
        watching.until(SystemEvent.WOKE)
        wait_until(announcements.read, "the same on a second connection")
        bus.emit(NETWORK, "PropertiesChanged", "sa{sv}as", (NETWORK.interface, {"WirelessEnabled": ("b", True)}, []),
                 PROPERTIES)  # fmt: skip
        bus.emit(NETWORK, "PropertiesChanged", "sa{sv}as", (NETWORK.interface, {"PrimaryConnection": ("o", "/a")}, []),
                 PROPERTIES)  # fmt: skip
        watching.until(SystemEvent.WOKE, SystemEvent.NETWORK)
        announcements.close()
    finally:
        watching.close()


def test_signals_of_others_are_not_believed(bus: Bus) -> None:
    announcements = open_announcements()
    assert announcements is not None
    stranger = open_dbus_connection(bus.address)
    emitter = DBusAddress(LOGIND.object_path, None, LOGIND.interface)
    stranger.send(new_signal(emitter, "PrepareForSleep", "b", (False,)))
    Proxy(message_bus, stranger).GetId()  # the bus has handled the signal by now
    bus.emit(NETWORK, "StateChanged", "u", (70,))
    assert wait_until(announcements.read, "the real signal") == (SystemEvent.NETWORK,)
    stranger.close()
    announcements.close()


@pytest.mark.parametrize("address", ["unix:path={folder}/nobody", "tcp:host=127.0.0.1,port=1", "nonsense", "unix:"])
def test_an_address_without_a_bus_is_none(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address.format(folder=tmp_path))
    assert open_announcements() is None


@pytest.mark.parametrize(
    "answer", [b"REJECTED EXTERNAL\r\n", b"", b"OK 1234\r\n"], ids=["refuses", "hangs up", "stops"]
)
def test_a_bus_that_does_not_take_us_is_none(answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one lets us in and goes before it knows what we want to hear."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/bus")
        listener.listen(1)

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(answer)

        thread = threading.Thread(target=serve, name="not-a-bus")
        thread.start()
        assert open_announcements() is None
        thread.join(5)


def test_a_bus_that_refuses_to_tell_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = "<busconfig><type>session</type><listen>unix:path={0}/bus</listen><auth>EXTERNAL</auth><policy " \
        "context='default'><allow send_destination='*'/><allow receive_sender='*'/><allow own='*'/></policy><limit " \
        "name='max_match_rules_per_connection'>1</limit></busconfig>"  # fmt: skip
    (tmp_path / "bus.conf").write_text(limits.format(tmp_path), "utf-8")
    made = Bus(tmp_path, f"--config-file={tmp_path}/bus.conf")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.address)
    assert open_announcements() is None
    made.close()


def test_without_a_system_bus_clock_and_addresses_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
    assert open_announcements() is None
    watching = Watching()
    addresses = own_addresses()
    monkeypatch.setattr(system_watch, "own_addresses", lambda: addresses | {"192.0.2.7"})
    watching.close()
    assert SystemEvent.WOKE not in watching.told


def test_the_end_of_the_bus_is_survived(bus: Bus) -> None:
    watching = Watching()
    wait_until(lambda: bus.heard(), "the watch to listen")
    bus.process.terminate()
    bus.process.wait()
    watching.close()
    assert watching.told == []


@pytest.mark.parametrize("clock", [0, 1])
def test_a_sleep_is_a_jump_of_either_clock(clock: int) -> None:
    now = [1000.0, 50.0]
    sense = SleepSense(lambda: now[0], lambda: now[1])
    now[:] = [1001.0, 51.0]
    assert not sense.slept(1.0)
    now[clock] += 5.0
    assert sense.slept(1.0)
    now[0] -= 3600.0  # a wall clock that is set back is no sleep
    assert not sense.slept(1.0)


def test_another_address_is_another_network() -> None:
    seen = [frozenset({"192.168.1.5"})]
    sense = AddressSense(lambda: seen[0])
    assert not sense.changed()
    seen[0] = frozenset({"10.1.0.9"})
    assert sense.changed()
    assert not sense.changed()
    assert not any(address.startswith(("127.", "fe80:")) for address in own_addresses())


def test_the_watch_ends_when_asked() -> None:
    cancel = Cancel()
    thread = threading.Thread(target=watch_system, args=(lambda _event: None, cancel), name="test-watch")
    thread.start()
    cancel.cancel()
    thread.join(5)
    assert not thread.is_alive()
