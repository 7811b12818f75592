"""Problems of what users do with a connected session: ports, files, programs that open it. One row per code."""

from desktop_app.domain.problems.problem import Problem, Remedy, Retry, row

ROWS: tuple[Problem, ...] = (
    row("port.taken", "A local port is taken",
         "Port {wanted} on this computer is used by {program}. {app} is at port {port} instead "
         "and stays there.", Retry.NEVER),
    row("port.busy", "The local port is taken",
         "Port {wanted} on this computer is used by {program}. Choose another one, or leave it to SessionDock.",
         Retry.USER),
    row("port.remote", "The session's port is taken",
         "The session's machine does not let SessionDock listen on port {port}: another program has it, or the "
         "port is reserved. Choose another one.", Retry.USER),
    row("port.loop", "That port would lead into itself",
         "The session runs on this computer, so its port {remote} and port {local} here belong to the same "
         "machine: a connection would come back without end. {mend}", Retry.USER),
    row("port.silent", "Nothing speaks HTTP on that port",
         "Port {port} of the session does not answer as a web page does. Other programs reach it at "
         "127.0.0.1:{local}.", Retry.USER, (Remedy.RETRY,)),
    row("port.none", "No local port is free", "SessionDock could not open any port on 127.0.0.1.", Retry.USER,
         (Remedy.RETRY,)),
    row("port.own", "That port is the session's own", "{what}", Retry.NEVER),
    row("ports.taken", "Some local ports are taken", "{each}", Retry.NEVER),
    row("files.missing", "There is no such file", "{path} does not exist. {why}", Retry.NEVER),
    row("files.denied", "The file may not be touched", "{path}: {why}.", Retry.USER),
    row("files.refused", "The file could not be transferred", "{path}: {why}.", Retry.USER, (Remedy.RETRY,)),
    row("files.room", "The session's disk takes no more",
         "{path}: {why}. Make room there or choose another folder, and begin again: what arrived as a whole is "
         "kept.",                 Retry.USER, (Remedy.RETRY,)),
    row("files.unsupported", "The session's machine transfers no files",
         "Its SSH server offers no SFTP, which file transfers need.", Retry.USER),
    row("files.damaged", "The file did not arrive as it was sent",
         "The checksums of {path} differ on both sides. It may have changed while it was read; try again.",
         Retry.USER, (Remedy.RETRY,)),
    row("files.here", "Files can't be written on this computer", "{path}: {why}.", Retry.USER,
         (Remedy.RETRY,)),
    row("files.endless", "The session lists more than can be copied",
         "{path} holds more than {most} files and folders, or its machine never comes to an end. Name parts of "
         "it, or pack it there.", Retry.USER),
    row("files.ended", "The session does not run", "Files can be transferred while “{name}” runs.",
         Retry.USER),
    row("open.not_ready", "{app} is not ready yet", "Its state is “{state}”. {why}", Retry.AUTO),
    row("open.neither", "There is nothing to open",
         "“{name}” is neither a session ({sessions}) nor what one can be opened in ({known}).{near}",
         Retry.USER),
    row("open.no_browser", "No browser could be opened", "{how}", Retry.USER),
    row("open.unknown", "There is no such program to open a session in",
         "“{name}” is not one of: {known}.{near}", Retry.USER),
    row("open.not_installed", "{program} was not found on this computer",
         "Install it, or make its command known on the PATH, and try again. The command “sessiondock open "
         "--list” tells what was found.", Retry.USER, (Remedy.RETRY,)),
    row("open.not_started", "{program} could not be started", "{path} ended at once with an error.",
         Retry.USER, (Remedy.RETRY,)),
    row("open.no_terminal", "No terminal was found",
         "Install a terminal program or paste this command into one: {command}", Retry.USER),
)  # fmt: skip
