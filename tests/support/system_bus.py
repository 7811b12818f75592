"""A private system bus on which the test is logind and NetworkManager. Test thread; the bus is a process of its own."""

import subprocess
from pathlib import Path

from jeepney import DBusAddress, message_bus, new_signal
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection

from desktop_app.adapters.os.linux_bus import LOGIND, NETWORK


class Bus:
    """Running from the start until ``close``."""

    def __init__(self, folder: Path, configuration: str = "--session") -> None:
        self.address = f"unix:path={folder}/bus"
        command = ["dbus-daemon", configuration, "--nofork", "--print-address", f"--address={self.address}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.connection: DBusConnection = open_dbus_connection(self.address)
        self.own = Proxy(message_bus, self.connection)
        for service in (LOGIND, NETWORK):
            self.own.RequestName(service.bus_name)

    def emit(
        self, source: DBusAddress, member: str, signature: str, body: tuple[object, ...], interface: str = ""
    ) -> None:
        emitter = DBusAddress(source.object_path, source.bus_name, interface or source.interface)
        self.connection.send(new_signal(emitter, member, signature, body))

    def close(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def heard(self) -> bool:
        """Whether somebody else is on the bus by now."""
        names = self.own.ListNames()[0]
        return len([name for name in names if name.startswith(":")]) >= 2
