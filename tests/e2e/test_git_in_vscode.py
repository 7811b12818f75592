"""Git by VS Code's own commands in a real session: a private repository over https, and nobody asks for a password."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from remote_bootstrap.contract.apps import VSCODE
from tests.e2e import ide_pages
from tests.support.desktop_rig import Rig, RigOptions
from tests.support.git_server import PASSWORD, USER, GitServer, git_server
from tests.support.paths import REPOSITORY
from tests.support.real_terminal import RealTerminal
from tests.support.waiting import wait_until

PICTURES = REPOSITORY / "build" / "e2e"
GIT_SECONDS = 30.0
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig(RigOptions(tray=False)) as rig:
        yield rig


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path) as server:
        yield server


def launch(terminal: RealTerminal, server: GitServer, folder: Path) -> str:
    """A session with VS Code that was given the person's git login; its id."""
    home = Path(terminal.rig.env["HOME"])
    (home / ".git-credentials").write_text(f"https://{USER}:{PASSWORD.replace('/', '%2f')}@{server.host}\n")
    (home / ".gitconfig").write_text("[user]\n\tname = Ada Lovelace\n\temail = ada@example.com\n")
    trust = folder.parent / "init.sh"
    trust.write_text(f"export GIT_SSL_CAINFO={shlex.quote(str(server.cafile))}\n")
    program = terminal.stay(
        "--queue", "default", "--yes", "--account", "sandbox", "--jupyter-lab", "false", "--git-credentials",
        "--user-folder", str(folder), "--init-script", str(trust),
    )  # fmt: skip
    task = str(terminal.event(program, "ready")["id"])
    given = {"key": "git_credentials", "state": "given", "detail": ""}
    wait_until(lambda: given in terminal.json("give", task)["gifts"], "the login to be in the session", GIT_SECONDS)
    return task


def git(folder: Path, *words: str) -> str:
    author = ("-c", "user.name=colleague", "-c", "user.email=colleague@example.com")
    return subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.parity("--git-credentials", "U7", "--vscode-server")
def test_clone_pull_and_push_without_a_question(rig: Rig, server: GitServer, tmp_path: Path) -> None:
    terminal, work = RealTerminal(rig), tmp_path / "the work"
    task = launch(terminal, server, work)
    page = rig.browser()
    try:
        ide_pages.open_workbench(page, terminal.json("open", task, VSCODE.key, "--print")["url"])
        ide_pages.clone(page, server.url, str(work))
        mine = work / "private"
        assert git(mine, "log", "--format=%s") == "first\n"

        (mine / "notes.txt").write_text("written in the session\n")
        ide_pages.commit_everything(page, "from VS Code", mine)
        wait_until(lambda: "from VS Code" in git(mine, "log", "--format=%s"), "the commit", GIT_SECONDS)
        ide_pages.run_command(page, "Git: Push")
        pushed = "from VS Code by Ada Lovelace <ada@example.com>\n"
        wait_until(lambda: server.log().startswith(pushed), "the commit on the server", GIT_SECONDS)

        seed = server.folder / "seed"
        git(seed, "pull", "-q", str(server.repository), "main")
        git(seed, "commit", "-q", "--allow-empty", "-m", "by a colleague")
        git(seed, "push", "-q", str(server.repository), "main")
        ide_pages.run_command(page, "Git: Fetch")
        fetched = ("log", "--format=%s", "-1", "origin/main")
        wait_until(lambda: git(mine, *fetched) == "by a colleague\n", "the fetched commit", GIT_SECONDS)
        ide_pages.run_command(page, "Git: Pull")
        wait_until(lambda: git(mine, "log", "--format=%s", "-1") == "by a colleague\n", "the pulled one", GIT_SECONDS)
        assert ide_pages.question(page) == ""

        # and the person can see when they have to type it themselves
        terminal.run("withhold", task, "git")
        ide_pages.run_command(page, "Git: Fetch")
        wait_until(lambda: ide_pages.question(page) == "Username", "the question for a user name", GIT_SECONDS)
        page.press("Escape")
    finally:
        page.screenshot(PICTURES / "git-in-vscode.png")
        terminal.run("shutdown", task)
        terminal.run("sandbox", "stop")
