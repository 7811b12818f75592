"""What of the user's own may be handed over to a session, and what a face shows about it. Pure data.

Each kind is asked for at launch (a field of LaunchSpec with the kind's key) or later; nothing goes before the user has
agreed, with the machine that it goes to named.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class HandoverKind:
    """``what`` completes "… will be given to" and "Gave …"; ``key`` is the launch option's field."""

    key: str
    word: str
    label: str
    what: str
    effect: str


GIT = HandoverKind(
    "git_credentials", "git", "Git logins", "your git logins and settings",
    "Git in the session signs in as you; kept in its memory, until it ends.")  # fmt: skip
CLEARML = HandoverKind(
    "clearml_credentials", "clearml", "ClearML key", "your ClearML API key",
    "Experiments that you start in the session are yours; the key is removed at its end.")  # fmt: skip
AGENT = HandoverKind(
    "ssh_agent_forwarding", "ssh-agent", "SSH agent", "the use of your SSH keys",
    "Programs in the session can sign in with your SSH keys while you are connected.")  # fmt: skip
KINDS = (GIT, CLEARML, AGENT)
BY_KEY = {kind.key: kind for kind in KINDS}


class State(Enum):
    """Of one kind in one session; the value is what the command line prints."""

    NONE = "not given"
    ASKED = "waits for your consent"
    GIVEN = "given"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class HandoverItem:
    """One kind's row. ``detail``: which logins, or what is in the way."""

    key: str
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Handover:
    """``place``: the worker and the address that everything goes to, "" while not connected."""

    place: str = ""
    items: tuple[HandoverItem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        # “gifts”: the key in what “sessiondock give --json” prints.
        return {"place": self.place, "gifts": [{**asdict(item), "state": item.state.value} for item in self.items]}

    @property
    def asked(self) -> tuple[HandoverKind, ...]:
        return tuple(BY_KEY[item.key] for item in self.items if item.state is State.ASKED)


def read_handover(value: Mapping[str, Any]) -> Handover:
    """Read what ``to_json`` wrote, in another process of ours maybe."""
    items = tuple(
        HandoverItem(row["key"], State(row["state"]), row.get("detail", "")) for row in value.get("gifts") or ()
    )
    return Handover(str(value.get("place", "")), items)


def sentence(kinds: tuple[HandoverKind, ...], place: str) -> str:
    """Return "Your git logins and settings and your ClearML API key will be given to gpu-7 at 10.0.0.7"."""
    text = f"{' and '.join(kind.what for kind in kinds)} will be given to {place}"
    return text[0].upper() + text[1:]
