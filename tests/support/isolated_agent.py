"""A sandbox inside a private mount namespace, for tasks that rewrite the machine they run on.

``clearml-session``'s task, run as root outside a container, changes /etc/ssh, root's password and /etc/profile and
opens an SSH server to the world. Here those folders are overlays whose changes live in memory and vanish with it,
and sshd listens on 127.0.0.1 only. An ordinary user is root in a user namespace, with copies of what they may read of
those folders. The account that the task runs as has no dotfiles, whatever the machine has. Blocking; any thread.

``python -m tests.support.isolated_agent --home DIR [serve options]`` starts one by hand and prints where it listens.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from tests.support.namespaces import as_root, shadow_text
from tests.support.paths import REPOSITORY
from tests.support.waiting import wait_until

OVERLAID = ("/etc", "/root", "/run", "/var/log")
# What an account that is in use has and a new one has not: logins and the task's programs would read it.
DOTFILES = (
    ".ssh", ".bashrc", ".bash_profile", ".profile", ".zshrc", ".gitconfig", ".git-credentials", ".jupyter", ".ipython",
    ".clearml", ".clearml_session.json", "clearml.conf", ".config/git", ".config/code-server", ".local/share/jupyter",
)  # fmt: skip
SSHD_CONFIG = Path("/etc/ssh/sshd_config")
START_SECONDS = 30.0


def wrap(command: Sequence[str], scratch: Path) -> list[str]:
    """The command line that runs ``command`` in a private mount namespace.

    ``scratch`` is an empty folder outside the overlaid ones; inside, it is a tmpfs that takes all changes.
    """
    inside = [sys.executable, "-m", "tests.support.isolated_agent", "--inside", str(scratch), "--", *command]
    return [*as_root(), *inside]


def start(
    home: Path,
    options: Sequence[str] = (),
    serve: Callable[[Path, Sequence[str]], list[str]] = launch.serve_command,
) -> SandboxInfo:
    """A running sandbox whose agent, tasks and servers all live in the namespace. End it with ``launch.stop(home)``.

    ``home`` and the ``--cache`` among the options must lie outside the overlaid folders. Raises RuntimeError.
    """
    if any(home.resolve().is_relative_to(folder) for folder in OVERLAID):
        raise RuntimeError(f"{home} would be invisible outside the namespace")
    scratch = home.parent / f"{home.name}-changes"
    scratch.mkdir(parents=True, exist_ok=True)
    paths = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    subprocess.run(wrap(serve(home, options), scratch), env={**os.environ, "PYTHONPATH": paths}, check=True)
    wait_until(lambda: launch.status(home), "the isolated sandbox", START_SECONDS)
    return launch.ensure_running(home)


def _enter(scratch: Path, command: Sequence[str]) -> None:
    """Runs inside the new namespace: lays the overlays and becomes the command."""
    _mount("tmpfs", "tmpfs", str(scratch))
    if Path("/etc").stat().st_uid == 0:
        _overlay(scratch)
    else:  # in a user namespace the machine's files belong to nobody, so that even this root can't change them
        _copy(scratch)
    for name in DOTFILES:
        _remove(Path("/root") / name)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    SSHD_CONFIG.write_text("ListenAddress 127.0.0.1\n" + SSHD_CONFIG.read_text("utf-8"), "utf-8")
    os.execvp(command[0], list(command))


def _overlay(scratch: Path) -> None:
    for folder in filter(os.path.isdir, OVERLAID):
        upper, work = scratch / folder.strip("/") / "upper", scratch / folder.strip("/") / "work"
        upper.mkdir(parents=True)
        work.mkdir()
        _mount("overlay", "overlay", folder, f"lowerdir={folder},upperdir={upper},workdir={work}")


def _copy(scratch: Path) -> None:
    settings = scratch / "etc"
    # What only the machine's root may read is left out; cp says so and goes on.
    subprocess.run(["cp", "-dR", "--preserve=mode,links", "/etc", settings], stderr=subprocess.DEVNULL, check=False)
    resolver = settings / "resolv.conf"
    if resolver.is_symlink():
        resolver.unlink()
        resolver.write_bytes(Path("/etc/resolv.conf").read_bytes())
    (settings / "shadow").touch(0o600)
    (settings / "shadow").write_text(shadow_text({}))
    _mount("none", str(settings), "/etc", "bind")
    for folder in ("/root", "/var/log"):
        _mount("tmpfs", "tmpfs", folder)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _mount(kind: str, source: str, target: str, options: str = "mode=755") -> None:
    subprocess.run(["mount", "-t", kind, "-o", options, source, target], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--inside", type=Path, metavar="SCRATCH", help=argparse.SUPPRESS)
    arguments, rest = parser.parse_known_args()
    if arguments.inside:
        _enter(arguments.inside, rest[1:] if rest[:1] == ["--"] else rest)
    info = start(arguments.home.absolute(), rest)
    print(json.dumps({"api_url": info.api_url, "files_url": info.files_url, "pid": info.pid, "worker": info.worker}))


if __name__ == "__main__":
    main()
