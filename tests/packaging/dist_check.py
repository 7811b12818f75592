"""``make dist-check``: uses a built executable on a virtual desktop the way a person does, and prints one JSON line.

Everything it needs must come out of its own folder: it runs with a PATH that does not lead to the checkout, an
empty HOME and a real keyring. The sandbox is the checkout's; the executable finds and adopts it. One thread.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop_app import APP_NAME, SANDBOX_SERVE
from tests.support.desktop_rig import Keyring, Rig, RigOptions
from tests.support.paths import REPOSITORY
from tests.support.waiting import wait_until

SCREENSHOT = REPOSITORY / "build" / "dist-check.png"
SOURCE = [sys.executable, "-m", "desktop_app"]


class DistCheck:
    """The checks in order; each raises with what is wrong."""

    def __init__(self, executable: Path, rig: Rig) -> None:
        self.executable = str(executable)
        self.rig = rig

    def ask(self, *argv: str, source: bool = False) -> Any:
        """Run one command with ``--json``; its answer. Raises AssertionError with what it said."""
        command = [*(SOURCE if source else [self.executable]), *argv, "--json"]
        result = self.rig.run(command, seconds=120)
        assert result.returncode == 0, f"{argv}: exit code {result.returncode}\n{result.stdout}{result.stderr}"
        return json.loads(result.stdout.splitlines()[-1])

    def self_test(self) -> None:
        answer = self.ask("--self-test")
        assert answer["ok"] and answer["frozen"], answer

    def self_test_without_keyring(self) -> None:
        """The self-test says what is missing, and nothing else is wrong."""
        self.rig.set_keyring(Keyring.ABSENT)
        result = self.rig.run([self.executable, "--self-test", "--json"])
        checks = json.loads(result.stdout)["checks"]
        assert result.returncode == 1
        assert [name for name, check in checks.items() if not check["ok"]] == ["keyring"], checks
        self.rig.set_keyring(Keyring.UNLOCKED)

    def own_sandbox_server(self) -> None:
        """The embedded server is in the executable too."""
        home = self.rig.base / "own-sandbox"
        server = self.rig.start([self.executable, SANDBOX_SERVE, "--home", str(home), "--no-agent"])
        log = home / "logs" / "sandbox.log"
        wait_until(lambda: log.exists() and "http://127.0.0.1" in log.read_text(), "its own server", 20)
        assert server.running, server.output()
        server.end(seconds=10)

    def window(self) -> float:
        """The window opens on the sandbox, stores its key in the keyring, and leaves by its tray icon."""
        self.ask("sandbox", "start", source=True)
        began = time.monotonic()
        program = self.rig.start([self.executable])
        window = self.rig.application(APP_NAME)
        window.find("push button", name=None, identifier="empty-new-session", seconds=20)
        seconds = time.monotonic() - began
        self.rig.screenshot(SCREENSHOT)
        answer = self.ask("list")
        assert answer == {"sessions": [], "problems": {}}, answer
        self.rig.tray().click("Quit")
        assert program.wait_exit(10) == 0, program.output()
        self.ask("sandbox", "stop")
        return round(seconds, 2)


def main(argv: list[str]) -> int:
    executable = Path(argv[0]).resolve()
    answer: dict[str, Any] = {"executable": str(executable)}
    with Rig(RigOptions(window_manager=True)) as rig:
        del rig.env["PYTHONPATH"]
        rig.env["PATH"] = f"{rig.base / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
        check = DistCheck(executable, rig)
        steps: dict[str, Callable[[], object]] = {
            "self_test": check.self_test,
            "self_test_without_keyring": check.self_test_without_keyring,
            "own_sandbox_server": check.own_sandbox_server,
            "window_s": check.window,
        }
        for name, step in steps.items():
            answer[name] = step() or True
            print(f"{name}: {answer[name]}", file=sys.stderr)
    assert rig.survivors == [], rig.survivors
    print(json.dumps({"ok": True, **answer}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
