"""Session keys: where a session's private key comes from, and how the same user gets it on another computer. Blocking.

The key lives in the keyring of the computer that launched the session. So that the same user can attach from another
one, the task holds it as ciphertext in key slots: one per API secret of the user, and one that a passphrase opens.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from desktop_app.domain import key_slots
from desktop_app.domain.key_slots import Slot, SlotKind
from desktop_app.domain.option_checks import PASSPHRASE_MIN
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.secrets import API_SECRET, CLIENT_KEY
from desktop_app.domain.session import SessionId
from desktop_app.ports import Cancel, SecretStore, Server
from remote_bootstrap import contract

_log = logging.getLogger(__name__)


class SlotCipher(Protocol):
    """See adapters/ssh/key_slots.py."""

    def seal(self, kind: SlotKind, secret: str, private_key: str, task: str, public_key: str) -> Slot:
        """A slot that ``secret`` opens, for this task and this key pair only."""

    def open(self, slot: Slot, secret: str, task: str, public_key: str) -> str:
        """The private key; "" when the secret does not open the slot."""


class SessionKeys:
    """Stateless but for what it was given; thread-safe."""

    def __init__(self, secrets: SecretStore, cipher: SlotCipher) -> None:
        self._secrets = secrets
        self._cipher = cipher

    def parameters(self, session: SessionId, private: str, public: str, passphrase: str) -> dict[str, str]:
        """What goes into the task of a new session; empty when nothing of the user's could open a slot."""
        wanted = ((SlotKind.PASSPHRASE, passphrase), (SlotKind.API_SECRET, self._own(session.account)))
        slots = [self._cipher.seal(kind, secret, private, session.task, public) for kind, secret in wanted if secret]
        return {contract.PARAM_KEY_SLOTS: key_slots.dumps(slots)} if slots else {}

    def find(self, session: SessionId, relatives: Iterable[str], server: Server, cancel: Cancel) -> str:
        """The private key. ``relatives``: the same user's other accounts on that server, by id.

        Problems: ssh.no_key, ssh.passphrase, keyring.*, server.*
        """
        for account in (session.account, *relatives):
            here = self._secrets.get(CLIENT_KEY, SessionId(account, session.task).text)
            if here:
                return here
        slots, public = _slots_of(server.parameters(session.task, cancel))
        found = self._opened(slots, SlotKind.API_SECRET, self._own(session.account), session.task, public)
        if not found:
            raise failure("ssh.passphrase" if any(s.kind is SlotKind.PASSPHRASE for s in slots) else "ssh.no_key")
        _log.info("session %s: its key was opened with the account's API secret", session.text)
        self._secrets.set(CLIENT_KEY, session.text, found)
        return found

    def unlock(self, session: SessionId, server: Server, passphrase: str, cancel: Cancel) -> None:
        """Keep the key that this passphrase opens. Problems: ssh.wrong_passphrase, keyring.*, server.*"""
        slots, public = _slots_of(server.parameters(session.task, cancel))
        found = self._opened(slots, SlotKind.PASSPHRASE, passphrase, session.task, public)
        if not found:
            raise failure("ssh.wrong_passphrase")
        self._secrets.set(CLIENT_KEY, session.text, found)

    def set_passphrase(self, session: SessionId, server: Server, private: str, new: str, cancel: Cancel) -> None:
        """Let this passphrase, and no earlier one, open a running session's key. Problems: ssh.short_passphrase"""
        if len(new) < PASSPHRASE_MIN:
            raise failure("ssh.short_passphrase", least=PASSPHRASE_MIN)
        slots, public = _slots_of(server.parameters(session.task, cancel))
        slot = self._cipher.seal(SlotKind.PASSPHRASE, new, private, session.task, public)
        self._write(session, server, (slot, *(s for s in slots if s.kind is not SlotKind.PASSPHRASE)), cancel)

    def wrap_again(
        self, sessions: Iterable[SessionId], account: str, dead: Sequence[str], server: Server, cancel: Cancel
    ) -> int:
        """Let the account's API secret open these sessions' keys, and the ``dead`` secrets no more; how many changed.

        A session that fails keeps its slots and does not hold up the others.
        """
        changed = 0
        for session in sessions:
            try:
                changed += self._wrap_again(session, self._own(account), dead, server, cancel)
            except AppError as error:
                _log.warning("session %s keeps its old key slots: %s", session.text, error)
        return changed

    def _wrap_again(self, session: SessionId, own: str, dead: Sequence[str], server: Server, cancel: Cancel) -> bool:
        private = self._secrets.get(CLIENT_KEY, session.text)
        if not private or not own:
            return False
        slots, public = _slots_of(server.parameters(session.task, cancel))
        gone = {slot for slot in slots for secret in dead if self._cipher.open(slot, secret, session.task, public)}
        if self._opened(slots, SlotKind.API_SECRET, own, session.task, public) and not gone:
            return False
        slot = self._cipher.seal(SlotKind.API_SECRET, own, private, session.task, public)
        self._write(session, server, (slot, *(s for s in slots if s not in gone)), cancel)
        return True

    def _own(self, account: str) -> str:
        """The account's API secret if nobody can guess it, else ""."""
        found = self._secrets.get(API_SECRET, account) or ""
        return found if key_slots.generated(found) else ""

    def _opened(self, slots: Iterable[Slot], kind: SlotKind, secret: str, task: str, public: str) -> str:
        fitting = (slot for slot in slots if secret and slot.kind is kind)
        return next(filter(None, (self._cipher.open(slot, secret, task, public) for slot in fitting)), "")

    @staticmethod
    def _write(session: SessionId, server: Server, slots: Sequence[Slot], cancel: Cancel) -> None:
        text = key_slots.dumps(slots[: key_slots.MOST])
        server.write_parameters(session.task, {contract.PARAM_KEY_SLOTS: text}, cancel)


def _slots_of(parameters: Mapping[str, str]) -> tuple[tuple[Slot, ...], str]:
    public = parameters.get(contract.PARAM_AUTHORIZED_KEY, "")
    return key_slots.loads(parameters.get(contract.PARAM_KEY_SLOTS, "")), public
