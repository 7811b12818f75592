"""JupyterLab's page in a headless Chromium, for ``make bench-tunnel``: ``python -m tests.bench.tunnel_page FOLDER``.

Reads {"port": …} per line from standard input and answers with the seconds until the launcher is on the page, with an
empty cache each time. A program of its own, because the browser must run in the near network namespace.
"""

import itertools
import json
import os
import sys
import time
from pathlib import Path

from tests.support.browser_driver import Browser

PAGE_SECONDS = 300.0
LAUNCHER = "document.querySelector('.jp-LauncherCard') !== null"


def load(port: int, profile: Path) -> float:
    browser = Browser(os.environ, profile, (1200, 800))
    try:
        began = time.perf_counter()
        browser.command("Page.navigate", url=f"http://127.0.0.1:{port}/lab")
        browser.wait_for(LAUNCHER, PAGE_SECONDS)
        return time.perf_counter() - began
    finally:
        browser.close()


def main() -> None:
    folder = Path(sys.argv[1])
    for number, line in zip(itertools.count(), sys.stdin):
        print(json.dumps(load(json.loads(line)["port"], folder / f"browser-{number}")), flush=True)


if __name__ == "__main__":
    main()
