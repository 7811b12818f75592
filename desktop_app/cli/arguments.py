"""The whole command line: its commands, and what may be given without one. Main thread."""

import argparse
from collections.abc import Sequence

from desktop_app import APP_NAME, __version__
from desktop_app.cli.commands import without_command
from desktop_app.cli.commands.accounts import add_accounts
from desktop_app.cli.commands.attach import add_attach, add_detach, add_reconnect
from desktop_app.cli.commands.catalogue import add_options
from desktop_app.cli.commands.cleanup import add_cleanup
from desktop_app.cli.commands.completion import add_completion
from desktop_app.cli.commands.doctor import add_doctor
from desktop_app.cli.commands.files import add_download, add_files, add_sync, add_upload
from desktop_app.cli.commands.git import add_git
from desktop_app.cli.commands.handover import add_give, add_withhold
from desktop_app.cli.commands.keys import add_passphrase, add_password, add_trust
from desktop_app.cli.commands.launch import add_enqueue, add_launch
from desktop_app.cli.commands.listing import add_info, add_list, add_log
from desktop_app.cli.commands.open import add_open
from desktop_app.cli.commands.ports import add_forward, add_ports, add_reverse, add_socks
from desktop_app.cli.commands.profiles import add_profiles
from desktop_app.cli.commands.sandbox import add_sandbox
from desktop_app.cli.commands.shutdown import add_shutdown
from desktop_app.cli.commands.ssh import add_ssh_config, add_ssh_proxy
from desktop_app.cli.parsing.launch_options import normal
from desktop_app.cli.parsing.parser import OPTIONS, Parser, read
from desktop_app.cli.registry import EXIT_CODES, Commands

PROGRAM = "sessiondock"

# In the order in which the help names them.
ADD_COMMANDS = (
    add_launch, add_list, add_info, add_log, add_attach, add_detach, add_shutdown, add_enqueue, add_open,
    add_reconnect, add_password, add_options, add_upload, add_download, add_files, add_sync, add_doctor, add_ports,
    add_forward, add_reverse, add_socks, add_ssh_config, add_ssh_proxy, add_cleanup, add_passphrase, add_trust,
    add_give, add_withhold, add_git, add_profiles, add_sandbox, add_accounts,
)  # fmt: skip


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; exit with code 2 for what can't be understood. ``run`` of the result is its command."""
    return read(parser(), normal(arguments))


def parser() -> Parser:
    """Return the parser of all commands."""
    top = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [COMMAND] {OPTIONS}",
        description="Remote development sessions on ClearML agents. Without a command: opens the window.",
        epilog=EXIT_CODES,
    )
    top.add_argument("--version", action="version", version=f"{APP_NAME} {__version__}")
    top.add_argument("--hidden", action="store_true", help="start in the tray, without a window")
    top.add_argument(
        "--demo", type=_demo_count, nargs="?", const=0, metavar="N",
        help="open the window on N made-up sessions (default: one in every state); touches nothing of yours",
    )  # fmt: skip
    top.add_argument("--self-test", action="store_true", help="check this installation and leave")
    top.set_defaults(run=without_command.run, session="")
    commands = Commands(top, PROGRAM)
    without_command.add_session_flags(top)  # after the commands, which a newcomer looks for
    for add in ADD_COMMANDS:
        add(commands)
    add_completion(commands, top)
    top.commands = commands.all()
    top.check = _check_demo
    return top


def _demo_count(word: str) -> int:
    from desktop_app.window_start import MOST_DEMO, is_count  # late: nothing else here is about the window

    if not is_count(word):
        raise argparse.ArgumentTypeError(f"“{word}” is not a number of sessions, from 0 to {MOST_DEMO}")
    return int(word)


def _check_demo(arguments: argparse.Namespace) -> str:
    """Refuse a demo of anything but the window: the rest would be done for real."""
    real = arguments.demo is not None and (arguments.command or without_command.wants_session(arguments))
    return "--demo opens a window on made-up sessions; only --hidden goes with it." if real else ""
