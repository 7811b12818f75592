"""The desktop's side of the session bus, as a process of its own: ``python -m tests.support.desktop_bus ROLE…``

Roles: ``tray`` (StatusNotifierWatcher; must be there before the app makes its icon), ``notifications`` (records what is
shown), ``portal`` (records opened links, tells the colour scheme) and ``silent-secrets`` (a Secret Service that takes
every call and never answers one). Tests read and steer it through the interface ``CONTROL`` (see tray_driver.py).
One thread, one connection, one loop; it ends with the bus.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from jeepney import (
    DBusAddress,
    HeaderFields,
    MatchRule,
    Message,
    MessageType,
    message_bus,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import open_dbus_connection

WATCHER = "org.kde.StatusNotifierWatcher"
NOTIFICATIONS = "org.freedesktop.Notifications"
PORTAL = "org.freedesktop.portal.Desktop"
SETTINGS = "org.freedesktop.portal.Settings"
SECRETS = "org.freedesktop.secrets"
CONTROL = "org.sessiondock.TestDesktop"
CONTROL_PATH = "/org/sessiondock/TestDesktop"
PROPERTIES = "org.freedesktop.DBus.Properties"
DO_NOT_QUEUE = 4

ROLES = {"tray": WATCHER, "notifications": NOTIFICATIONS, "portal": PORTAL, "silent-secrets": SECRETS}

Answer = tuple[str | None, tuple[Any, ...]]
NOTHING: Answer = (None, ())


class Desktop:
    """State and answers; ``serve()`` is the loop."""

    def __init__(self, roles: list[str]) -> None:
        self.connection = open_dbus_connection("SESSION")
        self.items: dict[str, str] = {}  # tray item -> bus name of its owner
        self.notifications: list[dict[str, Any]] = []
        self.uris: list[str] = []
        self.scheme = 0  # 0 no preference, 1 dark, 2 light
        self.handlers: dict[tuple[str, str], Callable[[Message], Answer]] = {
            (PROPERTIES, "Get"): self._get,
            (PROPERTIES, "GetAll"): self._get_all,
            (WATCHER, "RegisterStatusNotifierItem"): self._register_item,
            (WATCHER, "RegisterStatusNotifierHost"): lambda _: NOTHING,
            (NOTIFICATIONS, "GetCapabilities"): lambda _: ("as", (["body", "actions", "body-markup"],)),
            (NOTIFICATIONS, "GetServerInformation"): lambda _: ("ssss", ("test desktop", "tests", "1", "1.2")),
            (NOTIFICATIONS, "Notify"): self._notify,
            (NOTIFICATIONS, "CloseNotification"): self._close_notification,
            (SETTINGS, "Read"): lambda _: ("v", (("v", ("u", self.scheme)),)),
            (SETTINGS, "ReadOne"): lambda _: ("v", (("u", self.scheme),)),
            (SETTINGS, "ReadAll"): self._read_all,
            ("org.freedesktop.portal.OpenURI", "OpenURI"): self._open_uri,
            ("org.freedesktop.DBus.Peer", "Ping"): lambda _: NOTHING,
            (CONTROL, "State"): self._state,
            (CONTROL, "Invoke"): self._invoke,
            (CONTROL, "SetScheme"): self._set_scheme,
        }
        self._claim(roles)

    def _claim(self, roles: list[str]) -> None:
        rule = MatchRule(type="signal", sender="org.freedesktop.DBus", member="NameOwnerChanged")
        self._ask_bus("AddMatch", "s", (rule.serialise(),))
        # The watcher's name comes last: Qt registers its icon the moment that name appears, and jeepney drops a call
        # that arrives while it waits for the answer to another one.
        names = sorted(self._names(roles), key=lambda name: name == WATCHER)
        for name in names:
            if self._ask_bus("RequestName", "su", (name, DO_NOT_QUEUE)) != 1:
                raise SystemExit(f"the bus name {name} is taken")
        if "tray" in roles:
            self._emit("/StatusNotifierWatcher", WATCHER, "StatusNotifierHostRegistered")

    @staticmethod
    def _names(roles: list[str]) -> list[str]:
        names = [ROLES[role] for role in roles]
        return [CONTROL, *names] if "notifications" in roles else names

    def _ask_bus(self, member: str, signature: str, body: tuple[Any, ...]) -> Any:
        reply = self.connection.send_and_get_reply(new_method_call(message_bus, member, signature, body), timeout=5)
        return (reply.body or (None,))[0]

    def _emit(self, path: str, interface: str, member: str, signature: str | None = None, *body: Any) -> None:
        self.connection.send(new_signal(DBusAddress(path, interface=interface), member, signature, body))

    # ---- tray ----

    def _watcher_properties(self) -> dict[str, tuple[str, Any]]:
        return {
            "IsStatusNotifierHostRegistered": ("b", True),
            "ProtocolVersion": ("i", 0),
            "RegisteredStatusNotifierItems": ("as", list(self.items)),
        }

    def _properties_of(self, interface: str) -> dict[str, tuple[str, Any]]:
        if interface == WATCHER:
            return self._watcher_properties()
        return {"version": ("u", 4 if interface.endswith("OpenURI") else 2)}

    def _get(self, call: Message) -> Answer:
        interface, name = call.body
        return "v", (self._properties_of(interface)[name],)

    def _get_all(self, call: Message) -> Answer:
        return "a{sv}", (self._properties_of(call.body[0]),)

    def _register_item(self, call: Message) -> Answer:
        sender, service = call.header.fields[HeaderFields.sender], call.body[0]
        # Qt registers a bus name; others register an object path on their own connection.
        item = sender + service if service.startswith("/") else service + "/StatusNotifierItem"
        self.items[item] = sender
        self._emit("/StatusNotifierWatcher", WATCHER, "StatusNotifierItemRegistered", "s", item)
        return NOTHING

    def _name_owner_changed(self, name: str, new_owner: str) -> None:
        if new_owner:
            return
        for item in [item for item, owner in self.items.items() if name in (owner, item.split("/")[0])]:
            del self.items[item]
            self._emit("/StatusNotifierWatcher", WATCHER, "StatusNotifierItemUnregistered", "s", item)

    # ---- notifications ----

    def _notify(self, call: Message) -> Answer:
        app, replaces, icon, summary, body, actions, hints, timeout = call.body
        number = replaces or len(self.notifications) + 1
        plain = {key: value for key, (_, value) in hints.items() if isinstance(value, str | int | bool)}
        note = {"id": number, "app": app, "icon": icon, "summary": summary, "body": body, "actions": actions}
        self.notifications.append({**note, "hints": plain, "timeout": timeout})
        return "u", (number,)

    def _close_notification(self, call: Message) -> Answer:
        self._emit("/org/freedesktop/Notifications", NOTIFICATIONS, "NotificationClosed", "uu", call.body[0], 3)
        return NOTHING

    # ---- portal ----

    def _read_all(self, _: Message) -> Answer:
        return "a{sa{sv}}", ({"org.freedesktop.appearance": {"color-scheme": ("u", self.scheme)}},)

    def _open_uri(self, call: Message) -> Answer:
        self.uris.append(call.body[1])
        sender = call.header.fields[HeaderFields.sender][1:].replace(".", "_")
        token = call.body[2].get("handle_token", ("s", "t"))[1]
        return "o", (f"/org/freedesktop/portal/desktop/request/{sender}/{token}",)

    # ---- the test's own interface ----

    def _state(self, _: Message) -> Answer:
        state = {"items": list(self.items), "notifications": self.notifications, "uris": self.uris}
        return "s", (json.dumps(state),)

    def _invoke(self, call: Message) -> Answer:
        number, key = call.body
        self._emit("/org/freedesktop/Notifications", NOTIFICATIONS, "ActionInvoked", "us", number, key)
        self._emit("/org/freedesktop/Notifications", NOTIFICATIONS, "NotificationClosed", "uu", number, 2)
        return NOTHING

    def _set_scheme(self, call: Message) -> Answer:
        self.scheme = call.body[0]
        value = ("u", self.scheme)
        where = "/org/freedesktop/portal/desktop"
        self._emit(where, SETTINGS, "SettingChanged", "ssv", "org.freedesktop.appearance", "color-scheme", value)
        return NOTHING

    # ---- the loop ----

    def _answer(self, call: Message) -> None:
        fields = call.header.fields
        if fields.get(HeaderFields.destination) == SECRETS or fields.get(HeaderFields.path, "").startswith(
            "/org/freedesktop/secrets"
        ):
            return  # silence is this service's whole purpose
        handler = self.handlers.get((fields.get(HeaderFields.interface, ""), fields[HeaderFields.member]))
        if handler is None:
            error = "org.freedesktop.DBus.Error.UnknownMethod"
            self.connection.send(new_error(call, error, "s", (fields[HeaderFields.member],)))
        else:
            signature, body = handler(call)
            self.connection.send(new_method_return(call, signature, body))

    def serve(self) -> None:
        while True:
            try:
                message = self.connection.receive()
            except (EOFError, ConnectionError):
                return  # the bus is gone, and with it our purpose
            kind, member = message.header.message_type, message.header.fields.get(HeaderFields.member)
            if kind is MessageType.signal and member == "NameOwnerChanged":
                self._name_owner_changed(message.body[0], message.body[2])
            elif kind is MessageType.method_call:
                self._answer(message)


if __name__ == "__main__":
    Desktop(sys.argv[1:]).serve()
