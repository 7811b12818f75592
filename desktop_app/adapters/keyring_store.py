"""The secret store over the system's keyring (Secret Service, KWallet, Keychain, Credential Manager).

A keyring call can block for as long as its unlock prompt is open, or for ever, and can't be interrupted. So each call
runs on one worker thread (a daemon, alive only while there is work; keyring backends want their calls one by one) and
its caller waits with a deadline. An answer that comes later is kept for the next one who asks the same: a user who
needed a minute for the prompt presses "Try again" and has it.

Only the stores of the operating system are used: a plain-text or empty backend counts as no keyring, even if the user's
keyring configuration names one. One entry per secret; values over MAX_CHARS are refused on every system, since Windows
could not hold them.
"""

import configparser
import gc
import importlib
import logging
import os
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.core import load_config, load_env
from keyring.errors import InitError, KeyringLocked, NoKeyringError, PasswordDeleteError
from keyring.util import platform_

from desktop_app.boundary.secrets import SecretStore
from desktop_app.domain.accounts.secrets import MAX_CHARS, SERVICE, SecretKind, entry_name
from desktop_app.domain.problems import AppError, Problem, failure, problem

VARIABLE = "PYTHON_KEYRING_BACKEND"
DEADLINE_SECONDS = 10.0
STUCK_SECONDS = 1.0  # what a call gets while an earlier one has overrun its deadline
TRUSTED = frozenset(
    {
        "keyring.backends.SecretService",
        "keyring.backends.libsecret",
        "keyring.backends.kwallet",
        "keyring.backends.macOS",
        "keyring.backends.Windows",
    }
)
_GONE = ("ServiceUnknown", "NameHasNoOwner", "Spawn", "Disconnected", "NoReply", "NotAvailable")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Call:
    """One keyring operation. ``done`` is set when ``result`` or ``error`` is there."""

    method: str
    entry: str
    value: str | None = field(default=None, repr=False)
    result: str | None = field(default=None, repr=False)
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def same(self, other: "_Call") -> bool:
        return (self.method, self.entry, self.value) == (other.method, other.entry, other.value)


class KeyringStore(SecretStore):
    """Thread-safe. A call fails after ``seconds``."""

    def __init__(self, seconds: float = DEADLINE_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._queue: deque[_Call] = deque()
        self._overdue: list[_Call] = []  # their callers gave up; most recent last
        self._worker: threading.Thread | None = None
        self._backend: KeyringBackend | None = None

    def get(self, kind: SecretKind, owner: str) -> str | None:
        """Return the entry, None when there is no such one. Problems: keyring.*"""
        return self._do(_Call("get", entry_name(kind, owner)))

    def set(self, kind: SecretKind, owner: str, value: str) -> None:
        """Write the entry. Problems: keyring.*"""
        units = len(value.encode("utf-16-le", "surrogatepass")) // 2
        if units > MAX_CHARS:
            raise failure("keyring.refused", answer=f"an entry holds {MAX_CHARS} characters, this one has {units}")
        self._do(_Call("set", entry_name(kind, owner), value))

    def delete(self, kind: SecretKind, owner: str) -> None:
        """Remove the entry. Idempotent. Problems: keyring.*"""
        self._do(_Call("delete", entry_name(kind, owner)))

    # --- the caller's side

    def _do(self, wanted: _Call) -> str | None:
        call, seconds = self._submit(wanted)
        if not call.done.wait(seconds):
            with self._lock:
                if call not in self._overdue:
                    self._overdue.append(call)
            raise failure("keyring.silent", seconds=f"{seconds:g}")
        with self._lock:
            self._overdue = [one for one in self._overdue if one is not call]
        if call.error is not None:
            raise AppError(_problem_of(call.error, call.value)) from None
        return call.result

    def _submit(self, wanted: _Call) -> tuple[_Call, float]:
        """Return the call to wait for, an overdue one if it is the same, and for how long."""
        with self._lock:
            stuck = any(not one.done.is_set() for one in self._overdue)
            for call in self._overdue:
                if call.same(wanted):
                    return call, STUCK_SECONDS if stuck else self._seconds
            if wanted.method != "get":  # what was read before is no answer any more
                self._overdue = [one for one in self._overdue if one.entry != wanted.entry or not one.done.is_set()]
            self._queue.append(wanted)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="keyring", daemon=True)
                self._worker.start()
            return wanted, min(self._seconds, STUCK_SECONDS) if stuck else self._seconds

    # --- the worker's side

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._worker = None
                    return
                call = self._queue.popleft()
            try:
                call.result = self._perform(call)
            except Exception as error:  # thread boundary; pywintypes and jeepney errors are no KeyringErrors
                call.error = error
                self._backend = None  # the next call looks around anew
                if not isinstance(error, (KeyringLocked, InitError, NoKeyringError)):
                    log.info("the keyring failed: %s", type(error).__name__, exc_info=True)
            if call.error is not None:
                call.error.__traceback__ = None  # its frames hold the secret and an open bus connection
                gc.collect()  # secretstorage leaves connections in cycles: two file descriptors per failed call
            call.done.set()

    def _perform(self, call: _Call) -> str | None:
        if self._backend is None:
            self._backend = _find_backend()
        backend = self._backend
        if call.method == "get":
            return backend.get_password(SERVICE, call.entry)
        if call.method == "set":
            backend.set_password(SERVICE, call.entry, call.value or "")
            return None
        try:
            backend.delete_password(SERVICE, call.entry)
        except PasswordDeleteError:
            if backend.get_password(SERVICE, call.entry) is not None:
                raise
        return None


def _find_backend() -> KeyringBackend:
    """Return the system's own store. Raises NoKeyringError; tried anew with each call until there is one.

    Not by keyring's own search: that one runs once per process (a keyring that starts later is never found) and loads
    whatever plug-ins are installed.
    """
    configured = _chosen()
    if configured is not None:
        return configured
    for module in TRUSTED:
        importlib.import_module(module)
    usable = [one for one in KeyringBackend.get_viable_backends() if one.__module__ in TRUSTED]
    if not usable:
        raise NoKeyringError("no system password store answers")
    return max(usable, key=lambda one: float(one.priority))()


class ChosenElsewhere(NoKeyringError):
    """A variable or a file names another store than the system's. ``args``: where, and which."""


def _chosen() -> KeyringBackend | None:
    """Return the backend that the environment or keyring's own file names, None where neither does. Raises
    ChosenElsewhere.

    It is refused, not overruled: who chose it may rely on nothing being stored, and it may store in plain files.
    """
    name = os.environ.get(VARIABLE, "")
    where = f"The variable {VARIABLE}" if name else f"The file {Path(platform_.config_root()) / 'keyringrc.cfg'}"
    try:
        configured = (load_env() if name else None) or load_config()
    except (ImportError, AttributeError, TypeError, ValueError, configparser.Error) as error:
        raise ChosenElsewhere(where, name or str(error).splitlines()[0]) from None
    if configured is None or type(configured).__module__ in TRUSTED:
        return configured
    raise ChosenElsewhere(where, name or f"{type(configured).__module__}.{type(configured).__name__}")


def _problem_of(error: BaseException, secret: str | None) -> Problem:
    """Return the words for what the keyring said, without the secret."""
    said = (str(error).splitlines() or [""])[0]
    if secret:
        said = said.replace(secret, "•••")
    cause = f"{type(error).__name__}: {said}".rstrip(": ")
    if isinstance(error, ChosenElsewhere):
        return problem("keyring.chosen", where=error.args[0], name=error.args[1], cause=cause)
    if isinstance(error, NoKeyringError) or _service_is_gone(error):
        return problem("keyring.absent", cause=cause)
    if isinstance(error, (KeyringLocked, InitError)):
        return problem("keyring.locked", cause=cause)
    return problem("keyring.refused", answer=(said or type(error).__name__).rstrip("."), cause=cause)


def _service_is_gone(error: BaseException) -> bool:
    """True if there is nobody on the bus to ask (any more)."""
    if isinstance(error, (ConnectionError, EOFError, FileNotFoundError)):
        return True
    reason = error.__cause__ if isinstance(error, InitError) else error
    # secretstorage's and jeepney's own classes, known by name since they exist on Linux only
    names = f"{type(reason).__name__} {getattr(reason, 'name', '')}"
    return any(word in names for word in _GONE)
