"""What may be loaded when: before the window's first frame, for ``--version``, and for a core without a window.

By name, because each library here costs every start its time and memory; docs/decisions/0049 has the figures. A new one
belongs behind the first frame, or into this list with a reason.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.paths import REPOSITORY

# What a bare PySide6 window loads as well, so that it costs a start nothing.
WITH_QT = {
    "PySide6", "shiboken6", "shibokensupport", "signature_bootstrap", "argparse", "ast", "base64", "binascii",
    "bisect", "bz2", "collections", "copy", "dis", "encodings", "gettext", "inspect", "linecache", "lzma", "math",
    "opcode", "random", "shutil", "string", "struct", "tempfile", "textwrap", "threading", "token", "tokenize",
    "traceback", "typing", "weakref", "zipfile", "zlib", "array", "gc", "atexit", "select", "selectors",
}  # fmt: skip
FIRST_FRAME = WITH_QT | {
    "desktop_app",
    "dataclasses",  # the tables of colours and folders
    "hashlib", "platform", "platformdirs",  # where the note of a window that is open already would lie
    "logging", "signal", "socket",  # ui/program/qt_hooks.py: what goes wrong is in the log, and Ctrl-C ends it well
}  # fmt: skip
FRAME_ENDS = """
import json, os, sys
from desktop_app.ui.program import opening
def stop(self):
    names = {name.partition(".")[0] for name in sys.modules}
    print(json.dumps(sorted(names)), flush=True)
    os._exit(0)
opening.Opening._begin = stop
from desktop_app.window_start import open_window
open_window([], hidden=False)
"""


# Not before they are needed: each of these costs every command and every start.
LATER = {
    "asyncio", "click", "filelock", "flask", "jinja2", "httpx", "jwt", "keyring", "paramiko", "pygments",
    "pyhocon", "PySide6", "socksio", "sqlite3", "waitress", "werkzeug",
}  # fmt: skip
VERSION = (
    "import sys\nfrom desktop_app.__main__ import main\nsys.argv = ['sessiondock', '--version']\ntry:\n    main()\n"
)
CORE = "import desktop_app.compose\nfrom desktop_app.paths import default_paths\ndesktop_app.compose.build_core()\n"


def loaded_by(code: str, **env: str) -> set[str]:
    """Return the libraries that a Python of its own has loaded once it has run this."""
    told = (
        "\nimport json, sys\nnames = {name.partition('.')[0] for name, module in sys.modules.items() if module}"
        "\nprint(json.dumps(sorted(names)), flush=True)"
    )
    environment = {**os.environ, **env}
    done = subprocess.run([sys.executable, "-c", code + told], env=environment, cwd=REPOSITORY, text=True,
                          capture_output=True, timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name for name in json.loads(done.stdout.splitlines()[-1]) if not name.startswith("_")}


def test_before_the_first_frame(private_home: Path) -> None:
    loaded = loaded_by(FRAME_ENDS, QT_QPA_PLATFORM="offscreen")
    assert "PySide6" in loaded, "it did not come to the window"
    assert loaded - loaded_by("") <= FIRST_FRAME


def test_the_version_is_told_by_next_to_nothing(private_home: Path) -> None:
    loaded = loaded_by(VERSION + "except SystemExit:\n    pass\n")
    assert loaded - loaded_by("") <= {"desktop_app", "json"}


def test_a_core_without_a_window_loads_what_it_needs(private_home: Path) -> None:
    assert not loaded_by(CORE) & LATER


def test_httpx_brings_no_command_line_of_its_own(private_home: Path) -> None:
    loaded = loaded_by("import desktop_app.adapters.clearml.server")
    assert "httpx" in loaded and not loaded & {"click", "pygments", "rich"}


def test_the_sources_of_what_is_imported_are_not_kept(private_home: Path) -> None:
    """PySide reads them, see desktop_app/ui/__init__.py."""
    code = (
        "import desktop_app.ui.controller, linecache\nassert not [f for f in linecache.cache if 'desktop_app' in f]\n"
    )
    assert "PySide6" in loaded_by(code)


def test_a_window_that_can_not_start_says_so(private_home: Path) -> None:
    code = (
        "import desktop_app.compose, sys\nfrom desktop_app.window_start import open_window\n"
        "def fails(*_, **__):\n    raise RuntimeError('as nobody foresaw')\n"
        "desktop_app.compose.build_core = fails\nsys.exit(open_window([], hidden=False))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}, text=True,
                          cwd=REPOSITORY, capture_output=True, timeout=120, check=False)  # fmt: skip
    assert done.returncode == 1
    assert "SessionDock could not start (RuntimeError: as nobody foresaw)." in done.stderr
