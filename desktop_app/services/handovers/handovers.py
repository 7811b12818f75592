"""Handovers (``core.handovers``): what of the user's own goes to which session, by consent. Any thread; blocking.

A consent is for one session on one machine (worker, address, host key), remembered without the secret. After each
connect what was agreed to is handed over again, on a job's thread, because the session may have started anew; a
consent for another machine counts for nothing. Each request is an operation of ``Connections.call``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.accounts import handover
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.handover import CLEARML, KINDS, Handover, HandoverItem, HandoverKind, State
from desktop_app.domain.problems import AppError, Problem, failure, problem
from desktop_app.domain.sessions.reducer import Noticed
from desktop_app.domain.sessions.snapshot import Link, SessionId, SessionSnapshot
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.peer_requests import Args, Operation
from desktop_app.services.handovers.delivery import Delivery
from desktop_app.services.runtime.jobs import JobPool, log_problem
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract

ANSWER_S = 60.0
NOWHERE = "-"  # the "place" of what a user keeps to themselves


@dataclass(frozen=True, slots=True)
class _Place:
    """``identity`` is what a consent is tied to, ``text`` what users read."""

    identity: str
    text: str


class Handovers:
    """Gives sessions what belongs to the user, where the user agreed. Blocking. ``account``: id -> account."""

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        connections: Connections,
        jobs: JobPool,
        account: Callable[[str], Account],
    ) -> None:
        self._outside = outside
        self._store = store
        self._connections = connections
        self._jobs = jobs
        self._account = account
        self._delivery = Delivery(outside)
        self.git = self._delivery.git_identity
        add = connections.requests.add
        read = handover.read_handover
        self._view = add(Operation("handover-view", self._view_here, Handover.to_json, read, ANSWER_S))
        self._give = add(Operation("handover-give", self._give_here, Handover.to_json, read, ANSWER_S))
        self._withhold = add(Operation("handover-withhold", self._withhold_here, Handover.to_json, read, ANSWER_S))
        self._unsubscribe = store.subscribe(self._on_change)

    def close(self) -> None:
        """Follow no session any more. Never blocks."""
        self._unsubscribe()

    # -- what faces ask for

    def view(self, session: SessionId, cancel: Cancel) -> Handover:
        """Return what the session has, what waits for consent, and the machine that it goes to.

        Problems: session.not_attached, tunnel.owned
        """
        return self._connections.call(session, self._view, {}, cancel)

    def give(self, session: SessionId, kind: HandoverKind, cancel: Cancel) -> Handover:
        """Remember that the user agrees, for the machine that ``view`` names; hand over now and after each reconnect.

        Problems: session.foreign, session.not_attached, tunnel.owned, git.*, keyring.*, agent.none, ssh.*
        """
        return self._connections.call(session, self._give, {"key": kind.key}, cancel)

    def withhold(self, session: SessionId, kind: HandoverKind, cancel: Cancel) -> Handover:
        """Remember that the user does not agree (any more); what the session can forget, it forgets.

        Problems: session.not_attached, tunnel.owned, ssh.*
        """
        return self._connections.call(session, self._withhold, {"key": kind.key}, cancel)

    # -- where the connection is held

    def _view_here(self, session: SessionId, _args: Args, _cancel: Cancel) -> Handover:
        return self._handover(session)

    def _give_here(self, session: SessionId, args: Args, cancel: Cancel) -> Handover:
        kind, tunnel, place = _kind(args), self._connections.tunnel(session), self._place(session)
        if tunnel is not None and tunnel.target is not None and tunnel.target.is_clearml_session:
            raise failure("session.foreign")
        if tunnel is None or place is None:
            raise failure("session.not_attached", task=session.task[:8])
        self._delivery.deliver(kind, session, self._account(session.account), tunnel, cancel)
        self._outside.memory.handovers.save(session.text, kind.key, place.identity)
        self._update_notice(session)
        return self._handover(session)

    def _withhold_here(self, session: SessionId, args: Args, cancel: Cancel) -> Handover:
        kind, tunnel = _kind(args), self._connections.tunnel(session)
        self._outside.memory.handovers.save(session.text, kind.key, NOWHERE)
        if tunnel is not None:
            self._delivery.take_back(kind, tunnel, cancel)
        self._update_notice(session)
        return self._handover(session)

    def _handover(self, session: SessionId) -> Handover:
        """Return how each kind stands, for the machine at the other end of the connection that is up."""
        place, consents = self._place(session), self._outside.memory.handovers.of(session.text)
        options = self._outside.memory.sessions.options(session.text)
        items = tuple(HandoverItem(kind.key, _state(kind, options, consents, place)) for kind in KINDS)
        return Handover(place.text if place else "", items)

    def _place(self, session: SessionId) -> _Place | None:
        """Return the machine at the other end of the connection that is up, None where none is."""
        snapshot, tunnel = self._store.get(session), self._connections.tunnel(session)
        target = tunnel.target if tunnel is not None else None
        if snapshot is None or snapshot.link is not Link.UP or target is None or target.is_clearml_session:
            return None
        record, worker = target.record, snapshot.facts.worker
        identity = f"{worker}|{record.address}|{contract.fingerprint(record.host_key)}"
        return _Place(identity, f"{worker or 'the agent'} at {record.address}")

    # -- following the sessions

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """Hand over what was agreed to once a connection is up. On a writer's thread; the work is a job's."""
        if new is None or new.link is not Link.UP or (old is not None and old.link is Link.UP):
            return
        session = new.id
        if self._connections.tunnel(session) is not None:
            self._jobs.submit(f"hand over to {new.name}", lambda cancel: self._connected(session, cancel), log_problem)

    def _connected(self, session: SessionId, cancel: Cancel) -> None:
        current = self._handover(session)
        for item in current.items:
            if item.state is State.GIVEN:
                self._deliver_again(session, handover.BY_KEY[item.key], cancel)
        question = _question(current)
        if question is not None:
            self._store.apply(session, Noticed(question))

    def key_switched(self, account: str) -> None:
        """Bring the ClearML key in use into sessions that were given another one, as a job. Never blocks."""
        own = next((known for known in self._outside.memory.accounts.all() if known.id == account), None)
        for session in self._connections.held_here() if own else ():
            given = self._delivery.clearml_key(session)
            if session.account == account and given not in ("", own.access_key if own else ""):
                self._jobs.submit("hand over the key in use", self._key_job(session), log_problem)

    def _key_job(self, session: SessionId) -> Callable[[Cancel], None]:
        def deliver(cancel: Cancel) -> None:
            if HandoverItem(CLEARML.key, State.GIVEN) in self._handover(session).items:
                self._deliver_again(session, CLEARML, cancel)

        return deliver

    def _deliver_again(self, session: SessionId, kind: HandoverKind, cancel: Cancel) -> None:
        tunnel = self._connections.tunnel(session)
        if tunnel is None:  # it was detached meanwhile
            return
        try:
            self._delivery.deliver(kind, session, self._account(session.account), tunnel, cancel)
        except AppError as error:
            if error.problem.code != "ssh.lost":  # else the next connect is another try
                why = problem("handover.failed", what=kind.what, why=error.problem.detail)
                self._store.apply(session, Noticed(why))

    def _update_notice(self, session: SessionId) -> None:
        """Replace a notice about handovers by what there is to ask now."""
        snapshot = self._store.get(session)
        if snapshot is not None and snapshot.notice is not None and snapshot.notice.code.startswith("handover."):
            self._store.apply(session, Noticed(_question(self._handover(session))))


def _kind(args: Args) -> HandoverKind:
    kind = handover.BY_KEY.get(str(args.get("key")))
    if kind is None:
        raise failure("open.not_ready", app="The session", state="held by another version", why="Restart it.")
    return kind


def _question(current: Handover) -> Problem | None:
    """Return the notice that asks for consent, None when there is nothing to ask."""
    if not current.asked:
        return None
    return problem("handover.asked", text=handover.sentence(current.asked, current.place))


def _state(kind: HandoverKind, options: Mapping[str, Any], consents: Mapping[str, str], place: _Place | None) -> State:
    consent = consents.get(kind.key)
    if consent == NOWHERE:
        return State.WITHHELD
    if place is not None and consent == place.identity:
        return State.GIVEN
    return State.ASKED if place is not None and (consent or options.get(kind.key) is True) else State.NONE
