"""A private desktop for one test, and hands and eyes to use it with. Linux only.

``with Rig() as rig:`` starts everything, ``rig.env`` is the environment for the programs under test, and the end of the
block ends every process that carries the rig's mark. Nothing of the developer's own desktop is reachable from inside.
All calls run on the test's thread; the processes are children of the test.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg

from tests.support.ax_driver import AccessibilityBus, Node
from tests.support.browser_driver import Browser
from tests.support.desktop_bus import CONTROL, CONTROL_PATH
from tests.support.desktop_private import Keyring, PrivateDesktop, RigOptions
from tests.support.tray_driver import Tray

__all__ = ["Keyring", "Rig", "RigOptions"]


class Rig(PrivateDesktop):
    """A private desktop that a test uses as a person does; a context manager."""

    def __init__(self, options: RigOptions | None = None) -> None:
        super().__init__(options)
        self._drivers: list[AccessibilityBus | Tray | Browser] = []

    def close(self) -> None:
        for driver in self._drivers:
            driver.close()
        super().close()

    def application(self, name: str, seconds: float = 20.0) -> Node:
        """The accessible root of the application with this QApplication.applicationName, once it is there."""
        bus = AccessibilityBus(self.env["DBUS_SESSION_BUS_ADDRESS"])
        self._drivers.append(bus)
        return bus.application(name, seconds)

    def tray(self, title: str | None = None, seconds: float = 10.0) -> Tray:
        """The tray icon with this title (any, when None), once it is there."""
        tray = Tray(self.env["DBUS_SESSION_BUS_ADDRESS"], title, seconds)
        self._drivers.append(tray)
        return tray

    def browser(self, size: tuple[int, int] = (1280, 800)) -> Browser:
        """A headless Chromium with an empty profile of its own."""
        browser = Browser(self.env, self.base / f"chromium-{len(self._drivers)}", size)
        self._drivers.append(browser)
        return browser

    def opened_links(self) -> list[str]:
        """What programs here asked the desktop to open: by xdg-open, or by the portal (Qt 6.12 prefers it)."""
        record = self.opened_record.read_text().splitlines() if self.opened_record.exists() else []
        return record + (list(self._control("State")["uris"]) if self.options.portal else [])

    def set_colour_scheme(self, dark: bool) -> None:
        """The desktop turns dark or light; Qt programs hear of it with QT_QPA_PLATFORMTHEME=xdgdesktopportal."""
        self._control("SetScheme", "u", 1 if dark else 2)

    def _control(self, method: str, signature: str | None = None, *body: Any) -> Any:
        call = new_method_call(DBusAddress(CONTROL_PATH, CONTROL, CONTROL), method, signature, body)
        with open_dbus_connection(self.env["DBUS_SESSION_BUS_ADDRESS"]) as connection:
            answer = unwrap_msg(connection.send_and_get_reply(call, timeout=5))
        return json.loads(answer[0]) if answer else None

    def screenshot(self, target: Path) -> Path:
        """The whole screen as PNG."""
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["import", "-silent", "-window", "root", str(target)], env=self.env, check=True, timeout=30)
        return target

    def click_at(self, node: Node, button: int = 1, times: int = 1) -> None:
        """A real mouse click into the middle of a widget, for popup menus and lists that AT-SPI cannot press."""
        x, y, width, height = node.extents
        self.click_screen(x + width // 2, y + height // 2, button, times)

    def click_screen(self, x: int, y: int, button: int = 1, times: int = 1) -> None:
        """A real mouse click at a point of the screen, in pixels from its top left."""
        where = [str(x), str(y)]
        self._xdotool("mousemove", *where, "click", "--repeat", str(times), "--delay", "60", str(button))

    def press_keys(self, *keys: str) -> None:
        """Real key presses by X name (``Down``, ``Return``, ``ctrl+n``); the options must ask for a window manager."""
        self._xdotool("key", "--delay", "30", *keys)

    def type_text(self, text: str) -> None:
        self._xdotool("type", "--delay", "10", "--", text)

    def _xdotool(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=self.env, check=True, timeout=30)
