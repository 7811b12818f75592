"""Programs on this computer that a session can be opened in through ssh: one row per program. Pure data; any thread.

Each reaches the session by its ssh alias, so none of them needs a password, a key or a setting of its own. Applications
that run in the session and open in the browser are not here: those are in ``remote_bootstrap/apps``.
"""

from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote

from desktop_app.domain.access.ssh_alias import Alias

TERMINAL = "terminal"  # what opens an ssh login; also the preference that names the program for it


@dataclass(frozen=True, slots=True)
class Opener:
    """How to find a program and what to tell it.

    ``programs``: names on the PATH, the first that is found counts. ``places``: where else installers put it, per
    system (sys.platform); with ~, %VARIABLES% and wildcards; a macOS ``.app`` is opened with ``open -a``.
    ``desktops``: a program to be preferred on a desktop (a word of XDG_CURRENT_DESKTOP).
    ``arguments``: {alias}, {user}, {port}; {path} is the session's folder in a URL's path, {folder} in its query.
    """

    key: str
    label: str
    help: str
    arguments: tuple[str, ...]
    programs: tuple[str, ...]
    places: MappingProxyType[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    desktops: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    icon: str = "open-editor"  # file stem in assets/icons: what kind of program, not whose

    def told(self, alias: Alias, folder: str) -> tuple[str, ...]:
        """Return the arguments for that session; ``folder`` is absolute there."""
        values = {
            "alias": alias.name,
            "user": quote(alias.user, safe=""),
            "port": alias.port,
            "path": quote(folder or "/", safe="/"),
            "folder": quote(folder or "/", safe=""),
        }
        return tuple(argument.format(**values) for argument in self.arguments)


def _places(
    linux: tuple[str, ...] = (), macos: tuple[str, ...] = (), windows: tuple[str, ...] = ()
) -> MappingProxyType[str, tuple[str, ...]]:
    return MappingProxyType({"linux": linux, "darwin": macos, "win32": windows})


_REMOTE_SSH = ("--folder-uri", "vscode-remote://ssh-remote+{alias}{path}")

OPENERS: tuple[Opener, ...] = (
    Opener(
        "vscode-desktop",
        "VS Code on this computer",
        "VS Code with its Remote-SSH extension",
        _REMOTE_SSH,
        ("code", "code-insiders"),
        _places(
            ("/usr/share/code/bin/code", "/opt/visual-studio-code/bin/code"),
            ("/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code",
             "~/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code"),
            (r"%LOCALAPPDATA%\Programs\Microsoft VS Code\bin\code.cmd",
             r"%PROGRAMFILES%\Microsoft VS Code\bin\code.cmd"),
        ),
    ),
    Opener(
        "cursor",
        "Cursor",
        "Cursor with its Remote-SSH extension",
        _REMOTE_SSH,
        ("cursor",),
        _places(
            ("/usr/share/cursor/bin/cursor", "/opt/cursor/bin/cursor"),
            ("/Applications/Cursor.app/Contents/Resources/app/bin/cursor",),
            (r"%LOCALAPPDATA%\Programs\cursor\resources\app\bin\cursor.cmd",),
        ),
    ),
    Opener(
        "windsurf",
        "Windsurf",
        "Windsurf with its Remote-SSH extension",
        _REMOTE_SSH,
        ("windsurf",),
        _places(
            ("/usr/share/windsurf/bin/windsurf", "/opt/windsurf/bin/windsurf"),
            ("/Applications/Windsurf.app/Contents/Resources/app/bin/windsurf",),
            (r"%LOCALAPPDATA%\Programs\Windsurf\bin\windsurf.cmd",),
        ),
    ),
    Opener(
        "zed",
        "Zed",
        "Zed's remote development",
        ("ssh://{alias}{path}",),
        ("zeditor", "zedit", "zed-editor", "zed"),  # last, since a ZFS daemon has the name too (in sbin)
        _places(
            ("~/.local/zed.app/bin/zed",),
            ("/Applications/Zed.app/Contents/MacOS/cli", "~/Applications/Zed.app/Contents/MacOS/cli"),
            (r"%LOCALAPPDATA%\Programs\Zed\bin\zed.exe",),
        ),
    ),
    Opener(
        "pycharm",
        "PyCharm (JetBrains Toolbox)",
        "JetBrains Toolbox starts PyCharm on the session's folder",
        ("jetbrains://gateway/ssh/environment?h={alias}&launchIde=true&ideHint=PY&projectHint={folder}",),
        ("jetbrains-toolbox",),
        _places(
            ("~/.local/share/JetBrains/Toolbox/bin/jetbrains-toolbox", "/opt/jetbrains-toolbox*/jetbrains-toolbox"),
            ("/Applications/JetBrains Toolbox.app",),
            (r"%LOCALAPPDATA%\JetBrains\Toolbox\bin\jetbrains-toolbox.exe",),
        ),
    ),
    Opener(
        "gateway",
        "JetBrains Gateway",
        "Gateway with the session's host and folder filled in",
        ("jetbrains-gateway://connect#type=ssh&deploy=true&host={alias}&port={port}&user={user}&projectPath={folder}",),
        ("gateway", "jetbrains-gateway"),
        _places(
            ("~/.local/share/JetBrains/Toolbox/scripts/gateway",
             "~/.local/share/JetBrains/Toolbox/apps/*gateway*/bin/gateway.sh", "/opt/*ateway*/bin/gateway.sh"),
            ("/Applications/JetBrains Gateway.app", "/Applications/Gateway.app", "~/Applications/Gateway.app"),
            (r"%LOCALAPPDATA%\Programs\Gateway\bin\gateway64.exe",
             r"%LOCALAPPDATA%\JetBrains\Toolbox\scripts\gateway.cmd"),
        ),
    ),
    Opener(
        "files",
        "File manager",
        "The session's folder in the file manager, over SFTP",
        ("sftp://{alias}{path}",),
        ("nautilus", "dolphin", "nemo", "thunar", "caja", "pcmanfm-qt", "pcmanfm"),
        _places(macos=("/Applications/Cyberduck.app", "~/Applications/Cyberduck.app")),
        MappingProxyType({
            "GNOME": "nautilus", "Unity": "nautilus", "KDE": "dolphin", "X-Cinnamon": "nemo", "XFCE": "thunar",
            "MATE": "caja", "LXQt": "pcmanfm-qt", "LXDE": "pcmanfm",
        }),
        icon="open-files",
    ),
)  # fmt: skip

BY_KEY = MappingProxyType({opener.key: opener for opener in OPENERS})
