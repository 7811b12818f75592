"""Core: the whole product without a face, made of services. The window and the command line use the same one.

    core.accounts     all, get, find, problem, subscribe: who the user is on which server, from memory
    core.sign_in      to_sandbox, with_key, remove_key, remove_account, wrapped
    core.credentials  found, environment, read_file, read_text, use (signs in with them)
    core.servers      of: an account's client;   core.polling  watch, poke, glance, wait_polled
    core.routes       of, set
    core.store        all, get, subscribe: the snapshots of the sessions
    core.sessions     look, fetch, of_all_users, log, stop, end_anyway, move_to_queue, forget
    core.launches     queues, last_spec, launch
    core.profiles     names, get, save, rename, delete, … (named launches);   core.uploads: files of a launch
    core.connections  attach, detach, reconnect, redial, status, call, pending.attach_when_up, peers, requests
    core.entrances    login_page, ssh_command;   core.account_connections  note_holders, …
    core.open_in      look, open, open_app, open_terminal, ssh_command, choose_terminal
    core.aliases      of, status, install, remove: the user's own ssh
    core.files        browse, …;   core.transfers  upload, download, cancel, resume, …
    core.ports        look, forward, reverse, socks, stop, open, always, …
    core.handovers    view, give, withhold;   core.git_logins;   core.passwords  of
    core.keys         unlock, trust_host, set_passphrase
    core.history      ended, again;   core.cleanup  look, delete;   core.known  recall
    core.doctor       examine, examine_account, report;   core.trouble;   core.log_tail  lines
    core.sandbox      address, stop;   core.text_files  read, write: small files that the user names
    core.jobs         submit

Any thread. A method that says "Quick" or "Never blocks" may be called on the GUI thread. All others block: a face calls
them through ``core.jobs``, and they raise only AppError or Cancelled.
"""

import logging
from collections.abc import Callable

from desktop_app.boundary.outside import Outside
from desktop_app.boundary.peers import WINDOW
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.accounts.credential_import import CredentialImport
from desktop_app.services.accounts.polling import Polling
from desktop_app.services.accounts.routes import Routes
from desktop_app.services.accounts.servers import Servers
from desktop_app.services.accounts.sign_in import SignIn
from desktop_app.services.connection.account_connections import AccountConnections
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.entrances import Entrances
from desktop_app.services.connection.known_sessions import KnownSessions
from desktop_app.services.connection.peers import OP_LOOK
from desktop_app.services.connection.session.key_access import KeyAccess
from desktop_app.services.doctor.stages import Doctor
from desktop_app.services.doctor.trouble import Trouble
from desktop_app.services.files.access import Files
from desktop_app.services.files.launch_uploads import LaunchUploads
from desktop_app.services.files.transfers import Transfers
from desktop_app.services.finished.cleanup import Cleanup
from desktop_app.services.finished.history import History
from desktop_app.services.finished.sweeping import Sweeping
from desktop_app.services.handovers.handovers import Handovers
from desktop_app.services.launching.kept_sums import KeptSums
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from desktop_app.services.launching.launches import Launches
from desktop_app.services.ports.access import Ports
from desktop_app.services.ports.watch import PortWatch
from desktop_app.services.runtime.jobs import JobPool
from desktop_app.services.runtime.shutdown import Part, close_all
from desktop_app.services.secrets.api_keys import ApiKeys
from desktop_app.services.secrets.git_logins import GitKeyring
from desktop_app.services.secrets.passwords import Passwords
from desktop_app.services.secrets.redaction import LogTail
from desktop_app.services.sessions import Sessions
from desktop_app.services.ssh.aliases import Aliases
from desktop_app.services.ssh.open_in import OpenIn
from desktop_app.services.state.account_store import AccountStore
from desktop_app.services.state.notices import Notice, Notices
from desktop_app.services.state.store import SessionStore

_log = logging.getLogger(__name__)


class Core:
    """Makes the services, and puts them together."""

    def __init__(self, outside: Outside, role: str = WINDOW, log_tail: LogTail | None = None) -> None:
        """Start nothing yet. ``role``: "window" or "cli"; a window takes connections over from command lines."""
        self._outside = outside
        self._role = role
        self._closed = False
        self.log_tail = log_tail or LogTail()
        self.sandbox = outside.sandbox
        self.text_files = outside.text_files
        self.store = store = SessionStore()
        self.jobs = jobs = JobPool()
        self._notices = notices = Notices(store)
        self.accounts = accounts = AccountStore(outside.memory.accounts)
        api_keys = ApiKeys(outside, accounts)
        self.servers = servers = Servers(outside, accounts, api_keys)
        self.polling = polling = Polling(outside, store, accounts, servers, api_keys)
        self.sign_in = SignIn(outside, store, accounts, api_keys, servers, polling)
        self.credentials = CredentialImport(outside, accounts, self.sign_in)
        self.routes = Routes(outside, accounts)
        self.connections = connections = Connections(outside, store, servers.of, jobs, role, polling.poke_all)
        peers, peer_names, is_held = connections.peers, connections.ownership, connections.is_held_anywhere
        self.account_connections = of_account = AccountConnections(outside, store, connections)
        self.entrances = Entrances(outside, store, connections)
        self.aliases = Aliases(outside, store, self.entrances.ssh_target, is_held)
        self.open_in = OpenIn(outside, store, connections, self.entrances, self.aliases)
        self.known = KnownSessions(outside, store, connections, of_account, jobs)
        self.sessions = Sessions(outside, store, jobs, accounts, servers, polling, peers, of_account)
        self.cleanup = Cleanup(outside, store, servers.of)
        self.history = History(outside, store, servers.of)
        self._sweeping = Sweeping(outside, store, servers.of, accounts.problem, peer_names.release_for_good, jobs)
        self.keys = KeyAccess(outside, servers.of)
        self.passwords = Passwords(outside, store, servers.of)
        self.git_logins = GitKeyring(outside)
        self.handovers = Handovers(outside, store, connections, jobs, accounts.find)
        self.ports = Ports(outside, store, connections)
        self._port_watch = PortWatch(self.ports, outside, store, connections)
        self.files = Files(outside, servers.of, connections.tunnel, is_held, self.known.facts)
        self.transfers = Transfers(self.files)
        self.uploads = LaunchUploads(
            outside.memory.uploads, peer_names, store, self.transfers, jobs, servers.of, notices.tell
        )
        self.profiles = LaunchProfiles(outside.profiles, outside.text_files)
        self.launches = Launches(
            outside, store, accounts, servers, self.profiles, self.uploads, connections.pending, notices,
            self.sessions.announce,
        )  # fmt: skip
        self._kept = KeptSums(outside, store, jobs)
        self.doctor = Doctor(outside, store, accounts, servers.of, self.log_tail.lines)
        self.trouble = Trouble(outside, self.profiles, self.log_tail)
        self._connect_services()

    def _connect_services(self) -> None:
        """Have the services hear of each other's changes."""
        polling, connections = self.polling, self.connections
        connections.requests.on_message(OP_LOOK, lambda session, _args: polling.look_now(session.account))
        self.sign_in.before_removal += [self.account_connections.detach_all, self.profiles.forget_account]
        self.sign_in.on_changed.append(self.known.tell_others)
        self.accounts.subscribe(self.handovers.key_switched)
        polling.after_poll += [self._after_poll, self._sweeping.polled]
        if self._role == WINDOW:  # a command line that lists sessions must not begin uploads
            polling.after_poll.append(self.uploads.look)

    def _after_poll(self, account: str) -> None:
        """Bring up to date what depends on the list of the account's sessions. On the poller's thread."""
        self.profiles.reload()
        self.account_connections.note_holders(account)
        problem = self.accounts.problem(account)
        if problem is None:
            self.account_connections.free_ports(account)
            self.aliases.polled(account)
        self.known.polled(account, problem)

    def start(self) -> None:
        """Begin to poll all accounts; sessions of earlier runs appear by themselves. Quick."""
        if self._role == WINDOW:  # what a killed window held, this one takes up again
            for text in self._outside.memory.sessions.attached():
                self.connections.pending.attach_when_up(SessionId.parse(text))
            self.connections.watch_system()
        self.polling.start()
        for problem in self.trouble.files():
            _log.warning("%s", problem)
            self._notices.tell(Notice(problem.title, problem.detail))

    def glance(self) -> None:
        """Ask for what was not looked up just now: the user looks. Quick."""
        self.polling.glance()

    def on_notice(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        """Call back on a worker thread with what the user should hear of; returns what ends that. Quick."""
        return self._notices.subscribe(callback)

    def close(self, timeout_s: float = 3.0) -> None:
        """Detach, end the threads and release the locks within ``timeout_s`` seconds. Remote sessions go on."""
        if self._closed:
            return
        self._closed = True
        self._notices.close()
        self.connections.pending.close()
        self.uploads.close()
        self.known.close()
        self._kept.close()
        self.handovers.close()
        close_all(
            (
                Part("connections", self.connections.cancel, self.connections.close),
                Part("port rules", self._port_watch.cancel, self._port_watch.close),
                Part("aliases", self.aliases.cancel, self.aliases.close),
                Part("transfers", self.transfers.cancel_all, self.transfers.close),
                Part("jobs", self.jobs.cancel, self.jobs.close),
                Part("accounts", self.polling.cancel, self.polling.close),
            ),
            timeout_s,
        )
        self.sandbox.release()
