"""Session keys: where a session's private key comes from, and how the same user gets it on another computer. Blocking.

The key lives in the keyring of the computer that launched the session. So that the same user can attach from another
one, the task holds it as ciphertext in key slots: one per API secret of the user, and one that a passphrase opens.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.secrets import SecretStore, SlotCipher
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts import key_slots
from desktop_app.domain.accounts.key_slots import Slot, SlotKind
from desktop_app.domain.accounts.secrets import CLIENT_KEY
from desktop_app.domain.launch.option_checks import PASSPHRASE_MIN
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import SessionId
from remote_bootstrap import contract

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """Tasks by what came of wrapping their keys again. ``open``: the account's keys open them now; ``shut``: this
    computer could not get at the key; ``failed``: the server or the keyring did not play along."""

    open: tuple[str, ...] = ()
    shut: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class SessionKeys:
    """Stateless but for what it was given; thread-safe. Problems: keyring.*, server.*"""

    def __init__(self, secrets: SecretStore, cipher: SlotCipher) -> None:
        self._secrets = secrets
        self._cipher = cipher

    def parameters(self, task: str, own: Sequence[str], private: str, public: str, passphrase: str) -> dict[str, str]:
        """Return what goes into the task of a new session; empty when nothing of the user's could open a slot. ``own``:
        the secrets of all keys of the account."""
        wanted = [(SlotKind.PASSPHRASE, passphrase)] if passphrase else []
        wanted += [(SlotKind.API_SECRET, secret) for secret in usable(own)]
        slots = [self._cipher.seal(kind, secret, private, task, public) for kind, secret in wanted]
        return {contract.PARAM_KEY_SLOTS: key_slots.dumps(slots[: key_slots.MOST])} if slots else {}

    def find(self, owners: Sequence[str], task: str, own: Sequence[str], server: Server, cancel: Cancel) -> str:
        """Return the private key. ``owners``: where the keyring may have it; it is kept at the first. Problems:
        ssh.no_key, ssh.passphrase"""
        here = next((found for one in owners if (found := self._secrets.get(CLIENT_KEY, one))), "")
        if here:
            return here
        slots, public = _slots_of(server.tasks.parameters(task, cancel))
        found = self._opened(slots, usable(own), task, public)
        if not found:
            raise failure("ssh.passphrase" if any(s.kind is SlotKind.PASSPHRASE for s in slots) else "ssh.no_key")
        _log.info("session %s: its key was opened with the account's API secret", owners[0])
        self._secrets.set(CLIENT_KEY, owners[0], found)
        return found

    def unlock(self, session: SessionId, server: Server, passphrase: str, cancel: Cancel) -> None:
        """Keep the key that this passphrase opens. Problems: ssh.wrong_passphrase"""
        slots, public = _slots_of(server.tasks.parameters(session.task, cancel))
        fitting = (slot for slot in slots if passphrase and slot.kind is SlotKind.PASSPHRASE)
        opened = (self._cipher.open(slot, passphrase, session.task, public) for slot in fitting)
        found = next(filter(None, opened), "")
        if not found:
            raise failure("ssh.wrong_passphrase")
        self._secrets.set(CLIENT_KEY, session.text, found)

    def set_passphrase(self, session: SessionId, server: Server, private: str, new: str, cancel: Cancel) -> None:
        """Let this passphrase, and no earlier one, open a running session's key. Problems: ssh.short_passphrase"""
        if len(new) < PASSPHRASE_MIN:
            raise failure("ssh.short_passphrase", least=PASSPHRASE_MIN)
        slots, public = _slots_of(server.tasks.parameters(session.task, cancel))
        slot = self._cipher.seal(SlotKind.PASSPHRASE, new, private, session.task, public)
        self._write(session.task, server, (slot, *(s for s in slots if s.kind is not SlotKind.PASSPHRASE)), cancel)

    def wrap_again(
        self,
        tasks: Mapping[str, Sequence[str]],
        own: Sequence[str],
        dead: Sequence[str],
        server: Server,
        cancel: Cancel,
    ) -> Wrapped:
        """Let each of the account's secrets open these sessions' keys, and the ``dead`` secrets no more. ``tasks``:
        where the keyring may have each one's key; another computer's is got out of the task itself.

        A session that fails keeps its slots and does not hold up the others. Raises Cancelled only.
        """
        found: dict[str, list[str]] = {"open": [], "shut": [], "failed": []}
        for task, owners in tasks.items():
            try:
                opens = self._wrap_again(task, owners, usable(own), dead, server, cancel)
                found["open" if opens else "shut"].append(task)
            except AppError as error:
                _log.info("session %s keeps its old key slots: %s", task, error)
                found["failed"].append(task)
        return Wrapped(**{name: tuple(rows) for name, rows in found.items()})

    def _wrap_again(
        self, task: str, owners: Sequence[str], own: Sequence[str], dead: Sequence[str], server: Server, cancel: Cancel
    ) -> bool:
        """Wrap one session's key again; True if the account's secrets open it now."""
        slots, public = _slots_of(server.tasks.parameters(task, cancel))
        here = next((found for one in owners if (found := self._secrets.get(CLIENT_KEY, one))), "")
        private = here or self._opened(slots, (*own, *dead), task, public)
        if not private:
            return False
        if not here:
            self._secrets.set(CLIENT_KEY, owners[0], private)
        gone = [slot for slot in slots if any(self._cipher.open(slot, one, task, public) for one in dead)]
        missing = [secret for secret in own if not self._opened(slots, (secret,), task, public)]
        if gone or missing:
            new = [self._cipher.seal(SlotKind.API_SECRET, one, private, task, public) for one in missing]
            self._write(task, server, (*new, *(slot for slot in slots if slot not in gone)), cancel)
        return bool(own)

    def _opened(self, slots: Iterable[Slot], secrets: Iterable[str], task: str, public: str) -> str:
        """Return what one of these API secrets opens, "" = none of them does."""
        fitting = [slot for slot in slots if slot.kind is SlotKind.API_SECRET]
        tries = (self._cipher.open(slot, secret, task, public) for secret in secrets for slot in fitting)
        return next(filter(None, tries), "")

    @staticmethod
    def _write(task: str, server: Server, slots: Sequence[Slot], cancel: Cancel) -> None:
        """Write the slots. Where there are too many, the oldest go; a passphrase was chosen by the user and stays."""
        order = sorted(slots, key=lambda slot: slot.kind is not SlotKind.PASSPHRASE)
        text = key_slots.dumps(order[: key_slots.MOST])
        server.tasks.write_parameters(task, {contract.PARAM_KEY_SLOTS: text}, cancel)


def usable(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return those of these API secrets that nobody can guess."""
    return tuple(secret for secret in secrets if key_slots.generated(secret))


def _slots_of(parameters: Mapping[str, str]) -> tuple[tuple[Slot, ...], str]:
    public = parameters.get(contract.PARAM_AUTHORIZED_KEY, "")
    return key_slots.loads(parameters.get(contract.PARAM_KEY_SLOTS, "")), public
