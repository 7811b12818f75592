"""A private session bus with a real gnome-keyring for tests that run in this process (desktop_rig.py is for programs).

Sets DBUS_SESSION_BUS_ADDRESS of this process while it is open. Runs on the test's thread; ends what it started by pid.
"""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import secretstorage
from jeepney import message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection

from tests.support.desktop_private import BUS_CONFIG
from tests.support.paths import REPOSITORY
from tests.support.waiting import wait_until

SECRETS = "org.freedesktop.secrets"
PASSWORD = b"a test keyring's password"
ADDRESS = "DBUS_SESSION_BUS_ADDRESS"


class KeyringBus:
    """Starts with no keyring on the bus; nothing can be activated there that the test did not start."""

    def __init__(self, home: Path) -> None:
        """``home``: the test's private HOME, where the keyring's file lies."""
        socket, config = home / "bus", home / "bus.conf"
        config.write_text(BUS_CONFIG.format(socket=socket, services=home / "no-services"))
        command = ["dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}"]
        self._daemon = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self._before = os.environ.get(ADDRESS)
        os.environ[ADDRESS] = f"unix:path={socket}"
        wait_until(_answers, "the session bus")
        self._service: subprocess.Popen[bytes] | None = None

    def unlocked(self) -> None:
        self._start(["gnome-keyring-daemon", "--foreground", "--components=secrets", "--unlock"], PASSWORD)

    def locked(self) -> None:
        """Locked, and nobody there to ask for the password."""
        self.unlocked()  # makes the collection that is to be locked
        self._start(["gnome-keyring-daemon", "--foreground", "--components=secrets"])

    def silent(self) -> None:
        """A service that takes every call and never answers."""
        self._start([sys.executable, "-m", "tests.support.desktop_bus", "silent-secrets"])

    def absent(self) -> None:
        if self._service is not None:
            self._service.send_signal(signal.SIGCONT)
            self._service.terminate()
            self._service.wait(10)
            self._service = None
            wait_until(lambda: not self._owned(), "the old keyring to leave the bus")

    def freeze(self) -> None:
        """It stops answering, as behind an unlock prompt, until ``thaw``."""
        assert self._service is not None
        self._service.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._service is not None
        self._service.send_signal(signal.SIGCONT)

    def attributes(self) -> list[dict[str, str]]:
        """Service and user name of everything in the default collection."""
        with closing(secretstorage.dbus_init()) as bus:
            items = [item.get_attributes() for item in secretstorage.get_default_collection(bus).get_all_items()]
        return [{key: item[key] for key in ("service", "username")} for item in items]

    def close(self) -> None:
        self.absent()
        self._daemon.terminate()
        self._daemon.wait(10)
        if self._before is None:
            del os.environ[ADDRESS]
        else:
            os.environ[ADDRESS] = self._before

    def _start(self, command: list[str], stdin: bytes = b"") -> None:
        self.absent()
        quiet = subprocess.DEVNULL
        self._service = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, cwd=REPOSITORY)
        assert self._service.stdin is not None
        self._service.stdin.write(stdin)
        self._service.stdin.close()
        wait_until(self._owned, "the keyring on the bus")

    def _owned(self) -> bool:
        with open_dbus_connection(os.environ[ADDRESS]) as connection:
            reply = connection.send_and_get_reply(
                new_method_call(message_bus, "NameHasOwner", "s", (SECRETS,)), timeout=5
            )
            return bool(reply.body[0])


def _answers() -> bool:
    """The socket's file is there a moment before anybody listens on it."""
    try:
        open_dbus_connection(os.environ[ADDRESS]).close()
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    return True
