"""The sandbox's process entry: ``python -m desktop_app.sandbox serve --home DIR``. Main thread.

A frozen executable reaches the same through ``main(["serve", …])``. Starting it by hand serves in the foreground;
``--detach`` (what ``launch`` uses) leaves the caller's session behind.
"""

import argparse
import contextlib
import logging
import logging.handlers
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop_app.file_lock import lock
from desktop_app.sandbox.agent import setup
from desktop_app.sandbox.agent.setup import AgentOptions
from desktop_app.sandbox.daemon import Options, Sandbox, install_signals
from desktop_app.sandbox.home import Home
from desktop_app.sandbox.rules.limits import Limits

LOG_BYTES = 1_000_000
LOG_FILES = 3
PREDECESSOR = 40.0  # seconds that an ending sandbox in the same home may still need
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main(argv: Sequence[str] | None = None, **more: Any) -> int:
    """Serve one sandbox; answers the exit code. ``more``: further fields of ``daemon.Options``."""
    arguments = _parser().parse_args(argv)
    if arguments.detach and not _detach():
        return 0
    home = Home(arguments.home.absolute())
    home.make()
    _log_to(home, foreground=not arguments.detach)
    try:
        running = lock(home.run_lock, PREDECESSOR)
    except TimeoutError:
        logging.error("another sandbox serves %s", home.root)
        return 1
    try:
        with running:
            sandbox = Sandbox(replace(_options(home, arguments), **more))
            install_signals(sandbox)
            sandbox.run()
    except Exception:  # the process's last boundary: without a terminal only the log can tell
        logging.exception("the sandbox failed")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = Limits()
    parser = argparse.ArgumentParser(prog="sessiondock-sandbox", description=__doc__)
    serve = parser.add_subparsers(required=True).add_parser("serve", help="run the servers and the agent")
    serve.add_argument("--home", type=Path, required=True, help="the sandbox's folder")
    serve.add_argument("--detach", action="store_true", help="go to the background")
    serve.add_argument("--package-manager", choices=setup.PACKAGE_MANAGERS, default=AgentOptions.package_manager)
    serve.add_argument("--cache", type=Path, help="where sessions keep installed applications")
    serve.add_argument("--own-agent", action="store_true", help="install an agent of its own into the home")
    serve.add_argument("--no-agent", action="store_true", help="serve only the API and the files")
    serve.add_argument("--idle", type=float, default=defaults.idle, help="seconds until an unused sandbox ends")
    serve.add_argument(
        "--agent-poll", type=float, default=defaults.agent_poll, help="seconds between the agent's polls"
    )
    return parser


def _options(home: Home, arguments: argparse.Namespace) -> Options:
    return Options(
        home=home,
        agent=AgentOptions(
            package_manager=arguments.package_manager, cache=arguments.cache, own_python=arguments.own_agent
        ),
        limits=Limits(idle=arguments.idle, agent_poll=arguments.agent_poll),
        with_agent=not arguments.no_agent,
    )


def _detach() -> bool:
    """Fork; true in the child, which belongs to nobody's session or terminal."""
    if sys.platform == "win32":  # there the parent used DETACHED_PROCESS
        return True
    if os.fork() > 0:
        return False
    os.setsid()
    return True


def _log_to(home: Home, *, foreground: bool) -> None:
    """Open one bounded log for the servers, and one for what the agent prints."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(_rotating(home.logs / "sandbox.log"))
    if foreground:
        console = logging.StreamHandler()
        console.setFormatter(logging.Formatter(_FORMAT))
        root.addHandler(console)
    agent = logging.getLogger("agent")
    agent.propagate = False
    agent.addHandler(_rotating(home.logs / "agent.log"))


class _Log(logging.handlers.RotatingFileHandler):
    """Says once that the disk takes no more; the servers go on."""

    told = False

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        if not self.told:
            self.told = True
            sys.stderr.write(f"The log can't be written to {self.baseFilename}: {error.strerror or error}.\n")
        stream, self.stream = self.stream, None  # what could not be written must not pile up
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _rotating(path: Path) -> logging.Handler:
    handler = _Log(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter(_FORMAT))
    return handler


if __name__ == "__main__":
    sys.exit(main())
