"""Programs of this computer and the ssh configuration, in memory, for the window's tests."""

from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.ssh.aliases import SshStatus
from desktop_app.services.ssh.open_in import Installed

INSTALLED = {
    "vscode-desktop": "/usr/bin/code",
    "cursor": "/usr/bin/cursor",
    "zed": "/usr/bin/zed",
    "pycharm": "/opt/jetbrains-toolbox",
    "files": "/usr/bin/nautilus",
}


class FakeAliases:
    """Stands for core.aliases."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self.place = Place.TOP
        self.known = self

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    def of(self, session: SessionId) -> Alias | None:
        return Alias(f"sd-{session.task[-4:]}", session.text, "root", 8022, "a session")

    def status(self) -> SshStatus:
        return SshStatus(self.place, "/home/ada/.ssh/config", "Include x", ())

    def install(self) -> bool:
        self._call("aliases.install", None)
        self.place = Place.TOP
        return True

    def remove(self) -> bool:
        self._call("aliases.remove", None)
        self.place = Place.ABSENT
        return True


class FakeOpenIn:
    """Stands for core.open_in."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self.aliases = FakeAliases(call)
        self.programs = dict(INSTALLED)
        self.terminals: tuple[str, ...] = ("kgx", "kitty", "xterm")
        self.terminal = ""

    def look(self, cancel: Cancel) -> Installed:
        return Installed(self.programs, self.terminals, self.terminal, self.aliases.place is Place.TOP)

    def open(self, session: SessionId, key: str, cancel: Cancel) -> None:
        self._call("open_in.open", cancel, session, key)
        if self.aliases.place is not Place.TOP:
            raise failure("ssh.not_included", program="Zed", path="/home/ada/.ssh/config")

    def choose_terminal(self, name: str) -> None:
        self._call("open_in.choose_terminal", None, name)
        self.terminal = name
