"""``make screenshots``: takes the pictures in assets/screenshots again, of the real app with real sessions.

The tray menu is pictured in a real panel (trayer); the rest by the test desktop, light and dark. Linux only.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

from desktop_app.domain.sessions.snapshot import Status
from tests.e2e.main_job import MainJob
from tests.support.desktop_rig import Rig, RigOptions
from tests.support.paths import REPOSITORY
from tests.support.waiting import wait_until

TARGET = REPOSITORY / "assets" / "screenshots"
SIZE = (1162, 800)  # the window's own, so that no bare screen shows beside it
PANEL_HEIGHT = 40
SETTLE_SECONDS = 1.5  # for the picture only: let the window paint
BUBBLE_SECONDS = 11.0


def settle(seconds: float = SETTLE_SECONDS) -> None:
    time.sleep(seconds)


def window_pictures() -> None:
    """Wizard, then the window with a connected and a waiting session, light and dark."""
    with Rig(RigOptions(window_manager=True, portal=True, size=SIZE)) as rig:
        rig.env["QT_QPA_PLATFORMTHEME"] = "xdgdesktopportal"
        job = MainJob(rig, "Fine-tune segmentation")
        job.start_app()
        job.widget("wizard-next")
        settle()
        job.rig.screenshot(TARGET / "welcome.png")
        job.choose_sandbox()
        job.widget("wizard-next").wait(lambda n: n.name == "Launch" and "enabled" in n.states, "Launch", 60)
        settle()
        rig.screenshot(TARGET / "wizard.png")
        job.launch()
        job.wait_status(Status.CONNECTED)
        job.measure_start()
        job.press("new-session")
        job.widget("option-name").set_text("Explore the survey data")
        job.press("wizard-next")
        wait_until(lambda: job.widget("session-name").name.startswith("Explore"), "the second session", 30)
        rows = job.widget("session-list").find_all(name=re.compile("^Fine-tune"))
        rig.click_at(rows[0])
        settle()
        rig.screenshot(TARGET / "window-light.png")
        rig.set_colour_scheme(dark=True)
        settle()
        rig.screenshot(TARGET / "window-dark.png")
        job.command("shutdown", job.task)
        job.quit()


def tray_picture() -> None:
    """The session's submenu, opened by a right click on the icon in a panel."""
    width, height = SIZE
    with Rig(RigOptions(window_manager=True, tray=False, size=SIZE)) as rig:
        rig.start(
            ["trayer", "--edge", "bottom", "--align", "right", "--height", str(PANEL_HEIGHT), "--tint", "0xe6e8ec"]
        )
        job = MainJob(rig, "Fine-tune segmentation")
        job.start_app()
        job.choose_sandbox()
        job.launch()
        job.measure_start()
        rig.press_keys("alt+F4")  # hides to the tray, and says so in a bubble that takes the next click
        settle(BUBBLE_SECONDS)
        rig.click_screen(width - PANEL_HEIGHT // 2, height - PANEL_HEIGHT // 2, button=3)
        settle()
        rig.press_keys("Down", "Right")
        settle()
        whole = rig.screenshot(rig.base / "whole.png")
        part = ["-gravity", "southeast", "-crop", "820x330+0+0", "+repage"]
        subprocess.run(["convert", str(whole), *part, str(TARGET / "tray-menu.png")], check=True, timeout=30)
        rig.press_keys("Escape", "Escape")
        job.command("shutdown", job.task)


def main() -> int:
    TARGET.mkdir(parents=True, exist_ok=True)
    window_pictures()
    tray_picture()
    for picture in sorted(TARGET.glob("*.png")):
        print(Path(picture).relative_to(REPOSITORY), picture.stat().st_size // 1024, "KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
