"""What an init script exported is in force however it ends, or it is said that it is not."""

import shutil
from pathlib import Path

import pytest

from remote_bootstrap import contract
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.machine.folders import LOGS
from remote_bootstrap.session.context import Context
from remote_bootstrap.steps import init_script
from remote_bootstrap.task.settings import Settings

TRAP = """\
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "downloading into $work"
export HF_HOME=/data/hf
export AFTER_TRAP=yes
"""
KEPT = {
    "its own trap": (TRAP, 0),
    "its own trap and exit": (TRAP + "exit 3\n", 3),
    "its own trap and an error": (TRAP + "false\n", 1),
    "a trap on several signals": ("trap 'true' EXIT INT TERM\n" + TRAP, 0),
    "a trap by number": ("trap 'true' 0\n" + TRAP, 0),
    "a trap taken back": ("trap 'true' EXIT\ntrap - EXIT\ntrap EXIT\n" + TRAP.replace("EXIT\n", "EXIT\n"), 0),
    "a trap in a subshell": ("( trap 'true' EXIT )\n" + TRAP, 0),
    "a trap past ours": (TRAP.replace("trap ", "builtin trap "), 0),
    "a trap that exits": (TRAP.replace("rm -rf", "exit 4; rm -rf") + "true\n", 4),
    "everything exported": ("set -a\n" + TRAP, 0),
    "unset variables are errors": ("set -u\n" + TRAP, 0),
    "exit": ("export HF_HOME=/data/hf AFTER_TRAP=yes\nexit 0\n", 0),
    "return": ("export HF_HOME=/data/hf AFTER_TRAP=yes\nreturn 0\nexport HF_HOME=no\n", 0),
    "an error": ("set -e\nexport HF_HOME=/data/hf AFTER_TRAP=yes\nfalse\n", 1),
    "SIGTERM": ("export HF_HOME=/data/hf AFTER_TRAP=yes\nkill $$\n", -15),
    "exec": ("export HF_HOME=/data/hf AFTER_TRAP=yes\nexec sleep 1\n", 0),
    "exec of a redirection": ("exec 2>&1 >/dev/null\n" + TRAP, 0),
    "an error in the trap": (TRAP.replace("rm -rf", "false; rm -rf"), 0),
    "a script of Windows": (TRAP.replace("\n", "\r\n"), 0),
}


def context_for(folder: Path, script: str) -> Context:
    settings = Settings("key", folder, "", 0, False, False, (1, 2), {contract.PARAM_INIT_SCRIPT: script})
    (folder / LOGS).mkdir()
    return Context("ab" * 16, folder, folder, settings, Environments(folder, print), "127.0.0.1")


def ran(context: Context) -> str:
    """What is said about it."""
    try:
        init_script.run(context, lambda _text: None, lambda: False)
    except init_script.InitError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", KEPT)
def test_exports_are_kept_however_the_script_ends(name: str, tmp_path: Path) -> None:
    script, code = KEPT[name]
    context = context_for(tmp_path, script)
    said = ran(context)
    environment = context.environment()
    assert (environment["HF_HOME"], environment["AFTER_TRAP"]) == ("/data/hf", "yes"), said
    assert (f"exit code {code};" in said) if code else said == ""
    assert not [one for one in environment if one.startswith(("sessiondock_", "BASH_FUNC_"))]


def test_its_own_trap_is_done(tmp_path: Path) -> None:
    ran(context_for(tmp_path, f"trap 'echo done $? > {tmp_path}/told' EXIT\nexit 5\n"))
    assert (tmp_path / "told").read_text() == "done 5\n"


@pytest.mark.parametrize("script", ["kill -KILL $$", "exec true"])
def test_what_can_not_be_told_is_said(script: str, tmp_path: Path) -> None:
    context = context_for(tmp_path, f"export HF_HOME=/data/hf\n{script}\n")
    said = ran(context)
    assert "What the init script exported is not kept" in said or context.environment().get("HF_HOME") == "/data/hf"


def test_without_bash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sh", "env", "rm", "mktemp"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(tmp_path))
    context = context_for(tmp_path, TRAP)
    assert ran(context) == "" and context.environment()["HF_HOME"] == "/data/hf"
    (tmp_path / "second").mkdir()
    context = context_for(tmp_path / "second", TRAP + "exit 0\n")
    assert "is not kept" in ran(context)
