"""The container that a launch asks for: image and arguments as the agent's ``docker run`` gets them. Pure functions.

An agent that uses Docker ignores the arguments of a task without an image and takes its own image with its own
arguments; an agent without Docker ignores both.
"""

import re
import shlex

from desktop_app.domain.launch.options import NETWORK_HOST, NETWORK_NONE, NETWORK_PORT, LaunchSpec

NETWORK_FLAGS = ("--network", "--net")
# A shell's word: quoted pieces, escaped signs, and an open quote as it is (the check of the option names that one).
_WORD = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\]|['"\\])+""", re.DOTALL)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
PUBLISHED_PORT = 10022  # the agent publishes a free port of its machine instead where this one is taken


def is_image(text: str) -> bool:
    """True if this can be an image's name; such a one means nothing else to a shell."""
    return _IMAGE.fullmatch(text) is not None


def first_port(ports: str) -> int:
    """Return the first port of ``a`` or ``a:b``."""
    return int(ports.split(":")[0])


def container_arguments(spec: LaunchSpec) -> str:
    """Return the user's own, then the network's; one text as ClearML keeps it. What the user says of the network
    counts."""
    own = one_line(spec.docker_args)
    return " ".join(part for part in (own, "" if _says_network(own) else _network(spec)) if part)


def one_line(text: str) -> str:
    """Make runs of blanks between the words one; what is inside a word, by a quote or a backslash, stays."""
    return " ".join(_WORD.findall(text.strip()))


def network_of(image: str, arguments: str) -> tuple[str, str]:
    """Return the user's own arguments and the kind of network, from what ``container_arguments`` made of them."""
    host, published = "--network host", f"-p {PUBLISHED_PORT}:"
    if arguments.endswith(host):
        return arguments[: -len(host)].strip(), NETWORK_HOST
    before, separator, port = arguments.rpartition(published)
    if separator and port.isdecimal():
        return before.strip(), NETWORK_PORT
    return arguments, NETWORK_NONE if image and not _says_network(arguments) else NETWORK_HOST


def _says_network(arguments: str) -> bool:
    try:
        words = shlex.split(arguments)
    except ValueError:  # an open quote
        words = arguments.split()
    return any(part.split("=")[0] in NETWORK_FLAGS for part in words)


def _network(spec: LaunchSpec) -> str:
    if not spec.docker:
        return ""
    if spec.docker_network == NETWORK_PORT:
        return f"-p {PUBLISHED_PORT}:{first_port(spec.ssh_port)}"
    return "--network host" if spec.docker_network == NETWORK_HOST else ""
