"""A headless Chromium driven over the DevTools protocol: open a page, wait for a condition, click, type, look.

One websocket to one tab, used from the test's thread only; events are read when an answer is awaited. ``close()`` ends
the browser by its pid.
"""

import base64
import itertools
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import websocket

from tests.support.desktop_processes import Program
from tests.support.waiting import wait_until

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root on CI machines, where Chromium's own sandbox refuses to
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--remote-debugging-port=0",
)
SECONDS = 30.0
MODIFIERS = {"alt": 1, "ctrl": 2, "meta": 4, "shift": 8}
KEYS = {
    "Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "F1": (112, ""), "ArrowDown": (40, ""), "ArrowUp": (38, "")
}  # fmt: skip


class BrowserError(RuntimeError):
    """The page threw, or the browser refused a command."""


class Browser:
    """One tab. Times in seconds."""

    def __init__(self, env: Mapping[str, str], profile: Path, size: tuple[int, int]) -> None:
        executable = next(path for path in CHROMIUM if Path(path).exists())
        profile.mkdir()
        window = f"--window-size={size[0]},{size[1]}"
        argv = [executable, *FLAGS, window, f"--user-data-dir={profile}", "about:blank"]
        self.program = Program(argv, env, profile / "chromium.log")
        self._ids = itertools.count(1)
        self.console: list[str] = []  # errors that pages wrote to the console
        self.socket = self._connect(profile / "DevToolsActivePort")
        self.command("Page.enable")
        self.command("Runtime.enable")

    def _connect(self, port_file: Path) -> websocket.WebSocket:
        def port() -> str | None:
            if not self.program.running:
                raise BrowserError("Chromium ended: " + self.program.output()[-2000:])
            lines = port_file.read_text().splitlines() if port_file.exists() else []
            return lines[0] if len(lines) > 1 else None

        address = f"http://127.0.0.1:{wait_until(port, 'Chromium', SECONDS)}/json/list"
        direct = build_opener(ProxyHandler({}))

        def tab() -> str | None:
            with direct.open(address, timeout=SECONDS) as answer:
                pages = [target for target in json.load(answer) if target["type"] == "page"]
            return pages[0]["webSocketDebuggerUrl"] if pages else None

        # Chromium refuses a websocket with an Origin it doesn't know; a program has none.
        return websocket.create_connection(wait_until(tab, "a tab", SECONDS), timeout=SECONDS, suppress_origin=True)

    def close(self) -> None:
        self.socket.close()
        self.program.end()

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        """One DevTools command and its answer. Raises BrowserError."""
        number = next(self._ids)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                break
            self._take_event(message)
        if "error" in message:
            raise BrowserError(f"{method}: {message['error']}")
        return dict(message["result"])

    def _take_event(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Page.javascriptDialogOpening":  # "leave this page?" would hold up the navigation
            answer = {"id": next(self._ids), "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            self.socket.send(json.dumps(answer))
        elif message.get("method") == "Runtime.exceptionThrown":
            self.console.append(str(params["exceptionDetails"].get("exception", params["exceptionDetails"])))
        elif message.get("method") == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.console.append(" ".join(str(arg.get("value", arg.get("description"))) for arg in params["args"]))

    # ---- pages ----

    def open(self, url: str) -> None:
        """Goes to the page and waits until it has loaded. Raises BrowserError when nobody answers there."""
        result = self.command("Page.navigate", url=url)
        if "errorText" in result:
            raise BrowserError(f"{url}: {result['errorText']}")
        self.wait_for("document.readyState === 'complete'")

    @property
    def url(self) -> str:
        return str(self.evaluate("location.href"))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited. Raises BrowserError when it throws."""
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, expression: str, seconds: float = SECONDS) -> Any:
        """The first truthy value of the expression; a page that is just changing counts as not yet."""

        def look() -> Any:
            try:
                return self.evaluate(expression)
            except BrowserError:
                return None

        return wait_until(look, f"{expression} on the page", seconds, poll=0.1)

    def text(self) -> str:
        """What a person reads on the page."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    # ---- hands and eyes ----

    def click(self, selector: str, seconds: float = SECONDS) -> None:
        """A mouse click into the middle of the first visible element that matches the CSS selector."""
        quoted = json.dumps(selector)
        place = self.wait_for(
            f"(() => {{ for (const e of document.querySelectorAll({quoted})) {{ const r = e.getBoundingClientRect();"
            " if (r.width && r.height) return [r.x + r.width / 2, r.y + r.height / 2]; } })()",
            seconds,
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def type_text(self, text: str) -> None:
        """Text into whatever has the focus."""
        self.command("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """One key with its modifiers, as in ``shift+Enter`` or ``ctrl+s``."""
        *held, name = key.split("+")
        modifiers = sum(MODIFIERS[modifier] for modifier in held)
        code, text = KEYS.get(name, (ord(name.upper()[0]), name if not modifiers else ""))
        event = {"modifiers": modifiers, "key": name, "windowsVirtualKeyCode": code}
        event["code"] = name if name in KEYS else "Key" + name.upper()
        self.command("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event)
        self.command("Input.dispatchKeyEvent", type="keyUp", **event)

    def screenshot(self, target: Path) -> Path:
        """The visible part of the page as PNG."""
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"]))
        return target

    def cookies(self) -> dict[str, dict[str, Any]]:
        """All cookies of the profile by name."""
        return {cookie["name"]: cookie for cookie in self.command("Storage.getCookies")["cookies"]}

    def settle(self, seconds: float = 1.0) -> None:
        """Lets the page paint for a picture; never to wait for a condition (see wait_for)."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
