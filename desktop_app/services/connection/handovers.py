"""Handovers (``core.handovers``): what of a person's own goes to which session, by consent. Any thread; blocking.

A consent is for one session on one machine (worker, address, host key), remembered without the secret. After each
connect what was agreed to is given again, on a job's thread, because the session may have started anew; a consent for
another machine counts for nothing. Works where the tunnel lives: here, or in the process of ours that holds it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.accounts import handover
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.git_logins import GitIdentity
from desktop_app.domain.accounts.handover import AGENT, CLEARML, GIT, KINDS, Handover, HandoverItem, HandoverKind, State
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.problems import AppError, Problem, failure, problem
from desktop_app.domain.sessions.reducer import Noticed
from desktop_app.domain.sessions.snapshot import Link, SessionId, SessionSnapshot
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.session_tunnel import SessionTunnel
from desktop_app.services.runtime.jobs import JobPool, log_problem
from desktop_app.services.secrets.git_logins import GitKeyring
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract

OP_HANDOVER = "handover"
GIVE_S = 60.0
NOWHERE = "-"  # the "place" of what a person keeps to themselves

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Place:
    """``identity`` is what a consent is tied to, ``text`` what people read."""

    identity: str
    text: str


class Handovers:
    """Gives sessions what belongs to the user, where the user agreed. Blocking. ``account``: id -> account."""

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        links: Connections,
        jobs: JobPool,
        account: Callable[[str], Account],
    ) -> None:
        self._outside = outside
        self._store = store
        self._links = links
        self._jobs = jobs
        self._account = account
        self._actions = {"view": self._view, "give": self._give, "withhold": self._withhold}
        self._givers = {GIT: self._give_git, CLEARML: self._give_clearml, AGENT: self._lend_agent}
        links.questions.add(OP_HANDOVER, self._answer)
        self._clearml_given: dict[SessionId, str] = {}  # the access key that a session got last from this process
        self._unsubscribe = store.subscribe(self._on_change)

    def close(self) -> None:
        """Quick: follow no session any more."""
        self._unsubscribe()

    # -- what faces ask for

    def view(self, session: SessionId, cancel: Cancel) -> Handover:
        """What was given, what waits for consent, and to whom it goes."""
        return handover.read_handover(self._do(session, "view", {}, cancel))

    def give(self, session: SessionId, kind: HandoverKind, cancel: Cancel) -> Handover:
        """The person agrees, for the machine that ``view`` names: give it now and after each reconnect."""
        return handover.read_handover(self._do(session, "give", {"key": kind.key}, cancel))

    def withhold(self, session: SessionId, kind: HandoverKind, cancel: Cancel) -> Handover:
        """The person does not agree (any more); what the session can forget, it forgets."""
        return handover.read_handover(self._do(session, "withhold", {"key": kind.key}, cancel))

    def git(self, account: str) -> GitIdentity:
        """What would be given: the keyring's logins first, then git's own files. Problems: git.*, keyring.*"""
        own = self._outside.read_git()
        kept = GitKeyring(self._outside).kept(account)
        for login in (*kept, *own.logins):
            self._outside.register_secret(login.password)
        return GitIdentity((*kept, *own.logins), own.settings)

    # -- where the tunnel lives

    def _do(self, session: SessionId, action: str, args: Mapping[str, Any], cancel: Cancel) -> Mapping[str, Any]:
        if self._links.held(session) is None:
            return self._links.others.ask_who_holds(OP_HANDOVER, session, {**args, "action": action})
        return self._actions[action](session, args, cancel)

    def _answer(self, session: SessionId, args: Mapping[str, Any]) -> Mapping[str, Any]:
        action = self._actions.get(str(args.get("action")))
        if action is None or str(args.get("key", GIT.key)) not in handover.BY_KEY:
            raise failure("open.not_ready", app="The session", state="held by another version", why="Restart it.")
        return action(session, args, Cancel(GIVE_S))

    def _view(self, session: SessionId, _args: Mapping[str, Any], _cancel: Cancel) -> Mapping[str, Any]:
        place, consents = self._place(session), self._outside.consents.of(session.text)
        wanted = self._outside.profiles.session_options(session.text)
        items = tuple(HandoverItem(kind.key, _state(kind, wanted, consents, place)) for kind in KINDS)
        return Handover(place.text if place else "", items).to_json()

    def _give(self, session: SessionId, args: Mapping[str, Any], cancel: Cancel) -> Mapping[str, Any]:
        kind, tunnel, place = handover.BY_KEY[args["key"]], self._links.held(session), self._place(session)
        if tunnel is not None and tunnel.target is not None and tunnel.target.is_clearml_session:
            raise failure("session.foreign")
        if tunnel is None or place is None:
            raise failure("session.not_attached", task=session.task[:8])
        self._givers[kind](session, tunnel, cancel)
        self._outside.consents.save(session.text, kind.key, place.identity)
        self._take_notice_back(session)
        return self._view(session, args, cancel)

    def _withhold(self, session: SessionId, args: Mapping[str, Any], cancel: Cancel) -> Mapping[str, Any]:
        kind, tunnel = handover.BY_KEY[args["key"]], self._links.held(session)
        self._outside.consents.save(session.text, kind.key, NOWHERE)
        if tunnel is not None and kind is GIT:
            tunnel.control.request(contract.OP_GIT_DELIVER, {"logins": [], "settings": {}}, cancel)
        if tunnel is not None and kind is CLEARML:
            tunnel.control.request(contract.OP_CLEARML_DELIVER, {"access_key": "", "secret_key": ""}, cancel)
        if tunnel is not None and kind is AGENT:
            tunnel.agent.take_back()
        self._take_notice_back(session)
        return self._view(session, args, cancel)

    def _place(self, session: SessionId) -> _Place | None:
        """The machine at the other end of the connection that stands."""
        now, target = self._store.get(session), self._links.target(session)
        if now is None or now.link is not Link.UP or target is None or target.is_clearml_session:
            return None
        record = target.record
        identity = f"{now.facts.worker}|{record.address}|{contract.fingerprint(record.host_key)}"
        return _Place(identity, f"{now.facts.worker or 'the agent'} at {record.address}")

    # -- giving

    def _give_git(self, session: SessionId, tunnel: SessionTunnel, cancel: Cancel) -> None:
        found = self.git(session.account)
        if not found.logins and not found.settings:
            raise failure("git.none")
        logins = [login.to_json() for login in found.logins]
        tunnel.control.request(contract.OP_GIT_DELIVER, {"logins": logins, "settings": dict(found.settings)}, cancel)

    def _give_clearml(self, session: SessionId, tunnel: SessionTunnel, cancel: Cancel) -> None:
        account = self._account(session.account)
        own = account.all_keys[0]  # the one in use
        secret = self._outside.secrets.get(API_SECRET, own.owner)
        if not secret:
            raise failure("server.unauthorised", server=account.api_url)
        key = {"access_key": own.access_key, "secret_key": secret}
        tunnel.control.request(contract.OP_CLEARML_DELIVER, key, cancel)
        self._clearml_given[session] = own.access_key

    def _lend_agent(self, _session: SessionId, tunnel: SessionTunnel, cancel: Cancel) -> None:
        tunnel.agent.lend(cancel)

    # -- following the sessions

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """On a writer's thread: what stands now was down before."""
        if new is None or new.link is not Link.UP or (old is not None and old.link is Link.UP):
            return
        session = new.id
        if self._links.held(session) is not None:
            self._jobs.submit(f"give to {new.name}", lambda cancel: self._connected(session, cancel), log_problem)

    def _connected(self, session: SessionId, cancel: Cancel) -> None:
        found = handover.read_handover(self._view(session, {}, cancel))
        tunnel = self._links.held(session)
        for item in found.items if tunnel is not None else ():
            if item.state is State.GIVEN and tunnel is not None:
                self._give_again(session, handover.BY_KEY[item.key], tunnel, cancel)
        asked = _asks(found)
        if asked is not None:
            self._store.apply(session, Noticed(asked))

    def key_switched(self, account: str) -> None:
        """Quick: sessions that were given another ClearML key than the one in use get that."""
        own = next((one for one in self._outside.profiles.accounts() if one.id == account), None)
        for session in self._links.all_held() if own else ():
            given = self._clearml_given.get(session)
            if session.account == account and given not in (None, own.access_key if own else None):
                self._jobs.submit("give the key in use", self._key_giver(session), log_problem)

    def _key_giver(self, session: SessionId) -> Callable[[Cancel], None]:
        def give(cancel: Cancel) -> None:
            found = handover.read_handover(self._view(session, {}, cancel))
            tunnel = self._links.held(session)
            if tunnel is not None and HandoverItem(CLEARML.key, State.GIVEN) in found.items:
                self._give_again(session, CLEARML, tunnel, cancel)

        return give

    def _give_again(self, session: SessionId, kind: HandoverKind, tunnel: SessionTunnel, cancel: Cancel) -> None:
        try:
            self._givers[kind](session, tunnel, cancel)
        except AppError as error:
            if error.problem.code != "ssh.lost":  # else the next connect is another try
                why = problem("handover.failed", what=kind.what, why=error.problem.detail)
                self._store.apply(session, Noticed(why))

    def _take_notice_back(self, session: SessionId) -> None:
        now = self._store.get(session)
        if now is not None and now.notice is not None and now.notice.code.startswith("handover."):
            found = handover.read_handover(self._view(session, {}, Cancel()))
            self._store.apply(session, Noticed(_asks(found)))


def _asks(found: Handover) -> Problem | None:
    """The notice that asks for consent, None when there is nothing to ask."""
    if not found.asked:
        return None
    return problem("handover.asked", text=handover.sentence(found.asked, found.place))


def _state(kind: HandoverKind, wanted: Mapping[str, Any], consents: Mapping[str, str], place: _Place | None) -> State:
    consent = consents.get(kind.key)
    if consent == NOWHERE:
        return State.WITHHELD
    if place is not None and consent == place.identity:
        return State.GIVEN
    return State.ASKED if place is not None and (consent or wanted.get(kind.key) is True) else State.NONE
