"""Where the agent's Python is: beside us, or in an environment of the sandbox's own that is installed on first use.

A frozen executable carries no clearml-agent, and could not: the agent builds environments with the Python that runs it.
``Installation`` works in one thread of its own; the supervisor's main thread asks it.
"""

import importlib.util
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

_log = logging.getLogger(__name__)

# The versions of the extra "sandbox" in pyproject.toml; a test compares them.
REQUIREMENTS = ("clearml==2.1.12", "clearml-agent==3.0.3", "uv>=0.8")
RETRY = 60.0  # seconds between attempts
STEP = 900.0  # seconds for one installer; a slow line needs minutes
_READY = "ready"  # file that names what is installed


def beside_us() -> Path | None:
    """Return the running interpreter, when clearml-agent is installed for it."""
    frozen = getattr(sys, "frozen", False)
    return None if frozen or importlib.util.find_spec("clearml_agent") is None else Path(sys.executable)


class Installation:
    """An environment with the agent in ``folder``. ``environment`` is what the installers run with."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._thread: threading.Thread | None = None
        self._retry_at = 0.0
        self.problem = ""  # a sentence for people while the last attempt failed

    def python(self) -> Path | None:
        """Return the interpreter once it is there; start the installation, or start it again, where it is not."""
        ready, python = self._folder / _READY, self._folder / "bin" / "python"
        if ready.exists() and ready.read_text("utf-8") == str(REQUIREMENTS) and python.exists():
            return python
        if (self._thread is None or not self._thread.is_alive()) and time.monotonic() >= self._retry_at:
            self._retry_at = time.monotonic() + RETRY
            self._thread = threading.Thread(target=self._install, name="sandbox-install", daemon=True)
            self._thread.start()
        return None

    def _install(self) -> None:
        _log.info("installing the ClearML agent into %s", self._folder)
        base = shutil.which("python3", path=self._environment.get("PATH"))
        if base is None:
            self._fail("There is no python3 on this computer. Install Python 3 to run sessions here.")
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        python = str(self._folder / "bin" / "python")
        steps = (
            [base, "-m", "venv", str(self._folder)],
            [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *REQUIREMENTS],
        )
        for step in steps:
            try:
                done = subprocess.run(
                    step, env=self._environment, capture_output=True, text=True, timeout=STEP, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                self._fail(f"The ClearML agent could not be installed: {error}")
                return
            if done.returncode != 0:
                last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
                self._fail(f"The ClearML agent could not be installed: {last[0]}")
                return
        (self._folder / _READY).write_text(str(REQUIREMENTS), "utf-8")
        self.problem = ""
        _log.info("the ClearML agent is installed")

    def _fail(self, sentence: str) -> None:
        self.problem = sentence
        _log.error("%s", sentence)
