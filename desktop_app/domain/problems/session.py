"""Problems of launching a session and of its life: one row per code."""

from desktop_app.domain.problems.problem import Problem, Remedy, Retry, row

ROWS: tuple[Problem, ...] = (
    row("queue.no_agent", "No agent serves this queue",
        "No running ClearML agent takes tasks from “{queue}”. The session waits until one does. You can keep "
        "waiting, cancel, or choose another queue.", Retry.AUTO, (Remedy.CANCEL_LAUNCH, Remedy.OTHER_QUEUE)),
    row("queue.none", "The session is in no queue",
        "{why} No agent will take it. Put it into a queue (sessiondock enqueue), or remove it (sessiondock "
        "shutdown).", Retry.USER, (Remedy.ENQUEUE, Remedy.REMOVE)),
    row("queue.not_waiting", "The session does not wait for an agent",
        "The status of “{name}” is “{status}”. Only a session that waits for an agent, or is in no queue, can be "
        "put into a queue."),
    row("queue.unknown", "The queue does not exist",
        "There is no queue “{queue}” on {server}. Choose one from the list.", Retry.USER, (Remedy.OTHER_QUEUE,)),
    row("launch.invalid", "The session can't be launched like this", "{why}"),
    row("task.failed", "The session failed to start",
        "The task ended as “{status}” before the session was ready. {lines}", Retry.NEVER, (Remedy.SHOW_LOG,)),
    row("task.broken", "The session ended unexpectedly",
        "It ended {after}: {why}. {lines}", Retry.NEVER, (Remedy.SHOW_LOG,)),
    row("task.gone", "The session no longer exists", "Its task was deleted on the ClearML server.", Retry.NEVER),
    row("task.no_source", "The task to start from does not exist",
        "{server} has no task {task}, or you may not see it. Check its id or web address."),
    row("task.foreign", "This task is not a session",
        "Task {task} is not a SessionDock session, so SessionDock leaves it alone.", Retry.NEVER),
    row("agent.lost", "The session's agent is lost",
        "The agent {worker} has not reported for {minutes} minutes. The session itself may go on working; Shut "
        "down still ends it.", Retry.AUTO, (Remedy.SHUT_DOWN,)),
    row("agent.gone", "Neither the session nor its agent answers",
        "The agent {worker} has not reported for {minutes} minutes, and the session has not confirmed the "
        "shutdown. If the machine was switched off or restarted, only the session's task is left, which ClearML "
        "keeps for two hours. You can end it now (“sessiondock shutdown SESSION --force”).",
        Retry.USER, (Remedy.END_ANYWAY,)),
    row("agent.none", "There is no SSH agent to forward",
        "No ssh-agent answers on this computer. Start one and add a key (ssh-add), then start SessionDock from a "
        "desktop or terminal that knows it.", Retry.USER, (Remedy.RETRY,)),
    row("session.notice", "Something in the session did not work", "{text}", Retry.NEVER, (Remedy.SHOW_LOG,)),
    row("session.restarted", "The session starts over",
        "{why} What still runs of it may end at any moment, and unsaved work there is lost. SessionDock connects "
        "to the new run once it is ready.", Retry.AUTO),
    row("session.foreign", "Not possible in a session that clearml-session started",
        "It can be connected, opened and shut down here, but what needs SessionDock's own program in the session "
        "does not work. Launch a session with SessionDock for that.", Retry.NEVER),
    row("session.no_login", "SSH programs need this session's password",
        "clearml-session started it, and SessionDock could not start an SSH server of its own there: {why} "
        "Terminal, ssh alias and “Open in” need that; tunnels and file transfers work.", Retry.NEVER),
    row("session.exposed", "Others can get into this session", "clearml-session started it. {why}", Retry.NEVER),
    row("session.not_up", "The session is not up yet", "{why}", Retry.AUTO),
    row("session.over", "The session has ended", "{why} Launch a new one.", Retry.NEVER, (Remedy.SHOW_LOG,)),
    row("session.not_attached", "The session is not attached on this computer",
        "Press Attach in the window, or run in another terminal: sessiondock attach {task}",
        Retry.AUTO, (Remedy.ATTACH,)),
    row("session.lingers", "The session has not ended yet",
        "“{name}” was told to shut down {seconds} seconds ago and is still running. “sessiondock shutdown SESSION "
        "--force” ends its task in ClearML even if its machine does not answer.",
        Retry.USER, (Remedy.RETRY, Remedy.SHOW_LOG)),
    row("session.unknown", "There is no such session", "No session is called “{name}”. Known: {known}.{near}"),
    row("session.others", "The session belongs to another user",
        "“{name}” belongs to {owner}; only that user can connect to it or end it."),
    row("session.ambiguous", "Several sessions match", "They are: {known}. Name one by the text in brackets."),
    row("session.none", "No session is running", "Launch one: sessiondock launch."),
    row("handover.asked", "Your consent is needed",
        "{text} if you agree: press Give in the window, or run “sessiondock give SESSION KIND --yes”."),
    row("handover.failed", "The handover to the session failed", "The session did not get {what}: {why}"),
    row("git.none", "There are no git logins to give",
        "Neither the keyring nor ~/.git-credentials holds one, and git has no settings here. Add one with "
        "“sessiondock git add”."),
    row("git.unreadable", "The git logins can't be read", "{path}: {why}."),
    row("git.not_a_login", "This is not a git login",
        "Give an address such as https://ada@github.com and the password or access token."),
    row("git.too_many", "The keyring's entry for git logins is full",
        "Remove a login first: “sessiondock git list” shows them."),
    row("app.failed", "{app} could not be started", "{why}", Retry.NEVER, (Remedy.SHOW_LOG,)),
    row("app.refused", "The application does not listen",
        "Nothing listens on port {port} of the session's machine any more. The application has ended or was "
        "stopped; its log may say why. Shut the session down and launch it again if it does not come back.",
        Retry.USER, (Remedy.SHOW_LOG,)),
    row("app.silent", "The application does not answer",
        "Port {port} of the session's machine takes connections, but no page comes back. The application may be "
        "overloaded, frozen or out of memory.", Retry.USER, (Remedy.SHOW_LOG,)),
    row("again.none", "No session has ended", "There is none to launch again. Launch one: sessiondock launch."),
    row("again.secret", "The earlier session's secrets can't be reused",
        "Give {flags} again: “-” reads a line of standard input, an empty value launches without the secret."),
    row("again.unseen", "Check what would be taken over",
        "Another computer launched “{name}”, and all members of the ClearML workspace can edit its task. What it "
        "says is printed above; if that is what you want, give --yes. Flags replace what it says."),
    row("again.copy", "This session can't be launched again from here",
        "“{name}” was a copy of another task, and only the computer that launched it knows which. Launch with the "
        "option “Debug a task” (--debugging-session TASK).", Retry.NEVER),
    row("profile.unknown", "There is no such profile", "No profile is called “{name}”. Known: {known}.{near}"),
    row("profile.taken", "The name is taken", "There is a profile “{name}” already. Choose another name."),
    row("profile.name", "The profile needs a name", "Give it a name of one to {longest} characters."),
    row("profile.unreadable", "This file is not a profile",
        "{path}: {why}. Choose a file that SessionDock exported, or clearml-session's ~/.clearml_session.json."),
)  # fmt: skip
