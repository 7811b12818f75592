"""Problems of this computer: keyring, sandbox, settings files, the command line. One row per code."""

from desktop_app.domain.problems.problem import Problem, Remedy, Retry, row

ROWS: tuple[Problem, ...] = (
    row("keyring.locked", "The keyring is locked",
        "Unlock your system's password store (GNOME Keyring, KWallet, Keychain) and try again. SessionDock stores "
        "keys nowhere else.", Retry.USER, (Remedy.UNLOCK_KEYRING, Remedy.RETRY)),
    row("keyring.absent", "This computer has no keyring",
        "SessionDock keeps secrets in the system's password store and found none. Install and start one (for "
        "example gnome-keyring; docs/command-line.md says how on a server).", Retry.USER, (Remedy.RETRY,)),
    row("keyring.chosen", "Another password store than the system's is chosen",
        "{where} chooses {name} for Python's keyring; SessionDock keeps secrets in the system's store alone. "
        "Unset it for SessionDock (env -u PYTHON_KEYRING_BACKEND sessiondock …), or take that line out of the "
        "file.", Retry.USER, (Remedy.RETRY,)),
    row("keyring.silent", "The keyring does not answer",
        "The system's password store took the request and did not reply within {seconds} seconds. It may be "
        "waiting behind another window.", Retry.USER, (Remedy.RETRY,)),
    row("keyring.refused", "The keyring refused the request",
        "The system's password store answered: {answer}.", Retry.USER, (Remedy.RETRY,)),
    row("sandbox.failed", "The sandbox did not start", "{why}", Retry.USER, (Remedy.RETRY,)),
    row("file.damaged", "A settings file was damaged",
        "{path} could not be read and was set aside as {aside}. Defaults are used.", Retry.NEVER),
    row("file.newer", "A settings file comes from a newer SessionDock",
        "{path} was written by a newer version, so this one neither reads nor changes it. Start the newer "
        "version, or update this one.", Retry.NEVER),
    row("file.unreadable", "A settings file can't be read",
        "{path}: {why}. It is left as it is, and nothing is remembered until it can be read."),
    row("file.unwritable", "A settings file can't be written", "{path}: {why}.", Retry.USER, (Remedy.RETRY,)),
    row("disk.full", "The disk is full",
        "{path} could not be written: {why}. Free some space and try again.", Retry.USER, (Remedy.RETRY,)),
    row("input.unreadable", "Standard input can't be used", "{why}"),
    row("output.unwritable", "The result could not be written", "Standard output: {why}."),
    row("usage.missing", "Something is missing", "{why}"),
    row("usage.together", "These options do not go together", "{why}"),
    row("ask.no_terminal", "Questions need a terminal",
        "--ask works only in a terminal. Say what to launch: sessiondock --queue QUEUE --yes, or sessiondock "
        "launch."),
    row("internal", "Unexpected error in SessionDock",
        "The log has the details. The session itself is not affected. Try again, and report the error if it comes "
        "back.", Retry.AUTO, (Remedy.RETRY,)),
)  # fmt: skip
