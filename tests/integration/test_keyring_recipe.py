"""docs/command-line.md says how a server gets a keyring: its very lines are run, on a session bus of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

UNWANTED = ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "PYTHON_KEYRING_BACKEND")
USE = """
import sys
from desktop_app.adapters.keyring_store import KeyringStore
from desktop_app.domain.problems import AppError
from desktop_app.domain.accounts.secrets import API_SECRET
store = KeyringStore()
try:
    if sys.argv[1] == "set":
        store.set(API_SECRET, "acc", "s3cret")
    print(store.get(API_SECRET, "acc"))
except AppError as error:
    print(error.problem.code)
"""


def recipe() -> tuple[str, list[str]]:
    """The command that makes a session bus, and the lines to type there."""
    section = (REPOSITORY / "docs/command-line.md").read_text("utf-8").split("## A keyring on a server")[1]
    lines = re.findall(r"^    (\S.*)$", section.split("\n## ")[0], re.MULTILINE)
    typed = [line for line in lines if "PASSWORD" in line]
    bus = next(line for line in lines if line.startswith("dbus-run-session"))
    assert len(typed) == 2
    return bus, typed


def at_the_server(home: Path, password: str, what: str) -> str:
    """What a command prints that uses the keyring, after a boot and the recipe."""
    bus, typed = recipe()
    use = home / "use.py"
    use.write_text(USE)
    script = "\n".join((*typed, f"{sys.executable} {use} {what} < /dev/null"))
    environment = {k: v for k, v in os.environ.items() if k not in UNWANTED}
    environment["PYTHONPATH"] = str(REPOSITORY)
    command = [*bus.split(), "-c", script]
    done = subprocess.run(command, input=f"{password}\n", env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr


def test_the_recipe_works_and_keeps_what_it_was_given(tmp_path: Path) -> None:
    (Path(os.environ["HOME"]) / "run").mkdir(mode=0o700, exist_ok=True)
    assert at_the_server(tmp_path, "a long password", "set") == "s3cret"
    assert at_the_server(tmp_path, "a long password", "get") == "s3cret"  # after another boot
    kept = list((Path(os.environ["HOME"]) / ".local/share/keyrings").iterdir())
    assert kept and not any(b"s3cret" in file.read_bytes() for file in kept)
    assert at_the_server(tmp_path, "a wrong password", "get") == "keyring.locked"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_for_completion_name_a_shell_that_there_is(shell: str) -> None:
    text = (REPOSITORY / "docs/command-line.md").read_text("utf-8")
    assert f"sessiondock completion {shell}" in text
