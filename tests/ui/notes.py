"""What a core is asked for, noted; and calls made slow, failing or answered by a test. Thread-safe enough for tests."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.handover import HandoverKind
from desktop_app.domain.problems import AppError
from desktop_app.services.core import Core

# Service and method of the core -> what a call of it is noted as.
NOTED = {
    "sign_in": {"to_sandbox": "to_sandbox", "remove_account": "remove_account", "remove_key": "remove_key"},
    "credentials": {"use": "credentials.use", "found": "credentials.found"},
    "routes": {"set": "routes.set"},
    "launches": {"queues": "queues", "launch": "launch"},
    "sessions": {"log": "log", "stop": "stop", "end_anyway": "end_anyway", "move_to_queue": "move_to_queue",
                 "forget": "forget"},
    "connections": {"attach": "attach", "detach": "detach", "reconnect": "reconnect"},
    "open_in": {"open": "open_in.open", "open_app": "open_app", "open_terminal": "open_terminal",
                "ssh_command": "ssh_command", "choose_terminal": "open_in.choose_terminal"},
    "aliases": {"install": "aliases.install", "remove": "aliases.remove"},
    "ports": {name: f"ports.{name}" for name in
              ("look", "forward", "stop", "reverse", "socks", "stop_other", "open", "always")},
    "handovers": {name: f"handovers.{name}" for name in ("view", "give", "withhold")},
    "keys": {name: f"keys.{name}" for name in ("unlock", "trust_host", "set_passphrase")},
    "passwords": {"of": "passwords.of"},
    "files": {name: f"files.{name}" for name in ("browse", "upload", "download", "store_workspace")},
    "cleanup": {name: f"cleanup.{name}" for name in ("look", "delete")},
    "history": {name: f"history.{name}" for name in ("ended", "again")},
    "doctor": {name: f"doctor.{name}" for name in ("examine", "examine_account")},
}  # fmt: skip
SECRET = {"routes.set": 2}  # which argument is noted by its length only


class Notes:
    """``calls``: name and arguments of each call, in order; ``under_way``: names of those that have not returned.

    Script: ``gates`` (a call waits for its event), ``failures`` (raised instead), ``answers`` (returned instead, or
    called in its place), each by name. ``on_call`` hears of each call.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.under_way: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.failures: dict[str, AppError] = {}
        self.answers: dict[str, object] = {}
        self.on_call: Callable[[tuple[object, ...]], None] = lambda _call: None

    def follow(self, core: Core) -> None:
        """Note what that core's services are asked for."""
        for service, methods in NOTED.items():
            for method, name in methods.items():
                self._note(getattr(core, service), method, name)

    def _note(self, service: object, method: str, name: str) -> None:
        real = getattr(service, method)

        def noted(*arguments: Any, **more: Any) -> Any:
            cancel = next((one for one in arguments if isinstance(one, Cancel)), None)
            self.call(name, cancel, *(_plain(name, at, one) for at, one in enumerate(arguments) if _is_said(one)))
            self.under_way.append(name)
            try:
                answer = self.answers.get(name, real)
                return answer(*arguments, **more) if callable(answer) else answer
            finally:
                self.under_way.remove(name)

        setattr(service, method, noted)

    def call(self, name: str, cancel: Cancel | None, *arguments: object) -> None:
        """Note a call, wait for its gate, and fail if it should."""
        self.calls.append((name, *arguments))
        self.on_call((name, *arguments))
        gate = self.gates.get(name)
        self.under_way.append(name)
        try:
            while gate is not None and not gate.wait(0.01):
                (cancel or Cancel()).check()
        finally:
            self.under_way.remove(name)
        if name in self.failures:
            raise self.failures[name]


def _is_said(argument: object) -> bool:
    return not isinstance(argument, Cancel) and not callable(argument)


def _plain(name: str, at: int, argument: object) -> object:
    if SECRET.get(name) == at:
        return len(str(argument))
    if isinstance(argument, Path):
        return str(argument)
    if isinstance(argument, Account):
        return argument.id
    if isinstance(argument, HandoverKind):
        return argument.key
    if isinstance(argument, Sequence) and not isinstance(argument, str):
        return tuple(_plain("", 0, one) for one in argument)
    return argument
