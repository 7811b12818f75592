"""The window on a real (virtual) screen with a real session bus: what offscreen Qt can't show. Linux."""

import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtGui import QImage

from desktop_app import APP_NAME
from tests.support.desktop_rig import Keyring, Rig, RigOptions
from tests.support.paths import REPOSITORY
from tests.support.waiting import wait_until

NO_KEYRING: dict[str, Any] = {"keyring": Keyring.ABSENT}
DEMO = [sys.executable, "-m", "tests.ui.demo"]


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig(RigOptions(**NO_KEYRING)) as rig:
        yield rig
    assert rig.survivors == []


def start(rig, *options):
    return rig.start([*DEMO, *options], cwd=REPOSITORY)


def called(program, *words) -> bool:
    return any(line.startswith(" ".join(("call", *words))) for line in program.output().splitlines())


def test_the_tray_menu_works_from_outside_and_quit_ends_the_program(rig):
    program = start(rig)
    tray = rig.tray()
    assert "Needs you" in " ".join(tray.tooltip())
    path = next(label for label in tray.labels() if label.startswith("notebooks for the paper"))
    tray.click(f"{path}/Attach")
    wait_until(lambda: called(program, "attach"), "the attach")
    tray.click("Quit")
    assert program.wait_exit(10) == 0
    assert called(program, "close")


def test_the_tray_opens_a_session_in_a_program_of_this_computer(rig):
    program = start(rig)
    tray = rig.tray()
    connected = next(label for label in tray.labels() if label.startswith("vision-experiments"))
    tray.wait_entry(f"{connected}/Open in/Zed")
    tray.click(f"{connected}/Open in/Zed")
    wait_until(lambda: called(program, "open_in.open") and "zed" in program.output(), "Zed")
    tray.click("Quit")
    assert program.wait_exit(10) == 0


def test_a_late_panel_gets_its_icon_and_the_window_hides_only_then(rig):
    rig.stop_desktop()
    program = start(rig)
    app = rig.application(APP_NAME)
    app.find(identifier="session-name")
    rig.start_desktop()  # the panel comes up after the program, as at login
    tray = rig.tray(seconds=10)
    assert len(tray.icon_pixels()[2]) > 0
    tray.click("Show window")
    tray.click("Quit")
    assert program.wait_exit(10) == 0


def test_hidden_start_shows_the_tray_only_and_a_click_brings_the_window(rig):
    program = start(rig, "--hidden")
    tray = rig.tray()
    app = rig.application(APP_NAME)
    assert not [n for n in app.find_all(identifier="main-window") if "showing" in n.states]
    tray.activate()
    app.find(identifier="session-name").wait(lambda n: "showing" in n.states, "the window", 10)
    program.process.send_signal(signal.SIGTERM)
    assert program.wait_exit(10) == 0
    assert called(program, "close"), "SIGTERM closes the core as Quit does"


def test_without_a_tray_a_hidden_start_shows_the_window(rig):
    rig.stop_desktop()
    program = start(rig, "--hidden")
    rig.application(APP_NAME).find(identifier="session-name").wait(lambda n: "showing" in n.states, "the window", 10)
    program.process.send_signal(signal.SIGINT)
    assert program.wait_exit(10) == 0


def test_a_quit_from_outside_is_not_refused_by_a_window_that_would_ask(rig):
    rig.stop_desktop()  # without a tray the window asks before it closes
    program = start(rig, "--quit-soon")
    assert program.wait_exit(15) == 0
    assert called(program, "close")


def test_a_screen_reader_finds_and_presses(rig):
    program = start(rig)
    app = rig.application(APP_NAME)
    assert app.find(identifier="session-status").name == "Connected"
    assert app.find(identifier="app-address-jupyterlab").name.startswith("http://127.0.0.1:8878")
    rows = [node.name for node in app.find(identifier="session-list").children]
    assert rows[0] == "vision-experiments, Connected, Ready, Sandbox", "there are two accounts"
    app.find("push button", "Open JupyterLab").click()
    wait_until(lambda: called(program, "open_app"), "the browser")
    app.find("push button", "Shut down").click()
    app.find(identifier="confirm-shut-down-yes").click()
    wait_until(lambda: called(program, "stop"), "the shutdown")
    app.find("push button", "New session").click()
    name = app.find(identifier="option-name")
    name.set_text("ab")
    app.find(identifier="error-name").wait(lambda n: "three characters" in n.name, "the mistake", 5)
    name.set_text("from a screen reader")
    launch = app.find(identifier="wizard-next")
    launch.click()
    wait_until(lambda: called(program, "launch"), "the launch")
    app.find(identifier="session-name").wait(lambda n: n.name == "from a screen reader", "the new session", 10)
    program.end()


def test_the_window_fits_a_small_screen_at_twice_the_size():
    with Rig(RigOptions(**NO_KEYRING, size=(1280, 800), window_manager=True)) as rig:
        program = rig.start(DEMO, cwd=REPOSITORY, QT_SCALE_FACTOR="2")
        app = rig.application(APP_NAME)
        app.find(identifier="session-name")
        x, y, width, height = app.children[0].extents
        assert x >= 0 and y >= 0 and x + width <= 1280 and y + height <= 800, (x, y, width, height)
        program.end()


def test_a_failure_behind_a_hidden_window_is_a_notification_that_leads_there(rig):
    start(rig, "--hidden", "--locked")
    tray = rig.tray()
    path = next(label for label in tray.labels() if label.startswith("notebooks for the paper"))
    tray.click(f"{path}/Attach")
    note = tray.wait_notification(lambda n: n["summary"] == "The keyring is locked")
    assert "<" not in note["body"] and "unlock" in note["body"].lower()
    tray.click_notification(note["id"])
    app = rig.application(APP_NAME)
    app.find(identifier="session-name").wait(
        lambda n: "showing" in n.states and n.name == "notebooks for the paper", "the session", 10
    )
    assert app.find(identifier="failure-banner").find_all(identifier="remedy-unlock_keyring")


def test_the_window_follows_a_desktop_that_turns_dark(tmp_path):
    with Rig(RigOptions(**NO_KEYRING, portal=True)) as rig:
        rig.start([*DEMO, "--system"], cwd=REPOSITORY, QT_QPA_PLATFORMTHEME="xdgdesktopportal")
        rig.application(APP_NAME).find(identifier="session-name")

        def brightness() -> int:
            image = QImage(str(rig.screenshot(tmp_path / "screen.png")))
            return image.pixelColor(image.width() // 4, 14).lightness()

        wait_until(lambda: brightness() > 200, "the light window")
        rig.set_colour_scheme(dark=True)
        wait_until(lambda: brightness() < 60, "the dark window")
        rig.set_colour_scheme(dark=False)
        wait_until(lambda: brightness() > 200, "the light window again")
