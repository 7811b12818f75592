"""Problems of what users do with a connected session: ports, files, programs that open it. One row per code."""

from desktop_app.domain.problems.problem import Problem, Remedy, Retry, row

ROWS: tuple[Problem, ...] = (
    row("port.taken", "A local port is taken",
        "Port {wanted} on this computer is used by {program}. {app} is at port {port} instead and stays there.",
        Retry.NEVER),
    row("port.busy", "The local port is taken",
        "Port {wanted} on this computer is used by {program}. Choose another one, or leave it to SessionDock."),
    row("port.remote", "The session's port is taken",
        "The session's machine does not let SessionDock listen on port {port}: another program has it, or the "
        "port is reserved. Choose another one."),
    row("port.unanswered", "Nothing answers at a forwarded port of this computer",
        "A program in the session came through port {remote} there, which leads to port {local} of this computer, and "
        "nothing listens at that one. Start the program that should answer here; the forward stays."),
    row("port.loop", "Forwarding that port would make a loop",
        "The session runs on this computer, so its port {remote} and port {local} here belong to the same "
        "machine: a connection would come back without end. {mend}"),
    row("port.silent", "No web page answers on that port",
        "Port {port} of the session does not answer HTTP requests. Other programs reach it at 127.0.0.1:{local}.",
        Retry.USER, (Remedy.RETRY,)),
    row("port.none", "No local port is free",
        "SessionDock could not open any port on 127.0.0.1.", Retry.USER, (Remedy.RETRY,)),
    row("port.own", "That port is the session's own", "{what}", Retry.NEVER),
    row("ports.taken", "Some local ports are taken", "{each}", Retry.NEVER),
    row("files.missing", "There is no such file", "{path} does not exist. {why}", Retry.NEVER),
    row("files.denied", "The session's machine denies access to the file",
        "{path}: {why}. Choose another folder, or change its permissions in the session."),
    row("files.refused", "The file could not be transferred", "{path}: {why}.", Retry.USER, (Remedy.RETRY,)),
    row("files.room", "There is no room on the session's disk",
        "{path}: {why}. Make room there or choose another folder, and begin again: files that arrived completely "
        "are kept.", Retry.USER, (Remedy.RETRY,)),
    row("files.unsupported", "The session's machine does not support file transfers",
        "Its SSH server offers no SFTP, which file transfers need. Have it installed there, or copy files by "
        "other means."),
    row("files.damaged", "The file did not arrive as it was sent",
        "The checksums of {path} differ on both sides. It may have changed while it was read; try again.",
        Retry.USER, (Remedy.RETRY,)),
    row("files.here", "Files can't be written on this computer", "{path}: {why}.", Retry.USER, (Remedy.RETRY,)),
    row("files.endless", "There are too many files to copy",
        "{path} holds more than {most} files and folders, or its listing never ends. Name parts of it, or pack it "
        "into an archive there."),
    row("files.ended", "The session is not running", "Files can be transferred only while “{name}” runs."),
    row("open.not_ready", "{app} is not ready yet", "Its state is “{state}”. {why}", Retry.AUTO),
    row("open.neither", "There is nothing to open",
        "“{name}” is neither a session ({sessions}) nor a program to open one in ({known}).{near}"),
    row("open.no_browser", "No browser could be opened", "{how}"),
    row("open.unknown", "There is no such program to open a session in", "“{name}” is not one of: {known}.{near}"),
    row("open.not_installed", "{program} was not found on this computer",
        "Install it, or make its command known on the PATH, and try again. The command “sessiondock open --list” "
        "shows what was found.", Retry.USER, (Remedy.RETRY,)),
    row("open.not_started", "{program} could not be started",
        "{path} ended at once with an error.", Retry.USER, (Remedy.RETRY,)),
    row("open.no_terminal", "No terminal was found",
        "Install a terminal program or paste this command into one: {command}"),
    row("demo.nothing", "This is the demo", "{what} Here nothing opens.", Retry.NEVER),
)  # fmt: skip
