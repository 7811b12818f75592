"""Everything that can go wrong, in words for people: one row per code.

Pure data, any thread. Adapters raise ``AppError(problem(...))``; nobody above an adapter sees a foreign exception.
"""

from dataclasses import replace
from types import MappingProxyType

from desktop_app.domain.problem import MAX_TOLD, AppError, Cancelled, Problem, Remedy, Retry, told

__all__ = ["MAX_TOLD", "TABLE", "AppError", "Cancelled", "Problem", "Remedy", "Retry", "failure", "problem"]


def _row(
    code: str, title: str, detail: str, retry: Retry = Retry.USER, remedies: tuple[Remedy, ...] = ()
) -> tuple[str, Problem]:
    return code, Problem(code, title, detail, remedies, retry)


# {name} placeholders are filled by problem(); a missing one is an error in our code, found by tests/domain.
TABLE = MappingProxyType(
    dict(
        (
            # --- the ClearML server
            _row("server.unreachable", "The ClearML server can't be reached",
                 "{server} does not answer. Check your network, or whether you need your VPN. Sessions keep running; "
                 "the window tries again by itself.", Retry.AUTO, (Remedy.RETRY,)),
            _row("server.no_sandbox", "The sandbox does not answer",
                 "Its sessions that are attached go on. Start it again: sessiondock sandbox start, or open the window.",
                 Retry.AUTO, (Remedy.RETRY,)),
            _row("account.unverified", "The key could not be checked, so nothing was stored",
                 "{server} does not answer. Check the address, and whether you need your VPN, then try again.",
                 Retry.USER, (Remedy.RETRY,)),
            _row("server.unauthorised", "The ClearML server refuses the API key",
                 "The key for {server} is wrong, has expired or was revoked. Make a new one in ClearML under "
                 "Settings > Workspace > API credentials and enter it here.", Retry.USER, (Remedy.SIGN_IN,)),
            _row("server.expired", "The sign-in to the ClearML server has expired",
                 "{server} no longer accepts this sign-in. Enter the API key again.", Retry.USER, (Remedy.SIGN_IN,)),
            _row("server.tls", "The connection to the ClearML server is not secure",
                 "The certificate of {server} can't be verified. If your company uses its own certificate "
                 "authority, install it on this computer or name its file (Certificates on the account page).",
                 Retry.USER, (Remedy.RETRY,)),
            _row("server.ca_file", "The certificate file can't be used",
                 "{path} holds no certificate authority that could be read. Choose a file in PEM format.",
                 Retry.USER, (Remedy.SIGN_IN,)),
            _row("server.proxy", "The proxy of this computer's environment can't be used",
                 "{variable} says {value}, but {why}. Correct the variable, or exempt the ClearML server by naming its "
                 "host in NO_PROXY, and start SessionDock again.", Retry.USER, (Remedy.RETRY,)),
            _row("server.proxy_silent", "The ClearML server can't be reached through the proxy",
                 "{proxy}, which {variable} names, does not lead to {server}. {answer}Check the proxy; if the server "
                 "needs none, name its host in NO_PROXY. Sessions keep running.", Retry.AUTO, (Remedy.RETRY,)),
            _row("server.token_expired", "The access token is no longer valid",
                 "{server} does not accept this token any more, and a token can't be renewed. Make an API key in "
                 "ClearML under Settings > Workspace > API credentials and enter it here.",
                 Retry.USER, (Remedy.SIGN_IN,)),
            _row("server.not_found", "No ClearML API server was found",
                 "“{typed}” was tried as {tried}. None of them answers as a ClearML API server does. Check the "
                 "address, and whether you need your VPN.", Retry.USER, (Remedy.RETRY,)),
            _row("server.refused", "The ClearML server refused the request",
                 "{server} answered: {answer}.", Retry.USER, (Remedy.RETRY,)),
            _row("server.failed", "The ClearML server failed to do what it was asked",
                 "{server} answered: {answer}. If that stays so, tell whoever runs the server.",
                 Retry.AUTO, (Remedy.RETRY,)),
            _row("server.in_between", "Something in front of the ClearML server answered in its place",
                 "{host} answered HTTP {status}, and not in the way that ClearML does: a proxy or a sign-in page "
                 "stands between. {more}Let {server} through it, or use an address that leads past it.",
                 Retry.USER, (Remedy.RETRY,)),
            _row("server.gateway", "The ClearML server behind a proxy does not answer",
                 "{host} answered HTTP {status} in its place, as a proxy does while the server behind it starts, is "
                 "updated or has too much to do. Sessions keep running. If that stays so, tell whoever runs {server}.",
                 Retry.AUTO, (Remedy.RETRY,)),
            _row("server.not_clearml", "This is not a ClearML API server",
                 "{server} answers, but not as a ClearML API server does. Use the API address "
                 "(often port 8008 or api.…), not the web page's.", Retry.USER, (Remedy.SIGN_IN,)),
            _row("server.too_old", "This ClearML server is too old",
                 "{server} speaks API {version}; SessionDock needs {needed} or newer. "
                 "Ask its administrator to update it.", Retry.NEVER),
            # --- launching
            _row("queue.no_agent", "No agent serves this queue",
                 "No running ClearML agent takes tasks from “{queue}”. The session waits until one does. "
                 "You can keep waiting, cancel, or choose another queue.",
                 Retry.AUTO, (Remedy.CANCEL_LAUNCH, Remedy.OTHER_QUEUE)),
            _row("queue.none", "The session is in no queue",
                 "{why} No agent will take it. Put it into a queue (sessiondock enqueue), or remove it "
                 "(sessiondock shutdown).", Retry.USER, (Remedy.ENQUEUE, Remedy.REMOVE)),
            _row("queue.not_waiting", "The session does not wait for an agent",
                 "“{name}” is at “{status}”. Only a session that waits, or is in no queue, can be put into a queue.",
                 Retry.USER),
            _row("queue.unknown", "The queue does not exist",
                 "There is no queue “{queue}” on {server}. Choose one from the list.",
                 Retry.USER, (Remedy.OTHER_QUEUE,)),
            _row("launch.invalid", "The session can't be launched like this", "{why}", Retry.USER),
            _row("task.failed", "The session failed to start",
                 "The task ended as “{status}” before the session was ready. {lines}", Retry.NEVER, (Remedy.SHOW_LOG,)),
            _row("task.broken", "The session ended unexpectedly", "It ended {after}: {why}. {lines}", Retry.NEVER,
                 (Remedy.SHOW_LOG,)),
            _row("task.gone", "The session no longer exists",
                 "Its task was deleted on the ClearML server.", Retry.NEVER),
            _row("task.no_source", "The task to start from does not exist",
                 "{server} has no task {task}, or you may not see it. Check its id or web address.", Retry.USER),
            _row("task.foreign", "This task is not a session",
                 "Task {task} is not a SessionDock session, so SessionDock leaves it alone.", Retry.NEVER),
            _row("agent.lost", "The session's agent is lost",
                 "The agent {worker} has not reported for {minutes} minutes. The session itself may go on "
                 "working; Shut down still ends it.", Retry.AUTO, (Remedy.SHUT_DOWN,)),
            _row("agent.gone", "Neither the session nor its agent answers",
                 "The agent {worker} has not reported for {minutes} minutes, and nobody there has heard of the "
                 "shutdown. Where the machine was switched off or started anew, nothing of the session is left but its "
                 "task, which ClearML would keep for two hours. You can end that now (“sessiondock shutdown SESSION "
                 "--force”).", Retry.USER, (Remedy.END_ANYWAY,)),
            _row("session.notice", "Something in the session did not work", "{text}", Retry.NEVER, (Remedy.SHOW_LOG,)),
            _row("handover.asked", "Your consent is needed",
                 "{text} if you agree: press Give in the window, or run “sessiondock give SESSION KIND --yes”.",
                 Retry.USER),
            _row("handover.failed", "The handover to the session failed",
                 "The session did not get {what}: {why}", Retry.USER),
            _row("git.none", "There are no git logins to give",
                 "Neither the keyring nor ~/.git-credentials holds one, and git has no settings here. Add one with "
                 "“sessiondock git add”.", Retry.USER),
            _row("git.unreadable", "The git logins can't be read", "{path}: {why}.", Retry.USER),
            _row("git.not_a_login", "This is not a git login",
                 "Give an address such as https://ada@github.com and the password or access token.", Retry.USER),
            _row("git.too_many", "The keyring's entry for git logins is full",
                 "Remove a login first: “sessiondock git list” shows them.", Retry.USER),
            _row("agent.none", "There is no SSH agent to forward",
                 "No ssh-agent answers on this computer. Start one and add a key (ssh-add), then start SessionDock "
                 "from a desktop or terminal that knows it.", Retry.USER, (Remedy.RETRY,)),
            _row("app.failed", "{app} could not be started", "{why}", Retry.NEVER, (Remedy.SHOW_LOG,)),
            # --- the connection
            _row("ssh.unreachable", "The session's machine can't be reached",
                 "{address} port {port} does not answer. You may need your VPN, or the machine's firewall blocks "
                 "the port. SessionDock keeps trying.", Retry.AUTO, (Remedy.RETRY,)),
            _row("ssh.container", "The session's container can't be reached",
                 "It has a network of its own, and {address} is known on the agent's machine only; a VPN does not "
                 "help. {mend} Or ask the agent's administrator for “--network host” in agent.extra_docker_arguments.",
                 Retry.AUTO, (Remedy.WITH_IMAGE, Remedy.SHUT_DOWN)),
            _row("ssh.lost", "The connection was lost",
                 "The tunnel to {address} broke. SessionDock reconnects by itself; open pages keep their addresses.",
                 Retry.AUTO),
            _row("ssh.earlier_run", "The new run has not said yet where it is",
                 "The task was started again, and at {address} is most likely its last run's place, not the session. "
                 "SessionDock keeps trying, and connects once the new run is ready.", Retry.AUTO, (Remedy.RETRY,)),
            _row("ssh.host_key", "The machine is not the one that it claims to be",
                 "The server at {address} port {port} showed the host key {found}, but the session published "
                 "{expected}. Someone may be intercepting the connection, so SessionDock did not connect. "
                 "Tell your administrator; shut the session down if you can't explain it.",
                 Retry.USER, (Remedy.RETRY, Remedy.SHUT_DOWN)),
            _row("ssh.record", "The session's connection record can't be trusted",
                 "{why} Someone may have edited the task, so SessionDock did not connect.",
                 Retry.USER, (Remedy.RETRY, Remedy.SHUT_DOWN, Remedy.SHOW_LOG)),
            _row("ssh.new_run", "The session was started again",
                 "{how} Each run makes a host key of its own: until now it was {known}, the new run shows {found}, and "
                 "its log says so, too. If you started it again, or know who did, accept the new key here or with: "
                 "sessiondock trust {task} {found}. If nobody did, someone may have edited the task: shut it down.",
                 Retry.USER, (Remedy.ACCEPT_RUN, Remedy.SHUT_DOWN, Remedy.SHOW_LOG)),
            _row("session.restarted", "The session starts over",
                 "{why} What still runs of it ends at any moment, and what was not saved there is lost. SessionDock "
                 "connects to the new run once it is ready.", Retry.AUTO),
            _row("ssh.other_host", "This machine shows another host key than before",
                 "The server at {address} port {port} shows the host key {found}; the key that you trusted is {known}. "
                 "The session may have been started again, or somebody may be between you and it. Trust the new key "
                 "only if whoever runs the machine confirms it.", Retry.USER, (Remedy.TRUST_HOST, Remedy.SHUT_DOWN)),
            _row("ssh.auth", "The session's machine refused the key",
                 "{address} did not accept this session's SSH key.", Retry.USER, (Remedy.RETRY,)),
            _row("ssh.key_replaced", "Somebody changed who gets into this session",
                 "The task names another SSH key than the one that it was launched with: a member of the workspace "
                 "edited it while it waited in its queue. Its machine lets that person in and not you. Shut it down, "
                 "and tell your administrator.", Retry.USER, (Remedy.SHUT_DOWN, Remedy.SHOW_LOG)),
            _row("ssh.no_key", "This session's key is not on this computer",
                 "The session was launched from another computer, and nothing on this one opens its key. Attach from "
                 "that computer, or give the session an attach passphrase there (sessiondock passphrase).",
                 Retry.USER, (Remedy.RETRY,)),
            _row("ssh.passphrase", "This session's key is locked with a passphrase",
                 "The session was launched from another computer. Enter the attach passphrase that it was given there.",
                 Retry.USER, (Remedy.ENTER_PASSPHRASE,)),
            _row("ssh.wrong_passphrase", "The passphrase does not open this session's key",
                 "Check it and try again; upper and lower case matter.", Retry.USER, (Remedy.ENTER_PASSPHRASE,)),
            _row("ssh.short_passphrase", "The passphrase is too short",
                 "Everybody in your workspace can try to guess it, so use at least {least} characters.", Retry.USER),
            _row("ssh.unknown_host", "This machine is not known yet",
                 "The server at {address} port {port} shows the host key {found}. The session was not started by "
                 "SessionDock, so nothing tells whether that is its own. Trust it only if whoever runs the machine "
                 "confirms this fingerprint.", Retry.USER, (Remedy.TRUST_HOST,)),
            _row("ssh.password", "The session's machine refused the password",
                 "{address} did not accept the password that the session's task holds for {user}. It may have been "
                 "changed there.", Retry.USER, (Remedy.RETRY,)),
            _row("session.foreign", "Not possible in a session that clearml-session started",
                 "It can be connected, opened and shut down here, but what needs SessionDock's own program in the "
                 "session does not work. Launch a session with SessionDock for that.", Retry.NEVER),
            _row("session.no_login", "SSH programs need this session's password",
                 "clearml-session started it, and SessionDock could not start an SSH server of its own there: {why} "
                 "Terminal, ssh alias and “Open in” need that; tunnels and file transfers work.", Retry.NEVER),
            _row("session.exposed", "Others can get into this session", "clearml-session made it. {why}", Retry.NEVER),
            _row("ssh.no_password", "This session has no password here",
                 "It was launched without one, or elsewhere. SessionDock logs in with the session's key.", Retry.NEVER),
            _row("ssh.agent", "SSH commands outside the app do not work", "{why}", Retry.USER),
            _row("ssh.config_unwritable", "The ssh configuration can't be changed",
                 "{path}: {why}. {by_hand} yourself: {line}", Retry.USER, (Remedy.RETRY,)),
            _row("ssh.config_text", "The ssh configuration can't be read",
                 "Your ssh config file is not plain text (perhaps it was saved as UTF-16), so ssh itself can't use it. "
                 "Save it as UTF-8 and try again.", Retry.USER, (Remedy.RETRY,)),
            _row("ssh.not_included", "Your ssh does not know the sessions yet",
                 "{program} reaches the session through ssh. For that, one line has to be added at the top of {path} "
                 "(“sessiondock ssh-config install”). It can be taken out at any time, in the menu or with "
                 "“sessiondock ssh-config remove”.", Retry.USER, (Remedy.SSH_CONFIG,)),
            _row("ssh.no_alias", "There is no session with this alias",
                 "No session on this computer is called {name}. Known: {known}.{near}", Retry.USER),
            _row("ssh.not_attached", "The session is not attached",
                 "“{name}” can be reached while SessionDock holds its connection. Press Attach in the window, or run: "
                 "sessiondock attach {task}", Retry.USER, (Remedy.ATTACH,)),
            _row("ssh.protocol", "The SSH connection failed", "{why}", Retry.AUTO, (Remedy.RETRY,)),
            _row("ssh.refused", "The session does not do that", "{why}", Retry.USER, (Remedy.RETRY,)),
            # --- what stands between us and the session's machine
            _row("route.invalid", "That route can't be used", "{why}", Retry.USER),
            _row("route.config", "Your ssh configuration can't be used", "{why}", Retry.USER,
                 (Remedy.RETRY, Remedy.ROUTE)),
            _row("route.unreachable", "The way to the session's machine is interrupted",
                 "It leads through {hop}, which does not answer. Check your network and the account's route. "
                 "SessionDock keeps trying.", Retry.AUTO, (Remedy.RETRY, Remedy.ROUTE)),
            _row("route.refused", "The way to the session's machine is blocked",
                 "{hop} does not make the connection. {why}", Retry.AUTO, (Remedy.RETRY, Remedy.ROUTE)),
            _row("route.auth", "A machine on the way does not let you in", "{hop}: {why}", Retry.USER,
                 (Remedy.RETRY, Remedy.ROUTE)),
            _row("route.host_key", "A jump host can't be trusted", "{hop}: {why}", Retry.USER,
                 (Remedy.RETRY, Remedy.ROUTE)),
            _row("ssh.name", "The machine's name is unknown here",
                 "This computer can't find an address for {address}. The name may be known inside your company's "
                 "network only: connect your VPN, or have the agent publish an address that is known here.",
                 Retry.AUTO, (Remedy.RETRY, Remedy.ROUTE)),
            _row("app.refused", "The application does not listen",
                 "Nothing listens on port {port} of the session's machine any more. The application has ended or was "
                 "stopped; its log may say why. Shut the session down and launch it again if it does not come back.",
                 Retry.USER, (Remedy.SHOW_LOG,)),
            _row("app.silent", "The application does not answer",
                 "Port {port} of the session's machine takes connections, but no page comes back. The application may "
                 "be overloaded, frozen or out of memory.", Retry.USER, (Remedy.SHOW_LOG,)),
            _row("session.not_up", "The session is not up yet", "{why}", Retry.AUTO),
            _row("session.over", "The session has ended", "{why} Launch a new one.", Retry.NEVER, (Remedy.SHOW_LOG,)),
            _row("port.taken", "A local port is taken",
                 "Port {wanted} on this computer is used by {program}. {app} is at port {port} instead "
                 "and stays there.", Retry.NEVER),
            _row("ports.taken", "Some local ports are taken", "{each}", Retry.NEVER),
            _row("port.busy", "The local port is taken",
                 "Port {wanted} on this computer is used by {program}. Choose another one, or leave it to SessionDock.",
                 Retry.USER),
            _row("port.remote", "The session's port is taken",
                 "The session's machine does not let SessionDock listen on port {port}: another program has it, or the "
                 "port is reserved. Choose another one.", Retry.USER),
            _row("port.loop", "That port would lead into itself",
                 "The session runs on this computer, so its port {remote} and port {local} here belong to the same "
                 "machine: a connection would come back without end. {mend}", Retry.USER),
            _row("port.silent", "Nothing speaks HTTP on that port",
                 "Port {port} of the session does not answer as a web page does. Other programs reach it at "
                 "127.0.0.1:{local}.", Retry.USER, (Remedy.RETRY,)),
            _row("port.none", "No local port is free", "SessionDock could not open any port on 127.0.0.1.", Retry.USER,
                 (Remedy.RETRY,)),
            # --- files
            _row("files.missing", "There is no such file", "{path} does not exist. {why}", Retry.NEVER),
            _row("files.denied", "The file may not be touched", "{path}: {why}.", Retry.USER),
            _row("files.refused", "The file could not be transferred", "{path}: {why}.", Retry.USER, (Remedy.RETRY,)),
            _row("files.room", "The session's disk takes no more",
                 "{path}: {why}. Make room there or choose another folder, and begin again: what arrived as a whole is "
                 "kept.",                 Retry.USER, (Remedy.RETRY,)),
            _row("files.unsupported", "The session's machine transfers no files",
                 "Its SSH server offers no SFTP, which file transfers need.", Retry.USER),
            _row("files.damaged", "The file did not arrive as it was sent",
                 "The checksums of {path} differ on both sides. It may have changed while it was read; try again.",
                 Retry.USER, (Remedy.RETRY,)),
            _row("files.here", "Files can't be written on this computer", "{path}: {why}.", Retry.USER,
                 (Remedy.RETRY,)),
            _row("files.endless", "The session lists more than can be copied",
                 "{path} holds more than {most} files and folders, or its machine never comes to an end. Name parts of "
                 "it, or pack it there.", Retry.USER),
            _row("files.ended", "The session does not run", "Files can be transferred while “{name}” runs.",
                 Retry.USER),
            _row("tunnel.owned", "Another SessionDock holds this session",
                 "{holder} on this computer already holds the tunnel. Detach it there first.", Retry.USER),
            _row("open.not_ready", "{app} is not ready yet", "Its state is “{state}”. {why}", Retry.AUTO),
            _row("session.not_attached", "The session is not attached on this computer",
                 "Press Attach in the window, or run in another terminal: sessiondock attach {task}", Retry.AUTO,
                 (Remedy.ATTACH,)),
            _row("open.neither", "There is nothing to open",
                 "“{name}” is neither a session ({sessions}) nor what one can be opened in ({known}).{near}",
                 Retry.USER),
            _row("open.no_browser", "No browser could be opened", "{how}", Retry.USER),
            _row("open.unknown", "There is no such program to open a session in",
                 "“{name}” is not one of: {known}.{near}", Retry.USER),
            _row("open.not_installed", "{program} was not found on this computer",
                 "Install it, or make its command known on the PATH, and try again. The command “sessiondock open "
                 "--list” tells what was found.", Retry.USER, (Remedy.RETRY,)),
            _row("open.not_started", "{program} could not be started", "{path} ended at once with an error.",
                 Retry.USER, (Remedy.RETRY,)),
            _row("open.no_terminal", "No terminal was found",
                 "Install a terminal program or paste this command into one: {command}", Retry.USER),
            # --- secrets
            _row("keyring.locked", "The keyring is locked",
                 "Unlock your system's password store (GNOME Keyring, KWallet, Keychain) and try again. "
                 "SessionDock stores keys nowhere else.", Retry.USER, (Remedy.UNLOCK_KEYRING, Remedy.RETRY)),
            _row("keyring.absent", "This computer has no keyring",
                 "SessionDock keeps secrets in the system's password store and found none. Install and start one "
                 "(for example gnome-keyring; docs/command-line.md says how on a server).", Retry.USER,
                 (Remedy.RETRY,)),
            _row("keyring.chosen", "Another password store than the system's is chosen",
                 "{where} chooses {name} for Python's keyring; SessionDock keeps secrets in the system's store "
                 "alone. Unset it for SessionDock (env -u PYTHON_KEYRING_BACKEND sessiondock …), or take that line out "
                 "of the file.", Retry.USER, (Remedy.RETRY,)),
            _row("keyring.silent", "The keyring does not answer",
                 "The system's password store took the request and did not reply within {seconds} seconds. It may be "
                 "waiting behind another window.", Retry.USER, (Remedy.RETRY,)),
            _row("keyring.refused", "The keyring refused", "The system's password store answered: {answer}.",
                 Retry.USER, (Remedy.RETRY,)),
            # --- this computer
            _row("sandbox.failed", "The sandbox did not start", "{why}", Retry.USER, (Remedy.RETRY,)),
            _row("account.unknown", "There is no such account", "No account is called “{name}”. Known: {known}.{near}",
                 Retry.USER),
            _row("account.ambiguous", "Say which one", "“{name}” fits several: {known}.", Retry.USER),
            _row("account.no_key", "There is no such key", "“{account}” has no key “{name}”. Its keys: {known}.",
                 Retry.USER),
            _row("account.several", "Say which account", "There are several: {known}.", Retry.USER),
            _row("account.none", "There is no account yet",
                 "sessiondock accounts import takes over the ClearML keys of this computer{found}; --account sandbox "
                 "starts the sandbox.", Retry.USER),
            _row("usage.missing", "Something is missing", "{why}", Retry.USER),
            _row("session.lingers", "The session has not ended yet",
                 "“{name}” was told to shut down {seconds} seconds ago and is still there. “sessiondock shutdown "
                 "SESSION --force” ends its task in ClearML, whatever its machine does.",
                 Retry.USER, (Remedy.RETRY, Remedy.SHOW_LOG)),
            _row("session.unknown", "There is no such session", "No session is called “{name}”. Known: {known}.{near}",
                 Retry.USER),
            _row("session.others", "The session is another user's",
                 "“{name}” belongs to {owner}; nobody else can connect to it or end it here.", Retry.USER),
            _row("session.ambiguous", "Say which session", "Several fit: {known}. Name one by what stands in brackets.",
                 Retry.USER),
            _row("ask.no_terminal", "There is nobody to ask",
                 "--ask needs a terminal. Say what to launch: sessiondock --queue QUEUE --yes, or sessiondock launch.",
                 Retry.USER),
            _row("usage.together", "These options do not go together", "{why}", Retry.USER),
            _row("again.none", "No session has ended", "There is none to launch again. Launch one: sessiondock launch.",
                 Retry.USER),
            _row("again.secret", "The earlier session had secrets, which are not taken over",
                 "Give {flags} anew: “-” reads a line of standard input, an empty text does without.", Retry.USER),
            _row("again.unseen", "Nobody has looked at what would be taken over",
                 "Another computer launched “{name}”, and everybody in the ClearML workspace can edit its task. What "
                 "it says is printed above; if that is what you want, give --yes. Flags replace what it says.",
                 Retry.USER),
            _row("again.copy", "This session can't be launched again from here",
                 "“{name}” was a copy of another task, and only the computer that launched it knows which. Launch with "
                 "the option “Debug a task” (--debugging-session TASK).", Retry.NEVER),
            _row("session.none", "No session runs", "Launch one: sessiondock launch.", Retry.USER),
            _row("account.no_secret", "The API secret is not in the keyring",
                 "SessionDock knows {server} but not its secret. Enter the API key again.",
                 Retry.USER, (Remedy.SIGN_IN,)),
            _row("profile.unknown", "There is no such profile", "No profile is called “{name}”. Known: {known}.{near}",
                 Retry.USER),
            _row("profile.taken", "The name is taken", "There is a profile “{name}” already. Choose another name.",
                 Retry.USER),
            _row("profile.name", "The profile needs a name", "Give it a name of one to {longest} characters.",
                 Retry.USER),
            _row("profile.unreadable", "The file is no profile",
                 "{path}: {why}. Choose a file that SessionDock exported, or clearml-session's "
                 "~/.clearml_session.json.", Retry.USER),
            _row("credentials.none", "No ClearML credentials were found",
                 "{where} holds no access key with its secret. In ClearML, make credentials under Settings > Workspace "
                 "> API credentials and copy what it shows.", Retry.USER),
            _row("credentials.unreadable", "A ClearML configuration could not be read",
                 "{path}: {why}. The file was left as it is; you can enter the key yourself.", Retry.USER),
            _row("file.damaged", "A settings file was damaged",
                 "{path} could not be read and was set aside as {aside}. Defaults are used.", Retry.NEVER),
            _row("port.own", "That port is the session's own", "{what}", Retry.NEVER),
            _row("file.newer", "A settings file is of a newer SessionDock",
                 "{path} was written by a newer version, so this one neither reads nor changes it. Start the newer "
                 "version, or update this one.", Retry.NEVER),
            _row("file.unreadable", "A settings file can't be read",
                 "{path}: {why}. It is left as it is, and nothing is remembered until it can be read.", Retry.USER),
            _row("disk.full", "The disk is full",
                 "{path} could not be written: {why}. Free some space and try again.", Retry.USER, (Remedy.RETRY,)),
            _row("file.unwritable", "A settings file can't be written", "{path}: {why}.", Retry.USER, (Remedy.RETRY,)),
            _row("input.unreadable", "What came on standard input can't be used", "{why}", Retry.USER),
            _row("output.unwritable", "The result could not be written", "Standard output: {why}.", Retry.USER),
            _row("internal", "SessionDock made a mistake",
                 "Something unexpected happened; the log has the details. The session itself is not affected.",
                 Retry.AUTO, (Remedy.RETRY,)),
        )
    )
)  # fmt: skip


def problem(code: str, *, cause: str = "", **values: object) -> Problem:
    """The problem of the table's row ``code`` with its placeholders filled.

    Raises KeyError for an unknown code or a missing placeholder: both are our own mistakes.
    """
    row = TABLE[code]
    filled = {name: told(value) for name, value in values.items()}
    return replace(row, title=row.title.format(**filled), detail=row.detail.format(**filled).strip(), cause=told(cause))


def failure(code: str, *, cause: str = "", **values: object) -> AppError:
    """The same, ready to raise."""
    return AppError(problem(code, cause=cause, **values))
