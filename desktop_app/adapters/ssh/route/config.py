"""The user's ssh configuration, read for the machines on the way to a session. No threads; reads a few small files.

The user's own ssh says what it means (``asked``). Where there is none, its lines (``lines``) go through paramiko's
parser.
"""

from collections.abc import Mapping

from paramiko import SSHConfig, SSHException

from desktop_app.adapters.ssh.route import asked, lines
from desktop_app.adapters.ssh.route.settings import HostSettings, check_names, folder, settings_of
from desktop_app.domain.access.route import Hop
from desktop_app.domain.problems import failure


class UserSshConfig:
    """The user's file, then the system's, as ssh reads them. Problems of both methods: route.config"""

    def __init__(self) -> None:
        self._lines = [line for path in asked.files() for line in lines.lines_of(path, folder())]

    def lookup(self, hop: Hop) -> HostSettings:
        """Return how a host is reached. What the route says itself comes first, as words on ssh's command line do."""
        check_names(hop)
        found = asked.answers(hop, "\n".join(self._lines))
        try:
            return settings_of(hop, self._parsed(hop) if found is None else found)
        except (SSHException, ValueError, LookupError, ImportError, OSError) as error:
            # ImportError: "Match exec" needs a library that we don't bring
            raise failure("route.config", why=f"{error}".strip() or type(error).__name__) from None

    def _parsed(self, hop: Hop) -> dict[str, list[str]]:
        said = ["Host *"]
        said += [f"Port {hop.port}"] if hop.port else []
        said += [f"User {hop.user}"] if hop.user else []
        text = "\n".join([*said, lines.plain(iter(self._lines))])
        return _values(SSHConfig.from_text(text).lookup(hop.host))


def _values(found: Mapping[str, object]) -> dict[str, list[str]]:
    several = {"identityfile", "userknownhostsfile", "globalknownhostsfile"}
    values: dict[str, list[str]] = {}
    for key, value in found.items():
        given = [str(one) for one in value] if isinstance(value, list) else [str(value)]
        parts = [part for one in given for part in one.split(lines.SEVERAL)]
        values[key] = parts if key in several else parts[:1]
    return values
