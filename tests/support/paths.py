"""Where tests and benches find what ``make setup`` puts outside the checkout. Pure; any thread.

``python -m tests.support.paths NAME`` prints one of them for the setup scripts, so that each place is spelled once.
"""

import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CLEARML_SESSION_REQUIREMENT = "clearml-session==0.17.0"

_USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")

# What tests install once per machine. A constant, since tests replace HOME: this is the real user's.
CACHE = _USER_CACHE / "sessiondock-tests"
CLEARML_SESSION_VENV = CACHE / CLEARML_SESSION_REQUIREMENT.replace("==", "-")
CLEARML_SESSION = CLEARML_SESSION_VENV / "bin" / "clearml-session"

# The root file system of the containers that tests start; packaging/setup/engine_image.sh builds it.
ENGINE_IMAGE = CACHE / "engine" / "bookworm-1.tar"

# What sessions on this machine run; packaging/setup/applications.sh fills it.
APPLICATIONS_CACHE = Path(os.environ.get("SESSIONDOCK_CACHE") or _USER_CACHE / "sessiondock" / "remote")

if __name__ == "__main__":
    NAMES = {
        "clearml-session": str(CLEARML_SESSION_VENV),
        "clearml-session-requirement": CLEARML_SESSION_REQUIREMENT,
        "engine-image": str(ENGINE_IMAGE),
    }
    print(NAMES[sys.argv[1]])
