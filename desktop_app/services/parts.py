"""The services of a core, made once and put together. Any thread."""

from collections.abc import Callable
from dataclasses import dataclass

from desktop_app.boundary.outside import Outside
from desktop_app.services.accounts.accounts import Accounts
from desktop_app.services.accounts.credential_import import CredentialImport
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.peers import OP_LOOK
from desktop_app.services.finished.sweeping import Sweeping
from desktop_app.services.launching.launcher import Launcher
from desktop_app.services.runtime.jobs import JobPool
from desktop_app.services.secrets.redaction import LogTail
from desktop_app.services.ssh.aliases import Aliases
from desktop_app.services.ssh.open_in import OpenIn
from desktop_app.services.state.store import SessionStore


@dataclass(frozen=True, slots=True)
class Parts:
    """The services, made once."""

    outside: Outside
    store: SessionStore
    jobs: JobPool
    accounts: Accounts
    links: Connections
    launcher: Launcher
    aliases: Aliases
    open_in: OpenIn
    tail: LogTail
    credentials: CredentialImport
    polled: list[Callable[[str], None]]  # called with an account's id after each look at its server


def make_parts(outside: Outside, role: str, tail: LogTail | None = None) -> Parts:
    """``role``: "window" or "cli"; a window takes tunnels over from command lines."""
    store = SessionStore()
    links: Connections
    aliases: Aliases
    polled: list[Callable[[str], None]] = []

    def after_poll(account: str) -> None:
        links.note_holders(account)
        if accounts.problem(account) is None:
            links.free_ports(account)
            aliases.polled(account)
        for tell in tuple(polled):
            tell(account)

    accounts = Accounts(outside, store, after_poll)
    links = Connections(outside, store, accounts.server, role, accounts.poke_all)
    accounts.before_removal.append(links.detach_all)
    links.questions.add_for_all(OP_LOOK, lambda session, _args: accounts.look_now(session.account))
    aliases = Aliases(outside, store, links.login_target, links.is_held)
    open_in = OpenIn(outside, store, links, aliases)
    launcher, credentials = Launcher(outside, store), CredentialImport(outside, accounts)
    log = tail or LogTail()
    jobs = JobPool()
    polled.append(Sweeping(outside, store, accounts, links.ownership.release_for_good, jobs).polled)
    return Parts(outside, store, jobs, accounts, links, launcher, aliases, open_in, log, credentials, polled)
