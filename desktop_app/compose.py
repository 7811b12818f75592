"""The composition: the only module that imports all the others. Builds a core from the real adapters, and its log.

Quick but for the log's file; nothing here talks to a server, a keyring or a sandbox before it is asked to.
"""

import logging
import logging.handlers
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from desktop_app import late
from desktop_app.adapters import os as system
from desktop_app.adapters.clearml import payload
from desktop_app.adapters.files.chosen_text import ChosenFiles
from desktop_app.adapters.files.credentials import CredentialFiles
from desktop_app.adapters.files.earlier_launches import move_launches
from desktop_app.adapters.files.git import read_git
from desktop_app.adapters.files.joined import join_accounts
from desktop_app.adapters.files.json_file import JsonFile
from desktop_app.adapters.files.memory import MemoryFiles
from desktop_app.adapters.local_programs import LocalPrograms
from desktop_app.adapters.local_sandbox import LocalSandbox
from desktop_app.adapters.log_file import PrivateLog, StreamLog
from desktop_app.adapters.peers.local_socket import is_own_address
from desktop_app.adapters.peers.ownership import Ownership
from desktop_app.adapters.ssh.client.config import SshConfig, user_config_path
from desktop_app.adapters.ssh.client.own import OwnSsh
from desktop_app.boundary.computer import Waiting
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.peers import WINDOW
from desktop_app.boundary.secrets import SecretStore
from desktop_app.domain.problems import AppError, failure
from desktop_app.paths import Paths, default_paths
from desktop_app.services.core import Core
from desktop_app.services.doctor.diagnostics import about
from desktop_app.services.secrets.redaction import LogTail, Redactor, guard
from desktop_app.services.secrets.registered import RegisteredSecrets
from remote_bootstrap.machine import passwords

LOG_BYTES = 2_000_000
LOG_FILES = 3
LOG_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"
TALKATIVE = ("httpx", "httpcore", "paramiko", "keyring")


def build_core(
    paths: Paths | None = None,
    role: str = WINDOW,
    *,
    secrets: SecretStore | None = None,
    redactor: Redactor | None = None,
    tail: LogTail | None = None,
) -> Core:
    """Return a core over the real world. ``secrets``: instead of the OS keyring (for tests of the faces)."""
    paths = paths or default_paths()
    redactor = redactor or Redactor()
    _make_folders(paths)
    memory, profiles = MemoryFiles(paths.config, paths.state), JsonFile(paths.config / "profiles.json")
    memory.problems()  # whoever reads a damaged file first knows of it, and these are asked
    profiles.read()
    _bring_up_to_date(paths)
    own_ssh = OwnSsh(paths.config / "ssh", paths.runtime)
    proxy = (*own_command(), "ssh-proxy")
    outside = Outside(
        connect_server=late.connect_server,
        new_tunnel=late.new_tunnel,
        new_files=late.new_files,
        secrets=RegisteredSecrets(secrets or late.Keyring(), redactor),
        memory=memory,
        sandbox=LocalSandbox(paths.sandbox),
        build_payload=payload.build_payload,
        new_key=late.new_key,
        verify_record=late.verify_record,
        login_page=late.login_page,
        open_url=system.open_url,
        open_terminal=system.open_terminal,
        slot_cipher=late.Slots(),
        public_of=late.public_line,
        profiles=profiles,
        kept=JsonFile(paths.state / "kept.json"),
        text_files=ChosenFiles(),
        programs=LocalPrograms(),
        credentials=CredentialFiles(os.environ, Path.home()),
        find_api=late.find_api,
        read_git=read_git,
        hash_password=passwords.hashed,
        look_at_page=late.look_at_page,
        examine=late.examine,
        clean=redactor.clean,
        ssh_access=own_ssh,
        ssh_config=SshConfig(paths.config, user_config_path(), own_ssh.client_files, proxy),
        hold_names=partial(Ownership, paths.runtime),
        is_own_address=is_own_address,
        register_secret=redactor.register,
        watch_system=late.watch_system,
    )
    return Core(outside, role, tail)


def build_demo(sessions: int = 0) -> Core:
    """Return a core over a world in memory with that many scripted sessions, 0 = every state once.

    It runs beside the user's own SessionDock: no file, keyring, network, ssh configuration or lock of theirs is used.
    """
    from desktop_app.demo.script.show import SESSIONS, demo_world  # lazy on purpose: nothing else pays for the demo

    tail = LogTail()
    _log_to([tail], Redactor())
    world = demo_world(sessions or SESSIONS)
    core = Core(world.outside(), WINDOW, tail)
    for session, facts in world.seen():  # else the window selects whichever session a thread is the first to see
        core.store.see(session, facts)
    return core


def _bring_up_to_date(paths: Paths) -> None:
    """Bring what an earlier version remembered into today's form; where it can't be written, it stays as it is."""
    try:
        join_accounts(paths.config, paths.state)
        move_launches(paths.config)
    except AppError as error:
        logging.getLogger(__name__).warning("what an earlier version remembered stays as it is: %s", error)


def own_command() -> tuple[str, ...]:
    """Return the argv that starts this program again, for files that other programs read."""
    return (sys.executable,) if getattr(sys, "frozen", False) else (sys.executable, "-m", "desktop_app")


def _make_folders(paths: Paths) -> None:
    """Make the folders, for this user only. Problems: file.unwritable"""
    folder = paths.config
    try:
        for folder in (paths.config, paths.state, paths.runtime):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths.runtime.chmod(0o700)  # fails, as it should, for a folder of somebody else
    except OSError as error:
        raise failure("file.unwritable", path=folder, why=error.strerror or str(error)) from None


def new_keyboard(typed: Callable[[str | None], None]) -> Waiting:
    """Return what waits for pokes and for lines on standard input, which go to ``typed``; None = it has ended."""
    return system.Keyboard(sys.stdin, typed)


# -- the log


def set_up_log(paths: Paths, name: str, stream: TextIO | None = None) -> tuple[Redactor, LogTail]:
    """Log to ``<state>/<name>.log``, to memory and to ``stream``, all behind a redactor."""
    redactor, tail = Redactor(), LogTail()
    handlers: list[logging.Handler] = [tail, *([StreamLog(stream)] if stream else [])]
    try:
        paths.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        handlers.append(PrivateLog(str(paths.state / f"{name}.log"), LOG_BYTES, LOG_FILES, tail.fails))
    except OSError as error:
        tail.fails(f"The log can't be written to {paths.state}: {error.strerror or error}.")
    _log_to(handlers, redactor)
    return redactor, tail


def _log_to(handlers: Sequence[logging.Handler], redactor: Redactor) -> None:
    guard(handlers, redactor)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(logging.Formatter(LOG_FORMAT))
        root.addHandler(handler)
    for talkative in TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)
    logging.getLogger(__name__).info("%s", about())
