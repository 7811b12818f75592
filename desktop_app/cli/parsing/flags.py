"""The flags of the command line that are not launch options, one row each. Pure data, any thread."""

from dataclasses import dataclass

from desktop_app.domain.launch.option import Kind


@dataclass(frozen=True, slots=True)
class Flag:
    """``also``: other spellings; ``own``: clearml-session has no such flag."""

    flag: str
    kind: Kind
    help: str
    also: tuple[str, ...] = ()
    own: bool = False

    @property
    def covers(self) -> tuple[str, ...]:
        """Return the flags of clearml-session that it stands for."""
        return () if self.own else (self.flag, *self.also)


ATTACH = Flag("--attach", Kind.LINE, "Connect to a session: its id, web address or name; alone: the newest one.")
SHUTDOWN = Flag("--shutdown", Kind.LINE, "End a session: its id, web address or name; alone: the newest one.", ("-S",))
SHELL = Flag(
    "--shell", Kind.SWITCH, "Open a shell in the session once it is up; leaving it leaves the session running."
)
YES = Flag("--yes", Kind.SWITCH, "Ask nothing: launch with what was given and remembered.", ("-y",))
CONFIG_FILE = Flag("--config-file", Kind.FILE, "Keep the remembered options in this file instead of the account's.")
KEEPALIVE = Flag("--keepalive", Kind.SWITCH, "Accepted; connections are always kept and repaired.")
FINGERPRINT = Flag(
    "--disable-fingerprint-check", Kind.SWITCH,
    "Accepted; a session's own host key is always checked, since every session publishes it.",
)  # fmt: skip
ASK = Flag(
    "--ask", Kind.SWITCH, "Ask on the terminal what to launch or connect to, even if no flag says anything.", own=True
)
PROFILE = Flag("--profile", Kind.LINE, "Begin with this profile; other flags change it.", own=True)
VERBOSE = Flag("--verbose", Kind.SWITCH, "Say more about what happens.")
VERSION = Flag("--version", Kind.SWITCH, "Print the version.")
JSON = Flag("--json", Kind.SWITCH, "Print one JSON object per event.", own=True)
ACCOUNT = Flag("--account", Kind.LINE, "The account's name or id; needed where there are several.", own=True)

CLI_FLAGS = (
    ATTACH,
    SHUTDOWN,
    SHELL,
    YES,
    CONFIG_FILE,
    KEEPALIVE,
    FINGERPRINT,
    ASK,
    PROFILE,
    VERBOSE,
    VERSION,
    JSON,
    ACCOUNT,
)
