"""What one row of the option table says: the words, the flags, the kind, what is remembered. Pure data, any thread."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Keep(Enum):
    """What of a launch is remembered: for the next launch, with this one session only, or nowhere."""

    PROFILE = "profile"
    SESSION = "session"
    NEVER = "never"


class Page(Enum):
    """The wizard's card (and the help's group) that an option lives on; the value is the title."""

    WHERE = "Where it runs"
    WHAT = "What it starts"
    ENVIRONMENT = "Its environment"
    FILES = "Its files"
    ACCESS = "How it is reached"


class Kind(Enum):
    """What a value is; it decides the editor in the wizard and how a flag is read. Values are text but for switches."""

    SWITCH = "yes or no"
    LINE = "text"
    LIST = "list"  # one item per line
    CHOICE = "choice"
    FILE = "file"  # a path on this computer
    PATHS = "files and folders"  # paths on this computer, one per line
    SCRIPT = "script"  # its text; a flag takes the file that holds it
    SECRET = "secret"  # noqa: S105  goes into the keyring, never into a file, a task or a log
    QUEUE = "queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option. ``param``: the hyper-parameter in section ``sessiondock``, "" = it reaches the session another way
    (name, project, container, requirements) or is the desktop's business."""

    label: str
    help: str
    page: Page
    flag: str
    kind: Kind = Kind.LINE
    param: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # value, label; of kind CHOICE
    sets: tuple[tuple[str, Any], ...] = ()  # another flag, the value that it gives; all of clearml-session
    bare: str | None = None  # the value of the flag given alone; None = it needs one
    dashes: bool = False  # a value may begin with a dash
    own: bool = False  # clearml-session has no such flag
    advanced: bool = False
    keep: Keep = Keep.PROFILE
    passing: str = ""  # a value that holds for one launch and is not remembered
    hint: str = ""  # an example for the empty field
    check: Callable[[Any], str] = field(default=lambda _value: "", compare=False)

    @property
    def covers(self) -> tuple[str, ...]:
        """Return the flags of clearml-session that this option stands for."""
        return (*(() if self.own else (self.flag,)), *(flag for flag, _ in self.sets))
