"""OpenIn (``core.open_in``): opens a session in programs of this computer: its applications in the browser, a shell
in a terminal, its folder in an editor, an IDE or a file manager. Blocking; any thread.

The last three reach the session by its ssh alias; the process that holds the tunnel is asked for the folder.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.access.open_in import BY_KEY, OPENERS, TERMINAL, Opener
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Link, SessionId
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.entrances import Entrances
from desktop_app.services.connection.peer_requests import Args, Operation
from desktop_app.services.ssh.aliases import Aliases
from desktop_app.services.ssh.elsewhere import no_browser
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract

ASK_S = 10.0


@dataclass(frozen=True, slots=True)
class Installed:
    """What this computer has. ``programs``: opener key -> where; ``terminal``: the chosen one, "" = the desktop's own.

    ``ssh_ready``: the user's ssh knows the sessions, so the openers work.
    """

    programs: Mapping[str, str]
    terminals: tuple[str, ...] = ()
    terminal: str = ""
    ssh_ready: bool = False


class OpenIn:
    """Finds the programs of this computer, and opens sessions in them. Blocking."""

    def __init__(
        self, outside: Outside, store: SessionStore, connections: Connections, entrances: Entrances, aliases: Aliases
    ) -> None:
        self._outside = outside
        self._store = store
        self._connections = connections
        self._entrances = entrances
        self._aliases = aliases
        self._folder = connections.requests.add(
            Operation(
                "session-folder",
                self._folder_here,
                lambda folder: {"folder": folder},
                lambda row: str(row["folder"]),
                ASK_S,
            )
        )

    def look(self, cancel: Cancel) -> Installed:
        """Return what this computer has."""
        cancel.check()
        places = {opener.key: self._outside.programs.find(opener) for opener in OPENERS}
        return Installed(
            {key: place for key, place in places.items() if place},
            self._outside.programs.terminals(),
            self._outside.memory.preferences.get(TERMINAL),
            self._is_included(),
        )

    def _is_included(self) -> bool:
        try:
            return self._aliases.status().place is Place.TOP
        except AppError:
            return False

    def open(self, session: SessionId, key: str, cancel: Cancel) -> None:
        """Open the session in the program of this key. Problems: open.*, ssh.not_included"""
        opener = BY_KEY.get(key)
        if opener is None:
            raise failure("open.unknown", name=key, known=", ".join(BY_KEY), near=nearest(key, BY_KEY))
        program = self._outside.programs.find(opener)
        if not program:
            raise failure("open.not_installed", program=opener.label)
        folder = self._connections.call(session, self._folder, {}, cancel)
        self._check_ssh(opener)
        alias = self._aliases.of(session)
        if alias is None:
            raise failure("open.not_ready", app=opener.label, state="not connected", why="Attach the session first.")
        if not self._outside.programs.start(program, opener.told(alias, folder)):
            raise failure("open.not_started", program=opener.label, path=program)

    def _check_ssh(self, opener: Opener) -> None:
        status = self._aliases.status()
        if status.place is not Place.TOP:
            raise failure("ssh.not_included", program=opener.label, path=status.path)

    def choose_terminal(self, name: str) -> None:
        """Remember the terminal to use, "" for the desktop's own. Problems: open.unknown, file.unwritable"""
        known = self._outside.programs.terminals()
        if name and name not in known:
            raise failure("open.unknown", name=name, known=", ".join(known) or "none", near=nearest(name, known))
        self._outside.memory.preferences.save(TERMINAL, name)

    def open_app(self, session: SessionId, app: str, cancel: Cancel) -> None:
        """Open the application in the user's browser, logged in. Problems: open.*, tunnel.owned"""
        cancel.check()
        url = self._entrances.login_page(session, app, cancel)
        if not self._outside.open_url(url):
            raise no_browser(url, self._connections.status(session).get("ports", {}).get(app, 0))

    def open_terminal(self, session: SessionId, cancel: Cancel) -> None:
        """Open a terminal of this computer with a shell in the session. Problems: open.*, ssh.agent, tunnel.owned"""
        cancel.check()
        argv = self._entrances.ssh_command(session, cancel)
        if not self._outside.open_terminal(argv, self._outside.memory.preferences.get(TERMINAL)):
            raise failure("open.no_terminal", command=shlex.join(argv))

    def ssh_command(self, session: SessionId, cancel: Cancel) -> str:
        """Return a command line to copy: it works while attached, with no prompt and no key file in clear.

        Problems: open.not_ready, ssh.agent, tunnel.owned
        """
        cancel.check()
        argv = self._entrances.ssh_command(session, cancel)
        return self._aliases.short_command(session) or shlex.join(argv)

    # -- where the connection is held

    def _folder_here(self, session: SessionId, _args: Args, cancel: Cancel) -> str:
        tunnel, snapshot = self._connections.tunnel(session), self._store.get(session)
        if tunnel is None or snapshot is None or snapshot.link is not Link.UP:
            why = "Open it once the session is connected."
            raise failure("open.not_ready", app="The session", state="not connected", why=why)
        if tunnel.target is not None and tunnel.target.is_clearml_session:
            if tunnel.no_login is not None:
                raise AppError(tunnel.no_login)
            return tunnel.home or "/"
        answer = tunnel.control.request(contract.OP_FILES_HOME, {}, cancel)
        folder = answer.get("folder") or answer.get("home")  # a session that an older version launched knows only home
        return folder if isinstance(folder, str) and folder.startswith("/") else "/"
