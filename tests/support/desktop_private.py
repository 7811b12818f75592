"""The processes of a private desktop: X server, session bus, keyring, tray, notifications. Linux only.

Tests use it through desktop_rig.Rig. Starts each process by itself and ends each by its pid; the test's thread.
"""

import contextlib
import enum
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from jeepney import message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection

from tests.support.desktop_processes import MARK, Program, end_marked_processes
from tests.support.paths import APPLICATIONS_CACHE, CACHE, REPOSITORY
from tests.support.waiting import wait_until

KEYRING_PASSWORD = b"a test keyring's password"  # all of stdin, so no newline

# What the developer's own desktop, ClearML account or Python set-up would leak into a program under test.
STRIPPED_PREFIXES = (
    "XDG_",
    "DBUS_",
    "GNOME_",
    "QT_",
    "KDE_",
    "CLEARML_",
    "TRAINS_",
    "SSH_",
    "PYTHON",
    "GTK_",
    "SESSIONDOCK_",
)
STRIPPED = {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "TERMINAL", "XAUTHORITY", "SESSION_MANAGER", "AT_SPI_BUS_ADDRESS"}
KEPT = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "SESSIONDOCK_SANDBOX_REQUESTS"}

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""

# Records what would be opened; Qt and xdg-utils users find it first in PATH.
XDG_OPEN = """#!/bin/sh
printf '%s\\n' "$1" >> "{record}"
"""


OWNER = "owner"  # which process (number, start time, name space) a rig belongs to


class Keyring(enum.Enum):
    """What stands behind org.freedesktop.secrets."""

    UNLOCKED = "a real gnome-keyring, unlocked"
    LOCKED = "a real gnome-keyring with a locked login collection and nobody to ask for its password"
    ABSENT = "nothing"
    SILENT = "a service that takes calls and never answers"


@dataclass(frozen=True)
class RigOptions:
    """What the desktop offers. ``size`` in pixels; real mouse and keyboard focus need ``window_manager``."""

    keyring: Keyring = Keyring.UNLOCKED
    tray: bool = True
    portal: bool = False
    window_manager: bool = False
    size: tuple[int, int] = (1280, 800)
    frame_buffer: bool = False  # share the screen's pixels as a file in ``screen_folder``


class PrivateDesktop:
    """One private desktop; a context manager."""

    def __init__(self, options: RigOptions | None = None) -> None:
        self.options = options or RigOptions()
        rigs = CACHE / "rigs"
        rigs.mkdir(parents=True, exist_ok=True)
        end_abandoned(rigs)
        # Not under /tmp: sshd refuses key files below a folder that everybody can write to, as a real home never is.
        self.base = Path(tempfile.mkdtemp(dir=rigs))
        note_owner(self.base)
        self.home = self.base / "home"
        self.opened_record = self.base / "opened"
        self.screen_folder = self.base / "screen"
        self.programs: list[Program] = []
        self.survivors: list[str] = []
        self.env = self._environment()
        self._keyring: Program | None = None
        self._desktop: Program | None = None

    # ---- start and end ----

    def __enter__(self) -> Self:
        try:
            self._start_display()
            self._start_bus()
            self.set_keyring(self.options.keyring)
            self.start_desktop()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is not None:
            error.add_note(self.logs())
        self.close()

    def logs(self, characters: int = 2000) -> str:
        """The end of each program's output, for failure messages."""
        tails = ((program.log.name, program.output()[-characters:].strip()) for program in self.programs)
        return "\n".join(f"--- {name}:\n{tail}" for name, tail in tails if tail)

    def close(self) -> None:
        """Ends everything; ``survivors`` then holds a line about each process that had not gone by itself.

        The folder goes too, unless SESSIONDOCK_KEEP_RIGS is set, for a look at what a failed test left in it.
        """
        for program in reversed(self.programs):
            program.end()
        self.survivors = end_marked_processes(str(self.base))
        if not os.environ.get("SESSIONDOCK_KEEP_RIGS"):
            shutil.rmtree(self.base, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        env = {key: value for key, value in os.environ.items() if key in KEPT or not _foreign(key)}
        for name in ("run", "home", "bin", "services", "logs"):
            (self.base / name).mkdir(mode=0o700)
        folders = {"XDG_CONFIG_HOME": ".config", "XDG_DATA_HOME": ".local/share", "XDG_STATE_HOME": ".local/state"}
        folders["XDG_CACHE_HOME"] = ".cache"
        for variable, folder in folders.items():
            (self.home / folder).mkdir(parents=True)
            env[variable] = str(self.home / folder)
        env |= {
            MARK: str(self.base),
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.base / "run"),
            "PATH": f"{self.base / 'bin'}:{env.get('PATH', '/usr/bin:/bin')}",
            "PYTHONPATH": str(REPOSITORY),
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
            # Downloads and installed applications are kept per machine: a test is about sessions, not about PyPI.
            "SESSIONDOCK_CACHE": str(APPLICATIONS_CACHE),
            "SESSIONDOCK_SSH_CONFIG": str(self.home / ".ssh" / "config"),  # ssh itself goes by the account's home
            "PIP_CACHE_DIR": str(CACHE / "pip"),
            "UV_CACHE_DIR": str(CACHE / "uv"),
        }
        self._install_link_recorder()
        self._share_applications()
        return env

    def _share_applications(self) -> None:
        """The sandbox looks below the cache folder of its user, which is private here and therefore empty."""
        place = self.home / ".cache" / "sessiondock"
        place.mkdir()
        APPLICATIONS_CACHE.mkdir(parents=True, exist_ok=True)
        (place / "remote").symlink_to(APPLICATIONS_CACHE)

    def _install_link_recorder(self) -> None:
        script = self.base / "bin" / "xdg-open"
        script.write_text(XDG_OPEN.format(record=self.opened_record))
        script.chmod(0o755)

    def _start_display(self) -> None:
        reading, writing = os.pipe()
        width, height = self.options.size
        argv = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-dpi", "96"]
        if self.options.frame_buffer:
            self.screen_folder.mkdir()
            argv += ["-fbdir", str(self.screen_folder)]
        server = Program([*argv, "-nolisten", "tcp", "-noreset"], self.env, self._log("Xvfb"), pass_fds=(writing,))
        self.programs.append(server)
        os.close(writing)
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        if not number:
            raise RuntimeError("Xvfb did not start: " + server.output())
        self.env["DISPLAY"] = ":" + number
        if self.options.window_manager:
            ready = self.base / "window-manager-ready"
            self.start(["openbox", "--startup", f"touch {ready}"])
            wait_until(ready.exists, "openbox")

    def _start_bus(self) -> None:
        bus, services, config = self.base / "run" / "bus", self.base / "services", self.base / "bus.conf"
        # Only the accessibility bus may be activated: a keyring is there when the test says so.
        launcher = next(Path("/usr").glob("lib*/at-spi-bus-launcher"), None)
        if launcher is None:
            raise RuntimeError("there is no accessibility bus here: apt-get install at-spi2-core")
        (services / "org.a11y.Bus.service").write_text(f"[D-BUS Service]\nName=org.a11y.Bus\nExec={launcher}\n")
        config.write_text(BUS_CONFIG.format(socket=bus, services=services))
        self.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={bus}"
        daemon = self.start(["dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}"])
        wait_until(lambda: _listens(bus) or not daemon.running, "the session bus")
        if not daemon.running:
            raise RuntimeError("the session bus did not start: " + daemon.output())

    # ---- programs ----

    def start(self, argv: Sequence[str], cwd: Path | None = None, **more_env: str) -> Program:
        """Starts a program on this desktop; it ends with the rig at the latest."""
        program = Program(argv, {**self.env, **more_env}, self._log(Path(argv[0]).name), cwd)
        self.programs.append(program)
        return program

    def run(self, argv: Sequence[str], seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end and returns its exit code and output."""
        return subprocess.run(argv, env=self.env, cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds)

    def _log(self, name: str) -> Path:
        return self.base / "logs" / f"{len(self.programs):02d}-{name}"

    # ---- the desktop's services ----

    def set_keyring(self, keyring: Keyring) -> None:
        """Replaces what answers as the Secret Service; the stored secrets stay."""
        if self._keyring is not None:
            self._keyring.end()
            self._keyring = None
            wait_until(lambda: not self.owned("org.freedesktop.secrets"), "the old keyring to leave the bus")
        if keyring is Keyring.SILENT:
            self._keyring = self._start_role("silent-secrets")
        elif keyring is Keyring.UNLOCKED:
            self._keyring = self._start_gnome_keyring("--unlock")
        elif keyring is Keyring.LOCKED:
            if not (self.home / ".local/share/keyrings/login.keyring").exists():
                self._start_gnome_keyring("--unlock").end()  # makes the collection that is to be locked
                wait_until(lambda: not self.owned("org.freedesktop.secrets"), "the first keyring to leave the bus")
            self._keyring = self._start_gnome_keyring()

    def _start_gnome_keyring(self, *options: str) -> Program:
        argv = ["gnome-keyring-daemon", "--foreground", "--components=secrets", *options]
        program = Program(argv, self.env, self._log("gnome-keyring"), stdin=KEYRING_PASSWORD)
        self.programs.append(program)
        wait_until(lambda: self.owned("org.freedesktop.secrets"), "gnome-keyring on the bus")
        return program

    def start_desktop(self) -> None:
        """Starts the tray and notification services (and the portal), as a panel does when it comes up."""
        roles = ["notifications"] + ["tray"] * self.options.tray + ["portal"] * self.options.portal
        self._desktop = self._start_role(*roles)

    def stop_desktop(self) -> None:
        """The panel crashes or the user logs out of it: tray and notifications are gone."""
        if self._desktop is not None:
            self._desktop.end()

    def _start_role(self, *roles: str) -> Program:
        program = self.start([sys.executable, "-m", "tests.support.desktop_bus", *roles], cwd=REPOSITORY)
        last = "org.freedesktop.secrets" if "silent-secrets" in roles else "org.freedesktop.Notifications"
        name = "org.kde.StatusNotifierWatcher" if "tray" in roles else last
        wait_until(lambda: self.owned(name) or not program.running, f"{name} on the bus")
        if not program.running:
            raise RuntimeError("the test desktop did not start: " + program.output())
        return program

    def owned(self, name: str) -> bool:
        """Whether somebody owns this name on the session bus."""
        with open_dbus_connection(self.env["DBUS_SESSION_BUS_ADDRESS"]) as connection:
            reply = connection.send_and_get_reply(new_method_call(message_bus, "NameHasOwner", "s", (name,)), timeout=5)
            return bool(reply.body[0])


def end_abandoned(rigs: Path) -> None:
    """Ends the rigs of test runs that were killed before they could: their servers would run for ever."""
    for base in rigs.iterdir():
        if abandoned_by(base):
            end_marked_processes(str(base), grace=0)
            shutil.rmtree(base, ignore_errors=True)


def note_owner(base: Path) -> None:
    """Say in a run's folder which process it belongs to."""
    (base / OWNER).write_text(f"{os.getpid()} {psutil.Process().create_time()} {_process_space()}")


def abandoned_by(base: Path) -> int:
    """The process that made this folder of a test run and is gone; 0: it lives, or nobody knows."""
    with contextlib.suppress(OSError, ValueError):  # another run may be making or removing it right now
        pid, created, space = (base / OWNER).read_text().split()
        if space == _process_space() and not _lives(int(pid), float(created)):
            return int(pid)
    return 0


def _process_space() -> str:
    """Containers may share a home folder; what a process number means there is not known here."""
    return str(Path("/proc/self/ns/pid").readlink())


def _lives(pid: int, created: float) -> bool:
    try:
        return abs(psutil.Process(pid).create_time() - created) < 1
    except psutil.NoSuchProcess:
        return False


def _foreign(variable: str) -> bool:
    return variable in STRIPPED or variable.startswith(STRIPPED_PREFIXES)


def _listens(path: Path) -> bool:
    """The file of a unix socket is there a moment before anybody listens at it."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
