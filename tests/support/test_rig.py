"""The rig and its drivers, tried on a small Qt program: if one of these fails, no end-to-end result can be trusted."""

import http.server
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ax_driver import AxError, Node
from tests.support.desktop_private import end_abandoned
from tests.support.desktop_processes import Program, marked_processes
from tests.support.desktop_rig import Keyring, Rig, RigOptions
from tests.support.paths import REPOSITORY
from tests.support.waiting import wait_until

PAGE = """<!doctype html><title>Sample</title><button id=b onclick="out.textContent='pressed'">Press</button>
<input id=i><p id=out></p>"""


def start_sample(rig: Rig) -> tuple[Program, Node]:
    program = rig.start([sys.executable, "-m", "tests.support.sample_app"], cwd=REPOSITORY)
    return program, rig.application("rig-sample")


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as rig:
        yield rig
    assert rig.survivors == []


def test_window_is_used_through_accessibility(rig: Rig) -> None:
    _, app = start_sample(rig)
    app.find("text", "Host name").set_text("gpu01")
    assert app.find("text", "Host name").text == "gpu01"
    box = app.find("check box", "Keep running")
    box.click()
    box.wait(lambda node: "checked" in node.states, "a check mark")
    assert app.find(identifier="queue").role == "combo box"
    with pytest.raises(AxError, match="disabled"):
        app.find("push button", "Never").click()
    with pytest.raises(AxError, match="Keep running"):
        app.find("push button", "No such button", seconds=0.2)


def test_secret_is_stored_in_a_real_keyring(rig: Rig) -> None:
    _, app = start_sample(rig)
    app.find("text", "Host name").set_text("naïve secret")
    app.find("push button", "Store").click()
    app.find("label", "stored naïve secret", "result")
    read = "import keyring; print(keyring.get_password('rig sample', 'user'))"
    assert rig.run([sys.executable, "-c", read]).stdout.strip() == "naïve secret"
    assert any((rig.home / ".local/share/keyrings").iterdir())


@pytest.mark.parametrize(("kind", "name"), [(Keyring.LOCKED, "KeyringLocked"), (Keyring.ABSENT, "NoKeyringError")])
def test_keyring_that_refuses(rig: Rig, kind: Keyring, name: str) -> None:
    rig.set_keyring(kind)
    _, app = start_sample(rig)
    app.find("push button", "Store").click()
    app.find("label", name, "result")


def test_silent_keyring_never_answers(rig: Rig) -> None:
    rig.set_keyring(Keyring.SILENT)
    ask = "import keyring; print('asking', flush=True); keyring.get_password('a', 'b'); print('answered')"
    program = rig.start([sys.executable, "-c", ask])
    with pytest.raises(TimeoutError):
        program.wait_exit(1.5)
    assert program.output().strip() == "asking"


def test_tray_menu_and_notification(rig: Rig) -> None:
    program, app = start_sample(rig)
    tray = rig.tray("rig-sample")
    assert tray.labels() == ["Sessions", "Notify", "Quit"]
    assert tray.labels("Sessions") == ["alpha_1", "off"]
    assert tray.tooltip()[0] == "all is well"
    width, height, pixels = tray.icon_pixels()
    assert pixels[: width * 4] == bytes([255, 0x10, 0xA0, 0x40]) * width
    assert len(pixels) == width * height * 4
    tray.click("Sessions/alpha_1")
    app.find("label", "tray chose alpha_1")
    with pytest.raises(LookupError, match="disabled"):
        tray.click("Sessions/off")
    tray.click("Notify")
    note = tray.wait_notification(lambda note: note["summary"] == "Session ready")
    assert note["body"] == "alpha_1 can be used"
    tray.click_notification(note["id"])
    app.find("label", "notification clicked")
    tray.click("Quit")
    assert program.wait_exit() == 0


def test_link_is_recorded_and_home_is_private(rig: Rig) -> None:
    program, app = start_sample(rig)
    app.find("push button", "Open link").click()
    assert wait_until(rig.opened_links, "the link") == ["http://127.0.0.1:9/page?a=1"]
    assert str(rig.home) in program.output()
    assert str(rig.home) != os.environ["HOME"]


def test_portal_takes_links_and_tells_the_colour_scheme() -> None:
    with Rig(RigOptions(portal=True, tray=False, keyring=Keyring.ABSENT)) as rig:
        sample = [sys.executable, "-m", "tests.support.sample_app"]
        rig.start(sample, cwd=REPOSITORY, QT_QPA_PLATFORMTHEME="xdgdesktopportal")
        app = rig.application("rig-sample")
        for dark, name in ((True, "Dark"), (False, "Light")):
            rig.set_colour_scheme(dark)
            app.find("label", name, "scheme")
        app.find("push button", "Open link").click()
        assert wait_until(rig.opened_links, "the link") == ["http://127.0.0.1:9/page?a=1"]


def test_real_mouse_and_keyboard(tmp_path: Path) -> None:
    with Rig(RigOptions(window_manager=True, tray=False)) as rig:
        _, app = start_sample(rig)
        rig.click_at(app.find("text", "Host name"))
        rig.type_text("typed")
        app.find("text", "Host name").wait(lambda node: node.text == "typed", "typed text")
        rig.click_at(app.find(identifier="queue"))
        rig.press_keys("Down", "Return")
        app.find(identifier="queue").wait(lambda node: node.name == "gpu", "the second queue")
        picture = rig.screenshot(tmp_path / "screen.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert rig.survivors == []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Set-Cookie", "visited=yes; HttpOnly")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *arguments: object) -> None:
        """The default prints each request."""


def test_browser_uses_a_page(rig: Rig, tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        browser = rig.browser()
        browser.open(f"http://127.0.0.1:{server.server_port}/")
        browser.click("#b")
        assert browser.wait_for("out.textContent") == "pressed"
        browser.click("#i")
        browser.type_text("héllo")
        browser.press("shift+ArrowUp")
        assert browser.evaluate("i.value + i.selectionStart") == "héllo0"
        assert browser.cookies()["visited"]["value"] == "yes"
        assert browser.screenshot(tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
        server.shutdown()
        thread.join()


def test_what_outlives_its_parent_is_found_and_ended() -> None:
    with Rig(RigOptions(keyring=Keyring.ABSENT, tray=False)) as rig:
        rig.start(["sh", "-c", "setsid sleep 600 & exit 0"]).wait_exit()
        mark = str(rig.base)
    assert [line.split(maxsplit=1)[1] for line in rig.survivors] == ["sleep 600"]
    assert marked_processes(mark) == []
    assert not rig.base.exists()


def test_rig_of_a_killed_test_run_is_ended_by_the_next_one(private_home: Path) -> None:
    hold = """
import time
from tests.support.desktop_rig import Rig
print(Rig().__enter__().base, flush=True)
time.sleep(600)
"""
    with Rig(RigOptions(keyring=Keyring.ABSENT, tray=False)) as outer:
        # A rig's sockets need a short path, so the other run gets a cache folder beside ours instead of below it.
        run = outer.start([sys.executable, "-c", hold], cwd=REPOSITORY, XDG_CACHE_HOME=str(private_home))
        base = Path(wait_until(run.output, "the other run's rig", 15).strip())
        run.kill()
        assert marked_processes(str(base))
        end_abandoned(base.parent)
        assert marked_processes(str(base)) == []
        assert not base.exists()
