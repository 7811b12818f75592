"""Problems of the SSH connection and of the route to a session: one row per code."""

from desktop_app.domain.problems.problem import Problem, Remedy, Retry, row

ROWS: tuple[Problem, ...] = (
    row("ssh.unreachable", "The session's machine can't be reached",
        "{address} port {port} does not answer. You may need your VPN, or the machine's firewall blocks the port. "
        "SessionDock keeps trying.", Retry.AUTO, (Remedy.RETRY,)),
    row("ssh.container", "The session's container can't be reached",
        "It has a network of its own, and {address} is known on the agent's machine only; a VPN does not help. "
        "{mend} Or ask the agent's administrator for “--network host” in agent.extra_docker_arguments.",
        Retry.AUTO, (Remedy.WITH_IMAGE, Remedy.SHUT_DOWN)),
    row("ssh.lost", "The connection was lost",
        "The tunnel to {address} broke. SessionDock reconnects by itself; open pages keep their addresses.",
        Retry.AUTO),
    row("ssh.earlier_run", "The new run has not published its address yet",
        "The task was started again, and what answers at {address} is most likely its last run. SessionDock keeps "
        "trying, and connects once the new run is ready.", Retry.AUTO, (Remedy.RETRY,)),
    row("ssh.host_key", "The machine is not the one that the session published",
        "The server at {address} port {port} showed the host key {found}, but the session published {expected}. "
        "Someone may be intercepting the connection, so SessionDock did not connect. Tell your administrator; "
        "shut the session down if you can't explain it.", Retry.USER, (Remedy.RETRY, Remedy.SHUT_DOWN)),
    row("ssh.record", "The session's connection record can't be trusted",
        "{why} Someone may have edited the task, so SessionDock did not connect.",
        Retry.USER, (Remedy.RETRY, Remedy.SHUT_DOWN, Remedy.SHOW_LOG)),
    row("ssh.new_run", "The session was started again",
        "{how} Each run makes a host key of its own: until now it was {known}, the new run shows {found}, and its "
        "log says so, too. If you started it again, or know who did, accept the new key here or with: sessiondock "
        "trust {task} {found}. Otherwise someone may have edited the task: shut it down.",
        Retry.USER, (Remedy.ACCEPT_RUN, Remedy.SHUT_DOWN, Remedy.SHOW_LOG)),
    row("ssh.other_host", "This machine shows another host key than before",
        "The server at {address} port {port} shows the host key {found}; the key that you trusted is {known}. The "
        "session may have been started again, or someone may be intercepting the connection. Trust the new key "
        "only if the machine's administrator confirms it.", Retry.USER, (Remedy.TRUST_HOST, Remedy.SHUT_DOWN)),
    row("ssh.auth", "The session's machine refused the key",
        "{address} did not accept this session's SSH key.", Retry.USER, (Remedy.RETRY,)),
    row("ssh.key_replaced", "Someone changed who gets into this session",
        "The task names another SSH key than the one that it was launched with: a member of the workspace edited "
        "it while it waited in its queue. Its machine admits the owner of that key instead of you. Shut it down, "
        "and tell your administrator.", Retry.USER, (Remedy.SHUT_DOWN, Remedy.SHOW_LOG)),
    row("ssh.no_key", "This session's key is not on this computer",
        "The session was launched from another computer, and nothing on this one opens its key. Attach from that "
        "computer, or give the session an attach passphrase there (sessiondock passphrase).",
        Retry.USER, (Remedy.RETRY,)),
    row("ssh.passphrase", "This session's key is locked with a passphrase",
        "The session was launched from another computer. Enter the attach passphrase that it was given there.",
        Retry.USER, (Remedy.ENTER_PASSPHRASE,)),
    row("ssh.wrong_passphrase", "The passphrase does not open this session's key",
        "Check it and try again; upper and lower case matter.", Retry.USER, (Remedy.ENTER_PASSPHRASE,)),
    row("ssh.short_passphrase", "The passphrase is too short",
        "All members of your workspace can try to guess it, so use at least {least} characters."),
    row("ssh.unknown_host", "This machine is not known yet",
        "The server at {address} port {port} shows the host key {found}. The session was not started by "
        "SessionDock, so SessionDock can't check that this key is the session's own. Trust it only if the "
        "machine's administrator confirms this fingerprint.", Retry.USER, (Remedy.TRUST_HOST,)),
    row("ssh.password", "The session's machine refused the password",
        "{address} did not accept the password that the session's task holds for {user}. It may have been changed "
        "there.", Retry.USER, (Remedy.RETRY,)),
    row("ssh.no_password", "This session has no password here",
        "It was launched without one, or elsewhere. SessionDock logs in with the session's key.", Retry.NEVER),
    row("ssh.agent", "SSH commands outside the app do not work", "{why}"),
    row("ssh.config_unwritable", "The ssh configuration can't be changed",
        "{path}: {why}. {by_hand} yourself: {line}", Retry.USER, (Remedy.RETRY,)),
    row("ssh.config_text", "The ssh configuration can't be read",
        "Your ssh config file is not plain text (perhaps it was saved as UTF-16), so ssh itself can't use it. "
        "Save it as UTF-8 and try again.", Retry.USER, (Remedy.RETRY,)),
    row("ssh.not_included", "Your ssh does not know the sessions yet",
        "{program} reaches the session through ssh. For that, one line has to be added at the top of {path} "
        "(“sessiondock ssh-config install”). It can be taken out at any time, in the menu or with “sessiondock "
        "ssh-config remove”.", Retry.USER, (Remedy.SSH_CONFIG,)),
    row("ssh.no_alias", "There is no session with this alias",
        "No session on this computer is called {name}. Known: {known}.{near}"),
    row("ssh.not_attached", "The session is not attached",
        "“{name}” can be reached while SessionDock holds its connection. Press Attach in the window, or run: "
        "sessiondock attach {task}", Retry.USER, (Remedy.ATTACH,)),
    row("ssh.protocol", "The SSH connection failed", "{why}", Retry.AUTO, (Remedy.RETRY,)),
    row("ssh.refused", "The session refused the request", "{why}", Retry.USER, (Remedy.RETRY,)),
    row("ssh.name", "The machine's name is unknown here",
        "This computer can't find an address for {address}. The name may be known inside your company's network "
        "only: connect your VPN, or have the agent publish an address that is known here.",
        Retry.AUTO, (Remedy.RETRY, Remedy.ROUTE)),
    row("route.invalid", "That route can't be used", "{why}"),
    row("route.config", "Your ssh configuration can't be used", "{why}", Retry.USER, (Remedy.RETRY, Remedy.ROUTE)),
    row("route.unreachable", "The route to the session's machine is interrupted",
        "It leads through {hop}, which does not answer. Check your network and the account's route. SessionDock "
        "keeps trying.", Retry.AUTO, (Remedy.RETRY, Remedy.ROUTE)),
    row("route.refused", "The route to the session's machine is blocked",
        "{hop} does not make the connection. {why}", Retry.AUTO, (Remedy.RETRY, Remedy.ROUTE)),
    row("route.auth", "A machine on the route refused the sign-in",
        "{hop}: {why}", Retry.USER, (Remedy.RETRY, Remedy.ROUTE)),
    row("route.host_key", "A jump host can't be trusted", "{hop}: {why}", Retry.USER, (Remedy.RETRY, Remedy.ROUTE)),
    row("tunnel.owned", "Another SessionDock holds this session",
        "{holder} on this computer already holds the tunnel. Detach it there first."),
)  # fmt: skip
