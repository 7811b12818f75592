"""Uses a running program the way a screen reader does: AT-SPI over D-Bus, from outside its process.

The program must run with QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1 (the rig sets it). Roles are Qt's names (``push button``,
``check box``, ``text``, ``combo box``, ``label``, ``table cell``…). Facts: a combo box is named after its current text,
so find it by accessible identifier; popup menus are not in the tree, use real keys or the mouse. The test's thread.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from jeepney import DBusAddress, DBusErrorResponse, Properties, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from jeepney.wrappers import unwrap_msg

from tests.support.waiting import wait_until

ATSPI = "org.a11y.atspi."
NO_NODE = "/org/a11y/atspi/null"
SECONDS = 5.0

# Bit numbers of AtspiStateType; only those that tests ask for.
STATES = {
    1: "active",
    4: "checked",
    7: "editable",
    8: "enabled",
    9: "expandable",
    10: "expanded",
    11: "focusable",
    12: "focused",
    16: "modal",
    20: "pressed",
    23: "selected",
    24: "sensitive",
    25: "showing",
    30: "visible",
    39: "default",
    41: "checkable",
}
CLICKS = ("Press", "Toggle", "Show Menu")

T = TypeVar("T")
Name = str | re.Pattern[str] | None


class AxError(RuntimeError):
    """A widget is not there, or cannot do what was asked."""


class AccessibilityBus:
    """The connection to the accessibility bus behind one session bus."""

    def __init__(self, session_address: str) -> None:
        with open_dbus_connection(session_address) as session:
            where = DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus")
            reply = session.send_and_get_reply(new_method_call(where, "GetAddress"), timeout=SECONDS)
        self.connection: DBusConnection = open_dbus_connection(unwrap_msg(reply)[0])

    def close(self) -> None:
        self.connection.close()

    def applications(self) -> list["Node"]:
        root = Node(self, "org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
        return root.children

    def application(self, name: str, seconds: float) -> "Node":
        """The application with this name, once it is there. Raises TimeoutError."""

        def look() -> Node | None:
            return next((app for app in self.applications() if app.name == name), None)

        return wait_until(lambda: _gone_is_none(look), f"application {name!r} on the accessibility bus", seconds)


class Node:
    """One accessible object. Properties are asked for anew at each access; a D-Bus error once it is gone."""

    def __init__(self, bus: AccessibilityBus, owner: str, path: str) -> None:
        self.bus, self.owner, self.path = bus, owner, path

    def _address(self, interface: str) -> DBusAddress:
        return DBusAddress(self.path, self.owner, ATSPI + interface)

    def call(self, interface: str, method: str, signature: str | None = None, *body: Any) -> tuple[Any, ...]:
        message = new_method_call(self._address(interface), method, signature, body)
        return tuple(unwrap_msg(self.bus.connection.send_and_get_reply(message, timeout=SECONDS)))

    def get(self, interface: str, name: str) -> Any:
        reply = self.bus.connection.send_and_get_reply(Properties(self._address(interface)).get(name), timeout=SECONDS)
        return unwrap_msg(reply)[0][1]

    # ---- reading ----

    @property
    def name(self) -> str:
        return str(self.get("Accessible", "Name"))

    @property
    def identifier(self) -> str:
        """What the program gave to QWidget.setAccessibleIdentifier."""
        return str(self.get("Accessible", "AccessibleId"))

    @property
    def role(self) -> str:
        return str(self.call("Accessible", "GetRoleName")[0])

    @property
    def states(self) -> set[str]:
        low, high = (*self.call("Accessible", "GetState")[0], 0, 0)[:2]
        bits = low | high << 32
        return {name for bit, name in STATES.items() if bits >> bit & 1}

    @property
    def extents(self) -> tuple[int, int, int, int]:
        """x, y, width, height on the screen, in pixels."""
        x, y, width, height = self.call("Component", "GetExtents", "u", 0)[0]
        return x, y, width, height

    @property
    def text(self) -> str:
        """The content of a text field or a document."""
        return str(self.call("Text", "GetText", "ii", 0, self.get("Text", "CharacterCount"))[0])

    @property
    def children(self) -> list["Node"]:
        answer = self.call("Accessible", "GetChildren")[0]
        return [Node(self.bus, owner, path) for owner, path in answer if path != NO_NODE]

    def walk(self) -> Iterator["Node"]:
        """This node and everything below it, in order; what goes away meanwhile is left out."""
        yield self
        for child in _gone_is_none(lambda: self.children) or []:
            yield from child.walk()

    # ---- finding ----

    def find_all(self, role: str | None = None, name: Name = None, identifier: str | None = None) -> list["Node"]:
        """Every showing descendant that matches; ``name`` is the exact text or a pattern to search for."""

        def matches(node: Node) -> bool:
            return (
                (identifier is None or node.identifier == identifier)
                and (role is None or node.role == role)
                and (name is None or _names(name, node.name))
                and "showing" in node.states
            )

        return [node for node in self.walk() if _gone_is_none(partial(matches, node))]

    def find(
        self, role: str | None = None, name: Name = None, identifier: str | None = None, seconds: float = SECONDS
    ) -> "Node":
        """The first match, once it is there. Raises AxError with the whole tree."""
        try:
            return wait_until(lambda: self.find_all(role, name, identifier), "the widget", seconds)[0]
        except TimeoutError:
            wanted = f"role {role!r}, name {name!r}, identifier {identifier!r}"
            raise AxError(f"nothing with {wanted} within {seconds:g} s:\n{self.tree()}") from None

    def wait(
        self, condition: Callable[["Node"], object], what: str = "a condition", seconds: float = SECONDS
    ) -> "Node":
        """Waits until ``condition(self)``; an action's effect is often visible only a moment after it returns."""
        try:
            wait_until(lambda: condition(self), what, seconds)
        except TimeoutError as error:
            raise AxError(f"{error}; it is {self.role} {self.name!r} {sorted(self.states)}") from None
        return self

    def tree(self) -> str:
        """The whole subtree as text, for failure messages."""
        return "\n".join(_tree_lines(self, 0))

    # ---- acting ----

    def click(self, action: str | None = None) -> None:
        """Presses, toggles or opens, whichever this widget has, or does the named action. Raises AxError."""
        if not self.states & {"enabled", "sensitive"}:
            raise AxError(f"{self.role} {self.name!r} is disabled")
        offered = [entry[0] for entry in self.call("Action", "GetActions")[0]]
        chosen = next((known for known in ((action,) if action else CLICKS) if known in offered), None)
        if chosen is None:
            raise AxError(f"{self.role} {self.name!r} offers only {offered}")
        self.call("Action", "DoAction", "i", offered.index(chosen))

    def set_text(self, text: str) -> None:
        if not self.call("EditableText", "SetTextContents", "s", text)[0]:
            raise AxError(f"{self.role} {self.name!r} took no text")

    def set_value(self, value: float) -> None:
        """For spin boxes and sliders."""
        message = Properties(self._address("Value")).set("CurrentValue", "d", float(value))
        unwrap_msg(self.bus.connection.send_and_get_reply(message, timeout=SECONDS))

    def focus(self) -> None:
        self.call("Component", "GrabFocus")


def _gone_is_none(ask: Callable[[], T]) -> T | None:
    """None instead of the error of an object that went away while we looked."""
    try:
        return ask()
    except DBusErrorResponse:
        return None


def _names(wanted: str | re.Pattern[str], name: str) -> bool:
    return name == wanted if isinstance(wanted, str) else wanted.search(name) is not None


def _tree_lines(node: Node, depth: int) -> Iterator[str]:
    interesting = {"focused", "checked", "selected", "showing", "enabled", "default"}
    try:
        about = f"{node.role} {node.name!r} #{node.identifier} {sorted(node.states & interesting)}"
        children = node.children
    except DBusErrorResponse as error:
        about, children = f"gone ({error})", []
    yield "  " * depth + about
    for child in children:
        yield from _tree_lines(child, depth + 1)
