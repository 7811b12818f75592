"""Uses a tray icon from outside its process (StatusNotifierItem, dbusmenu) and reads the recorded notifications.

An entry is chosen with dbusmenu's ``clicked`` event, which goes through the real QMenu and QAction of the program. One
bus connection per Tray; the test's thread.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, Properties, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg

from tests.support.desktop_bus import CONTROL, CONTROL_PATH, WATCHER
from tests.support.waiting import wait_until

ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
SECONDS = 5.0


@dataclass(frozen=True)
class MenuEntry:
    """One line of a menu as a panel would show it; ``checked`` is None for an entry that has no check mark."""

    id: int
    label: str
    separator: bool
    enabled: bool
    visible: bool
    checked: bool | None
    children: list["MenuEntry"] = field(default_factory=list)


class Tray:
    """One tray icon. TimeoutError when none comes, LookupError for an entry that is not there or can't be chosen."""

    def __init__(self, bus_address: str, title: str | None = None, seconds: float = 10.0) -> None:
        self.connection = open_dbus_connection(bus_address)
        self.title = title
        self.item = wait_until(self._find_item, f"a tray icon {title or ''}", seconds)

    def close(self) -> None:
        self.connection.close()

    def _call(self, address: DBusAddress, method: str, signature: str | None = None, *body: Any) -> tuple[Any, ...]:
        message = new_method_call(address, method, signature, body)
        return tuple(unwrap_msg(self.connection.send_and_get_reply(message, timeout=SECONDS)))

    def _property(self, address: DBusAddress, name: str) -> Any:
        reply = self.connection.send_and_get_reply(Properties(address).get(name), timeout=SECONDS)
        return unwrap_msg(reply)[0][1]

    def _find_item(self) -> DBusAddress | None:
        watcher = DBusAddress("/StatusNotifierWatcher", WATCHER, WATCHER)
        try:
            for item in self._property(watcher, "RegisteredStatusNotifierItems"):
                service, _, path = item.partition("/")
                address = DBusAddress("/" + path, service, ITEM)
                if self.title in (None, self._property(address, "Title"), self._property(address, "Id")):
                    return address
        except DBusErrorResponse:
            return None  # the panel or the program is just starting or ending
        return None

    # ---- the icon ----

    def tooltip(self) -> tuple[str, str]:
        """Title and text."""
        _, _, title, text = self._property(self.item, "ToolTip")
        return title, text

    def status(self) -> str:
        """``Active``, ``Passive`` or ``NeedsAttention``."""
        return str(self._property(self.item, "Status"))

    def icon_pixels(self) -> tuple[int, int, bytes]:
        """Width, height and ARGB bytes of the largest picture, so that a test can tell states apart."""
        pictures = self._property(self.item, "IconPixmap")
        width, height, pixels = max(pictures, key=lambda picture: picture[0])
        return width, height, bytes(pixels)

    def activate(self) -> None:
        """A left click on the icon."""
        self._call(self.item, "Activate", "ii", 0, 0)

    # ---- its menu ----

    def _menu_address(self) -> DBusAddress:
        return DBusAddress(self._property(self.item, "Menu"), self.item.bus_name, MENU)

    def menu(self) -> list[MenuEntry]:
        """The whole menu, submenus included."""
        address = self._menu_address()
        self._call(address, "AboutToShow", "i", 0)
        _, root = self._call(address, "GetLayout", "iias", 0, -1, [])
        return _entry(root).children

    def labels(self, path: str = "") -> list[str]:
        """Labels of the visible entries of the menu, or of the submenu ``path``, separators left out."""
        entries = self.entry(path).children if path else self.menu()
        return [entry.label for entry in entries if entry.visible and not entry.separator]

    def entry(self, path: str) -> MenuEntry:
        """The entry at ``Submenu/Entry``; a label that contains a slash is given with ``//``."""
        entries, found = self.menu(), None
        for label in (part.replace("\0", "/") for part in path.replace("//", "\0").split("/")):
            found = next((entry for entry in entries if entry.label == label and entry.visible), None)
            if found is None:
                raise LookupError(f"{path!r}: no entry {label!r} among {[entry.label for entry in entries]}")
            entries = found.children
        assert found is not None
        return found

    def click(self, path: str) -> None:
        """Chooses an entry. Qt acknowledges a click on a disabled one and does nothing, so that is refused here."""
        entry = self.entry(path)
        if not entry.enabled:
            raise LookupError(f"{path!r} is disabled")
        stamp = int(time.time()) & 0xFFFFFFFF
        self._call(self._menu_address(), "Event", "isvu", entry.id, "clicked", ("s", ""), stamp)

    def wait_entry(self, path: str, seconds: float = 10.0, enabled: bool = True) -> MenuEntry:
        def look() -> MenuEntry | None:
            try:
                entry = self.entry(path)
            except LookupError:
                return None
            return entry if entry.enabled or not enabled else None

        return wait_until(look, f"tray entry {path!r}", seconds)

    # ---- notifications ----

    def notifications(self) -> list[dict[str, Any]]:
        """All that were shown on this desktop since it started: id, app, summary, body, actions, hints, timeout."""
        control = DBusAddress(CONTROL_PATH, CONTROL, CONTROL)
        return list(json.loads(self._call(control, "State")[0])["notifications"])

    def wait_notification(self, matches: Callable[[dict[str, Any]], bool], seconds: float = 10.0) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            return next((note for note in self.notifications() if matches(note)), None)

        return wait_until(look, "a notification", seconds)

    def click_notification(self, number: int, action: str = "default") -> None:
        """What a click on the bubble (or on one of its buttons) sends."""
        self._call(DBusAddress(CONTROL_PATH, CONTROL, CONTROL), "Invoke", "us", number, action)


def _entry(node: tuple[int, dict[str, tuple[str, Any]], list[tuple[str, Any]]]) -> MenuEntry:
    number, variants, children = node
    values = {key: value for key, (_, value) in variants.items()}
    toggle = values.get("toggle-state")
    return MenuEntry(
        id=number,
        label=_without_mnemonic(values.get("label", "")),
        separator=values.get("type") == "separator",
        enabled=values.get("enabled", True),
        visible=values.get("visible", True),
        checked=None if toggle is None else toggle == 1,
        children=[_entry(child) for _, child in children],
    )


def _without_mnemonic(label: str) -> str:
    """dbusmenu marks the access key with one underscore and writes a real one twice."""
    return label.replace("__", "\0").replace("_", "").replace("\0", "_")
