"""A person at a terminal of a private desktop: the command line for real, in processes of its own. Test thread."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

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
        return self.told(program, name, lambda event: event.get("event") == name, seconds)

    def told(
        self, program: Program, what: str, fits: Callable[[dict[str, Any]], bool], seconds: float = START_S
    ) -> dict[str, Any]:
        """The first event of a staying command that fits."""

        def found() -> dict[str, Any] | None:
            running = program.running  # asked before its output is read: what it said last counts
            one = next(filter(fits, self.events(program)), None)
            assert running or one, f"{what}: {program.output()}"
            return one

        return wait_until(found, f"the event {what}", seconds, poll=0.1)

    def events(self, program: Program) -> list[dict[str, Any]]:
        """What a staying command has told until now."""
        return [json.loads(line) for line in program.output().splitlines() if line.startswith('{"')]

    def api(self, endpoint: str, **body: object) -> dict[str, Any]:
        """A call of the person whose key is in the keyring, as the web page makes it."""
        settings = json.loads((Path(self.rig.env["XDG_CONFIG_HOME"]) / "sessiondock" / "settings.json").read_text())
        account = settings["accounts"][0]
        secret = self.secrets()[f"api-secret/{account['id']}"]
        url = account["api_url"]
        token = httpx.post(f"{url}/auth.login", auth=(account["access_key"], secret), trust_env=False).json()
        headers = {"Authorization": f"Bearer {token['data']['token']}"}
        answer = httpx.post(f"{url}/{endpoint}", json=body, headers=headers, trust_env=False).json()
        assert answer["meta"]["result_code"] == 200, answer["meta"]
        return dict(answer["data"])

    def secrets(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.rig.run([sys.executable, "-c", ALL_SECRETS]).stdout)
        return found
