"""Memory of this machine or container: what there is, and whether something was killed for want of it. Any thread."""

import re
from pathlib import Path

SMALL = 3 << 30  # bytes; two compilers of code-server's modules at once take more than two thirds of it
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
EVENTS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_KILLED = re.compile(
    r"killed signal terminated program|virtual memory exhausted|heap out of memory|cannot allocate memory|\benomem\b"
    r"|out of memory|^killed$",
    re.IGNORECASE | re.MULTILINE,
)


def limit() -> int:
    """Return this container's limit in bytes, 0 without one."""
    for name in LIMITS:
        text = _text(name).strip()
        if text.isdigit() and int(text) < 1 << 60:  # the old interface's word for none
            return int(text)
    return 0


def is_small() -> bool:
    return 0 < limit() < SMALL


def kills() -> int:
    """Return how many processes of this container were killed for want of memory so far."""
    match = re.search(r"^oom_kill (\d+)$", "\n".join(map(_text, EVENTS)), re.MULTILINE)
    return int(match.group(1)) if match else 0


def ran_out(output: str, code: int, kills_before: int) -> bool:
    """True if a program that ended like that ran out of memory, or what it had started."""
    return kills() > kills_before or bool(_KILLED.search(output)) or code in (-9, 137)


def what_helps() -> str:
    """Return what helps, in one sentence."""
    size = limit()
    if size:
        return "its container may use %d MB (docker's --memory): give it more" % (size >> 20)
    return "use a machine with more memory"


def _text(name: str) -> str:
    try:
        return Path(name).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return ""
