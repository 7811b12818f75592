"""A person at a terminal of a private desktop: the command line for real, in processes of its own. Test thread."""

import json
import sys
from typing import Any

from tests.support.desktop_private import PrivateDesktop
from tests.support.desktop_processes import Program
from tests.support.waiting import wait_until

COMMAND = (sys.executable, "-m", "desktop_app")
START_S = 240.0
ALL_SECRETS = (
    "import secretstorage, json; bus = secretstorage.dbus_init();"
    "print(json.dumps({i.get_attributes()['username']: i.get_secret().decode()"
    " for i in secretstorage.get_default_collection(bus).get_all_items()}))"
)


class RealTerminal:
    """Without a display; every program belongs to the rig."""

    def __init__(self, rig: PrivateDesktop) -> None:
        self.rig = rig
        del rig.env["DISPLAY"]

    def run(self, *arguments: str, code: int = 0, seconds: float = 120.0) -> str:
        done = self.rig.run([*COMMAND, *arguments], seconds)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    def stay(self, *arguments: str) -> Program:
        return self.rig.start([*COMMAND, *arguments, "--json"])

    def event(self, program: Program, name: str, seconds: float = START_S) -> dict[str, Any]:
        """The first event of that name that a staying command tells."""

        def told() -> dict[str, Any] | None:
            running = program.running  # asked before its output is read: what it said last counts
            lines = [line for line in program.output().splitlines() if line.startswith('{"')]
            found = next((e for e in map(json.loads, lines) if e.get("event") == name), None)
            assert running or found, program.output()
            return found

        return wait_until(told, f"the event {name}", seconds, poll=0.1)

    def secrets(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.rig.run([sys.executable, "-c", ALL_SECRETS]).stdout)
        return found
