"""The main job as a person does it: wizard, tray, browser, quit, start again, shut down. Nothing is faked in between.

``MainJob`` drives the real window from outside its process (accessibility bus, tray menu over D-Bus, headless
Chromium); the smoke run, the end-to-end test and the screenshots share its steps. One thread.
"""

import html
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop_app import APP_NAME
from desktop_app.domain.sessions.snapshot import Status
from desktop_app.sandbox import launch
from remote_bootstrap.contract.apps import JUPYTERLAB, VSCODE
from tests.e2e import evidence, ide_pages
from tests.support.ax_driver import Node
from tests.support.browser_driver import Browser
from tests.support.desktop_processes import Program
from tests.support.desktop_rig import Rig
from tests.support.paths import REPOSITORY
from tests.support.tray_driver import Tray
from tests.support.waiting import wait_until

APP = (sys.executable, "-m", "desktop_app")
LAUNCH_SECONDS = 180.0
UI_SECONDS = 30.0
SHUTDOWN_SECONDS = 60.0
# Everything that the app keeps in the Secret Service, asked for in a process on the rig's bus.
ALL_SECRETS = (
    "import secretstorage, json; bus = secretstorage.dbus_init();"
    "print(json.dumps([i.get_secret().decode() for i in secretstorage.get_default_collection(bus).get_all_items()]))"
)
FORM_VALUE = re.compile(r'<input[^>]*value="([^"]{12,})"')


class MainJob:
    """One person at one desktop. Steps are called in the order of a working day."""

    def __init__(self, rig: Rig, name: str = "Smoke session") -> None:
        self.rig, self.name = rig, name
        self.program: Program | None = None
        self.app: Node | None = None
        self.task = ""
        self.launched_at = 0.0
        self.seconds: dict[str, float] = {}
        self.notebook: Browser | None = None  # the page that JupyterLab was opened in
        self.workbench: Browser | None = None

    # ---- the window ----

    def start_app(self) -> None:
        self.program = self.rig.start(APP, cwd=REPOSITORY)
        self.app = self.rig.application(APP_NAME, UI_SECONDS)

    def widget(self, identifier: str, seconds: float = UI_SECONDS) -> Node:
        assert self.app is not None, "the app was not started"
        return self.app.find(identifier=identifier, seconds=seconds)

    def press(self, identifier: str, seconds: float = UI_SECONDS) -> None:
        """Press a button as soon as it can be pressed."""
        node = self.widget(identifier, seconds)
        node.wait(lambda n: n.states & {"enabled", "sensitive"}, f"{identifier} to be enabled", seconds)
        node.click()

    def status(self) -> str:
        return self.widget("session-status").name

    def wait_status(self, *wanted: Status, seconds: float = LAUNCH_SECONDS) -> None:
        labels = {status.value for status in wanted}
        wait_until(lambda: self.status() in labels, f"the status {labels}", seconds, poll=0.1)

    def tray(self) -> Tray:
        return self.rig.tray(seconds=UI_SECONDS)

    def tray_entry(self, entry: str) -> None:
        """Choose an entry of the session's submenu in the tray."""
        tray = self.tray()

        def submenu() -> str | None:
            return next((label for label in tray.labels() if label.startswith(self.name)), None)

        path = wait_until(submenu, "the session in the tray menu", UI_SECONDS)
        tray.wait_entry(f"{path}/{entry}", UI_SECONDS)
        tray.click(f"{path}/{entry}")

    # ---- the steps ----

    def choose_sandbox(self) -> None:
        """First run: the wizard is open on its account page; its first choice is the sandbox."""
        self.press("wizard-next")
        self.widget("option-name", 120)

    def launch(self) -> None:
        self.widget("option-name").set_text(self.name)
        self.widget("wizard-next").wait(lambda n: n.name == "Launch" and "enabled" in n.states, "Launch", UI_SECONDS)
        self.press("wizard-next")
        self.launched_at = time.monotonic()
        self.task = self.widget("fact-task").text

    def measure_start(self) -> None:
        """Wait until both applications answer through their local ports; note the seconds since Launch."""
        self._note("queued_s", lambda: self.status() not in (Status.QUEUED.value, ""))
        self._note("ssh_s", lambda: self.status() == Status.CONNECTED.value)
        ports = self.local_ports()
        waiting = {"jupyterlab_s": f"{ports[JUPYTERLAB.key]}/api", "vscode_s": f"{ports[VSCODE.key]}/healthz"}
        while waiting:
            for key in [key for key, path in waiting.items() if _answers(path)]:
                self.seconds[key] = self._since_launch()
                del waiting[key]
            assert self._since_launch() < LAUNCH_SECONDS, f"{waiting} did not answer"

    def _since_launch(self) -> float:
        return round(time.monotonic() - self.launched_at, 2)

    def _note(self, key: str, condition: Callable[[], bool]) -> None:
        wait_until(condition, key, LAUNCH_SECONDS, poll=0.05)
        self.seconds[key] = self._since_launch()

    def open_from_tray(self, label: str) -> str:
        """Choose "Open …" in the tray; the address that the desktop was asked to open."""
        before = len(self.rig.opened_links())
        self.tray_entry(f"Open {label}")
        return wait_until(lambda: self.rig.opened_links()[before:], f"the address of {label}", UI_SECONDS)[-1]

    def run_cell(self, code: str) -> str:
        """Open JupyterLab from the tray and make a notebook, unless its page is still open; run ``code`` there."""
        if self.notebook is None:
            self.notebook = self.rig.browser()
            ide_pages.open_notebook(self.notebook, self.open_from_tray(JUPYTERLAB.label))
        output = ide_pages.run_cell(self.notebook, code)
        self.seconds.setdefault("cell_s", self._since_launch())
        return output

    def open_vscode(self) -> None:
        """Open VS Code from the tray, in a page of its own."""
        self.workbench = self.rig.browser()
        ide_pages.open_workbench(self.workbench, self.open_from_tray(VSCODE.label))
        self.seconds.setdefault("workbench_s", self._since_launch())

    def quit(self) -> None:
        assert self.program is not None, "the app was not started"
        self.tray().click("Quit")
        if self.app is not None and self.app.find_all(identifier="confirm-quit-yes"):
            self.press("confirm-quit-yes")
        code = self.program.wait_exit(UI_SECONDS)
        assert code == 0, f"the app left with {code}: {self.program.output()}"

    def attach(self) -> None:
        """One click after a restart."""
        self.wait_status(Status.READY, Status.CONNECTED, seconds=UI_SECONDS)
        if self.status() != Status.CONNECTED.value:
            self.press("action-attach")
        self.wait_status(Status.CONNECTED, seconds=UI_SECONDS)

    def shut_down(self) -> None:
        """Shut down by the window; note the seconds until the agent is free and no process is left."""
        self.press("action-shut_down")
        self.press("confirm-shut-down-yes")
        began = time.monotonic()
        wait_until(self._all_gone, "a free agent and no process left", SHUTDOWN_SECONDS, poll=0.1)
        self.seconds["shutdown_s"] = round(time.monotonic() - began, 2)

    def _all_gone(self) -> bool:
        return not evidence.session_processes(self.task) and launch.details(self.sandbox_home)["tasks"] == 0

    # ---- looking behind ----

    def take_pictures(self, folder: Path) -> None:
        """What the person sees right now: the screen and the pages."""
        self.rig.screenshot(folder / "screen.png")
        for name, page in (("notebook", self.notebook), ("workbench", self.workbench)):
            if page is not None:
                page.screenshot(folder / f"{name}.png")

    @property
    def sandbox_home(self) -> Path:
        return Path(self.rig.env["XDG_DATA_HOME"]) / "sessiondock" / "sandbox"

    def command(self, *argv: str) -> Any:
        """A command of the app with --json; its last line."""
        answer = self.rig.run([*APP, *argv, "--json"])
        assert answer.returncode == 0, f"{argv}: {answer.stdout}{answer.stderr}"
        return json.loads(answer.stdout.splitlines()[-1])

    def log(self) -> str:
        """The task's log, as the command line prints it."""
        return self.rig.run([*APP, "log", self.task]).stdout

    def local_ports(self) -> dict[str, int]:
        applications = self.command("info", self.task)["applications"]
        return {key: application["local_port"] for key, application in applications.items()}

    def secrets(self) -> list[str]:
        """Everything secret about this session: what the keyring holds, and what logs in to the applications."""
        stored = json.loads(self.rig.run([sys.executable, "-c", ALL_SECRETS]).stdout)
        found = {line for secret in stored for line in secret.split("\n") if len(line) >= 16 and "-----" not in line}
        for spec in (JUPYTERLAB, VSCODE):
            address = self.command("open", self.task, spec.key, "--print")["url"]
            with urllib.request.urlopen(address, timeout=10) as page:
                values = FORM_VALUE.findall(page.read().decode())
            found |= {html.unescape(value) for value in values if "://" not in value}
        return sorted(found)

    def ssh(self, command: str) -> str:
        """Run a command over the line that "Copy ssh command" would copy; what it printed."""
        line = self.command("info", self.task)["ssh_command"]
        answer = subprocess.run(
            ["/bin/sh", "-c", f"{line} {command}"], env=self.rig.env, capture_output=True, text=True, timeout=30
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout


def _answers(path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{path}", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
