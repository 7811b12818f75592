"""What logind and NetworkManager announce on the system bus. Used by the thread of ``adapters.system_watch`` only.

The bus itself vouches for the sender of a signal, since the match rules name it.
"""

import logging

from jeepney import DBusAddress, DBusErrorResponse, HeaderFields, MatchRule, Message, message_bus
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection

from desktop_app.boundary.computer import SystemEvent

LOGIND = DBusAddress("/org/freedesktop/login1", "org.freedesktop.login1", "org.freedesktop.login1.Manager")
NETWORK = DBusAddress(
    "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "org.freedesktop.NetworkManager"
)
PROPERTIES = "org.freedesktop.DBus.Properties"
ASK_S = 2.0
TELLING = frozenset({"State", "PrimaryConnection", "ActiveConnections"})
# What jeepney raises where no bus can be had; its errors have no common base. OSError: nobody is there, or it does not
# answer in time. ValueError: an address that can't be read, or AuthenticationError. RuntimeError: no transport that it
# knows. DBusErrorResponse: the bus refuses the match rules.
NO_BUS = (OSError, ValueError, RuntimeError, DBusErrorResponse)

_log = logging.getLogger(__name__)


class Announcements:
    """A connection to the system bus. ``fileno`` becomes readable when there may be news; ``read`` never waits."""

    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection
        bus = Proxy(message_bus, connection, timeout=ASK_S)
        for address, interface, member in (
            (LOGIND, LOGIND.interface, "PrepareForSleep"),
            (NETWORK, NETWORK.interface, "StateChanged"),
            (NETWORK, PROPERTIES, "PropertiesChanged"),
        ):
            rule = MatchRule(
                type="signal", sender=address.bus_name, path=address.object_path, interface=interface, member=member
            )
            bus.AddMatch(rule)

    def close(self) -> None:
        self._connection.close()

    def fileno(self) -> int:
        return int(self._connection.sock.fileno())

    def read(self) -> tuple[SystemEvent, ...]:
        """Return what was announced since the last call. Raises OSError when the bus has ended."""
        found: list[SystemEvent] = []
        while True:
            try:
                event = event_of(self._connection.receive(timeout=0))
            except TimeoutError:
                return tuple(dict.fromkeys(found))
            if event is not None:
                found.append(event)


def event_of(message: Message) -> SystemEvent | None:
    """Return what a signal means to us."""
    fields = message.header.fields
    member = fields.get(HeaderFields.member)
    if member == "PrepareForSleep":  # true before sleeping, false after waking
        return None if message.body[0] else SystemEvent.WOKE
    if member == "StateChanged":
        return SystemEvent.NETWORK
    if member == "PropertiesChanged" and TELLING & set(message.body[1]):
        return SystemEvent.NETWORK
    return None


def open_announcements() -> Announcements | None:
    """Listen to the system bus; None where there is none (containers, other init systems): the clock and the addresses
    have to do."""
    try:
        connection = open_dbus_connection(bus="SYSTEM")
    except NO_BUS as error:
        _log.debug("no system bus: %s", error)
        return None
    try:
        return Announcements(connection)
    except NO_BUS as error:
        _log.debug("the system bus does not let us listen: %s", error)
        connection.close()
        return None
