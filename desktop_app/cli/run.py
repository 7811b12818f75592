"""Commands that stay: launch and attach. They hold the session's tunnel in the foreground where no window does.

Main thread. With --json each event is one line of JSON with a key ``event``: launched, progress, notice, ready, and at
the end held (another process has the connection), detached or ended.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from desktop_app.boundary.computer import Waiting
from desktop_app.cli.again import AgainCommands
from desktop_app.cli.base import TASK_LENGTH, matching, others_session, unknown_session
from desktop_app.cli.cleanup import CleanupCommands
from desktop_app.cli.details import connection_text
from desktop_app.cli.files import UploadWatch
from desktop_app.cli.gifts import GiftCommands
from desktop_app.cli.interrupt import Interruptible
from desktop_app.cli.keyboard import Pokes
from desktop_app.cli.keys import KeyCommands
from desktop_app.cli.options import spec_of
from desktop_app.cli.output import json_line, problem_json, said_by, say, session_json
from desktop_app.cli.typed import COMMANDS, Typed, say_it_goes_on
from desktop_app.compose import new_keyboard
from desktop_app.domain.accounts.account import Account, Queue
from desktop_app.domain.launch.exposed import warnings_of
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.launch.options import LaunchSpec, options
from desktop_app.domain.launch.queues import offered
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, Problem, Retry, failure
from desktop_app.domain.sessions.snapshot import (
    WAITING,
    End,
    Link,
    Remote,
    SessionId,
    SessionSnapshot,
    local_address,
    openable,
    progress_of,
)
from desktop_app.services.launching.launcher import requirement_notes
from remote_bootstrap.contract import APP_FAILED, APP_SETTLED, READY
from remote_bootstrap.contract.apps import APPS, BY_KEY

FOREVER = float("inf")
LAUNCH_S = 120.0
_LINK_TEXT = {Link.CONNECTING: "Connecting", Link.RETRYING: "Reconnecting"}


class RunCommands(AgainCommands, KeyCommands, GiftCommands, CleanupCommands):
    """One method per command; each returns the exit code."""

    def run_launch(self) -> int:
        account, start = self._start()
        spec = self.with_queue(account, spec_of(self.arguments, start, self.core.text_files))
        attach = not self.arguments.no_attach
        session = self.launch(account, spec, attach=attach)
        if self.arguments.no_attach and not self.arguments.wait and not spec.upload_files:
            return 0
        return self.stay(session, hold=attach and not self.arguments.wait)

    def _start(self) -> tuple[Account, LaunchSpec]:
        """What the flags change. A launch from a script is not what the next wizard begins with, unless it says so."""
        if hasattr(self.arguments, "again"):
            return self.again()
        account = self.account()
        return account, replace(self.start_spec(LaunchSpec), store_defaults=False)

    def launch(self, account: Account, spec: LaunchSpec, *, attach: bool = True, asks: bool = False) -> SessionId:
        """Launch and say so."""
        spec = self._continued(spec)
        for text in (*warnings_of(spec), *requirement_notes(spec, self.core.text_files)):
            say(text)
        if spec.cli_compatible:
            option = options()["cli_compatible"]
            say(f"{option.flag}: {option.help}")
        if account.sandbox and spec.docker:
            say("The sandbox's agent runs without Docker, so the image is not used.")
        before = account.sandbox and any(
            one.id.account == account.id and one.remote is not Remote.ENDED for one in self.look()[0]
        )
        self.clean_up_before(account, spec, asks=asks)
        self.core.accounts.watch(account.id)
        session = self._made(account, spec, attach=attach)
        seen = self.core.store.get(session)
        self._event("launched", session, seen, **self.told_again())
        if not self.json:
            say(f"Launched “{clean_line(seen.name if seen else spec.name)}” ({session.task}).")
        if before:
            say("The sandbox runs one session at a time: this one begins when those before it have ended.")
        return session

    def _continued(self, spec: LaunchSpec) -> LaunchSpec:
        """The session to continue may be named as everywhere: by the beginning of its id, or its name.
        Problems: session.*"""
        text = spec.continue_session
        if not text or len(text) == TASK_LENGTH:
            return spec
        looked, problems = self.look()
        found = matching(looked, text)
        earlier = found[0] if len(found) == 1 else None if found else self._ended(text)
        if earlier is None:
            other = self.somebodys(text, problems) if not found else None
            raise others_session(other) if other else unknown_session(text, found)
        return replace(spec, continue_session=earlier.id.task)

    def _made(self, account: Account, spec: LaunchSpec, *, attach: bool) -> SessionId:
        try:
            return self.core.launches.launch(
                account.id, spec, Interruptible(LAUNCH_S), attach=attach, profile=self.profile
            )
        except AppError as error:
            raise self._with_queues(error, account, spec) from None

    def _with_queues(self, error: AppError, account: Account, spec: LaunchSpec) -> AppError:
        """An unknown queue is told with those that there are."""
        if error.problem.code != "queue.unknown":
            return error
        names = [clean_line(queue.name) for queue in self.offered(account, spec)]
        detail = f"There is no “{clean_line(spec.queue)}” but: {', '.join(names)}.{nearest(spec.queue, names)}"
        return AppError(replace(error.problem, detail=detail if names else error.problem.detail))

    def run_enqueue(self) -> int:
        """Into a queue, from another one or from none."""
        snapshot, queue = self.session(), self.arguments.queue
        try:
            self.core.sessions.move_to_queue(snapshot.id, queue, self.cancel())
        except AppError as error:
            account = self.core.accounts.find(snapshot.id.account)
            raise self._with_queues(error, account, LaunchSpec(queue=queue)) from None
        now = self.core.store.get(snapshot.id) or snapshot
        if self.json:
            json_line({"done": "enqueued", **session_json(now)})
            return 0
        watched = "" if now.facts.queue_watched else " No agent serves it now."
        say(f"“{snapshot.name}” waits in the queue “{queue}”.{watched}")
        return 0

    def with_queue(self, account: Account, spec: LaunchSpec) -> LaunchSpec:
        """A queue where none was said: the remembered one (not for ``launch``, which depends on no earlier launch), or
        the only sensible one. Problems: launch.invalid"""
        if spec.queue:
            return spec
        queues = self.offered(account, spec)
        names = [queue.name for queue in queues]
        served = [queue.name for queue in queues if queue.served]
        last = "" if self.arguments.command else self.core.launches.last_spec(account.id).queue
        for name in (last, *served[:1] * (len(served) == 1), "default"):
            if name in names:
                return replace(spec, queue=name)
        raise failure("launch.invalid", why=f"Choose a queue with --queue: {', '.join(names) or 'there is none'}.")

    def offered(self, account: Account, spec: LaunchSpec) -> tuple[Queue, ...]:
        """The queues that a launch may choose from."""
        return offered(
            self.core.launches.queues(account.id, self.cancel()), spec.queue_include_tag, spec.queue_excluded_tag
        )

    def run_attach(self) -> int:
        snapshot = self.session()
        session = snapshot.id
        if snapshot.held_by:
            return self.held_elsewhere(session, snapshot.held_by)
        self.core.accounts.watch(session.account)
        pid = self.attach_or_holder(session)
        return self.held_elsewhere(session, pid) if pid else self.stay(session, hold=True)

    def attach_or_holder(self, session: SessionId) -> int:
        """Attach; the process that was quicker, when one was, and 0 when we hold it. Problems: as attach's"""
        try:
            self.attach_unlocked(session)
        except AppError as error:
            if error.problem.code != "tunnel.owned":
                raise
            holder = self.core.connections.peers.of(session)  # it says who it is a moment after it has taken it
            if holder is None or not holder.pid:
                raise
            return holder.pid
        return 0

    def held_elsewhere(self, session: SessionId, pid: int) -> int:
        """Another process has the tunnel already: that is what was asked for."""
        holder = self.core.connections.status(session)
        snapshot = self.core.store.get(session)
        if self.json and snapshot is not None:
            json_line({"event": "held", "pid": pid, **session_json(snapshot, holder)})
        else:
            say(f"Process {pid} on this computer holds this session already ({connection_text(holder)}).")
            if (why := said_by(holder)) is not None:
                say(f"{why}")
            for app, port in dict(holder.get("ports") or {}).items():
                name = BY_KEY[app].label if app in BY_KEY else app
                say(f"  {name}: {local_address(app, port)}")
        return 0

    # -- staying

    def stay(self, session: SessionId, *, hold: bool, commands: bool = False, link_only: bool = False) -> int:
        """Tell what happens until the session is ready (``link_only``: connected), and with ``hold`` until somebody
        ends or detaches it. ``commands``: a person at the terminal may say what to do meanwhile."""
        watch = _Watch(self, hold=hold, link_only=link_only)
        typed = Typed(self.core, session, self.cancel, self.give_asked) if commands else None
        try:
            return self._follow(session, watch, typed)
        except KeyboardInterrupt:
            say_it_goes_on(session)
            raise

    def _follow(self, session: SessionId, watch: "_Watch", typed: Typed | None) -> int:
        patience: Waiting = new_keyboard(typed.line) if typed else Pokes()
        uploads = UploadWatch(self.core, session, self.json)

        def look(now: SessionSnapshot) -> int | None:
            code = uploads.code(watch.look(now))
            return code if code is not None or typed is None else typed.answer

        try:
            code = self.wait(session, look, FOREVER, patience)
        finally:
            patience.close()
        return watch.gone(session) if code is None else code - 1

    def removed(self, session: SessionId) -> None:
        """Its account is known no more."""
        self._event("detached", session, None)
        if not self.json:
            say("Its account was removed from SessionDock; the session goes on running.")

    def _event(self, event: str, session: SessionId, snapshot: SessionSnapshot | None, **more: object) -> None:
        if self.json:
            found = session_json(snapshot) if snapshot else {"id": session.task, "account": session.account}
            json_line({"event": event, **more, **found})


class _Watch:
    """What a person at the terminal hears about one session; looked at a few times per second."""

    def __init__(self, command: RunCommands, *, hold: bool, link_only: bool) -> None:
        self._command = command
        self._hold = hold
        self._link_only = link_only
        self._attaching = not getattr(command.arguments, "no_attach", False)
        self._told = self._told_notice = ""
        self._was_ready = self._was_up = False
        self._says_ready = True  # once per run of the session
        self._was_held = False
        self._answers = True

    def look(self, now: SessionSnapshot) -> int | None:
        """The exit code plus one, or None to go on."""
        self._was_held = self._was_held or now.link is not Link.OFF
        self._server(now)
        if now.remote is Remote.ENDED:
            return self._ended(now)
        if now.held_by:
            return 1 if self._link_only else self._handed_over(now)
        if self._hold and self._was_held and now.link is Link.OFF:
            self._say("detached", now, f"“{now.name}” was detached; it goes on running.")
            return 1
        self._was_up = self._was_up or now.link is Link.UP
        if now.link is Link.BLOCKED and now.problem is not None and not self._may_be_accepted(now.problem):
            raise AppError(now.problem)
        self._progress(now)
        self._command.agree_if_told(now)
        if self._link_only:
            return 1 if now.link is Link.UP else None
        if now.notice is not None and now.notice.code == "session.restarted":
            self._says_ready = True
        elif self._is_ready(now) and self._says_ready:
            self._was_ready, self._says_ready = True, False
            self._ready(now)
        return 1 if self._was_ready and not self._hold else None

    def _may_be_accepted(self, why: Problem) -> bool:
        """A new run of a session that we held is waited for until a person accepts it, here or elsewhere."""
        return why.code == "ssh.new_run" and self._hold and self._was_up

    def _is_ready(self, now: SessionSnapshot) -> bool:
        """Every application is settled, and connected if we connect."""
        settled = bool(now.endpoints) and all(e.state in APP_SETTLED for e in now.endpoints)
        connected = now.link is Link.UP or not self._attaching
        report = now.facts.report  # its phase also waits for what comes before applications
        return now.remote is Remote.READY and settled and connected and report is not None and report.phase == READY

    def _server(self, now: SessionSnapshot) -> None:
        """That it went away, or refuses our key, is told; the connection does not need it."""
        why = self._command.core.accounts.problem(now.id.account) if now.stale_since is not None else None
        if self._answers is not (now.stale_since is None) and (why is not None or not self._answers):
            self._answers = now.stale_since is None
            if self._command.json:
                problem = problem_json(why) if why else None
                json_line({"event": "server", "id": now.id.task, "answers": self._answers, "problem": problem})
            elif why is not None:
                say(f"{why} The session does not need it: the connection goes on.")
            else:
                say("The ClearML server answers again.")

    def _progress(self, now: SessionSnapshot) -> None:
        text = clean_line(progress_of(now))
        stuck = now.remote in WAITING or now.link is Link.BLOCKED
        if stuck and now.problem is not None and now.problem.retry is Retry.USER:
            text = clean_line(str(now.problem))  # nothing goes on until somebody has read it
        if self._attaching and now.remote is Remote.READY and now.link is Link.OFF:
            return  # the connection begins in this very moment
        if now.link in (Link.CONNECTING, Link.RETRYING):
            text = f"{_LINK_TEXT[now.link]} ({text})"
        if text != self._told:
            self._told = text
            self._say("progress", now, text)
        notice = clean_line(str(now.notice)) if now.notice else ""
        if notice != self._told_notice:
            self._told_notice = notice
            self._say("notice", now, notice)

    def _ready(self, now: SessionSnapshot) -> None:
        lines = [f"“{clean_line(now.name)}” is ready."]
        for endpoint in now.endpoints:
            if endpoint.state == APP_FAILED:
                lines.append(f"  {endpoint.label} failed: {clean_line(endpoint.detail)}")
            elif endpoint.local_port and self._hold:  # without, nothing answers there in a moment
                lines.append(f"  {endpoint.label}: {local_address(endpoint.app, endpoint.local_port)}")
        if self._hold:
            lines.append(f"{_what_next(now)}. Ctrl-C disconnects.")
            if self._command.listens:
                lines.append(COMMANDS)
        else:
            lines.append(f"Connect: sessiondock attach {now.id.task[:8]}")
        self._say("ready", now, "\n".join(lines))

    def _handed_over(self, now: SessionSnapshot) -> int | None:
        """A window holds the tunnel: wait until it is up there (with --wait: until every application is ready)."""
        try:
            holder = self._command.core.connections.status(now.id)
        except AppError:
            return None  # it let go in this very moment; the next look tells
        link = str(holder.get("link", Link.OFF.value))
        if link in (Link.OFF.value, Link.CONNECTING.value):
            return None
        settled = bool(now.endpoints) and all(e.state in APP_SETTLED for e in now.endpoints)
        if getattr(self._command.arguments, "wait", False) and not settled:
            return None
        self._say("held", now, f"Process {now.held_by} on this computer holds the connection ({link}).", holder)
        return 1

    def _ended(self, now: SessionSnapshot) -> int:
        text = f"“{clean_line(now.name)}” has ended: {clean_line(progress_of(now))}."
        if now.facts.end is End.FAILED:
            problem = now.problem
            if problem is not None:
                raise AppError(problem)
            return 2
        self._say("ended", now, text)
        return 1 if self._was_ready else 2

    def gone(self, session: SessionId) -> int:
        """The task was deleted, or another process of ours removed its account."""
        if all(account.id != session.account for account in self._command.core.accounts.all()):
            self._command.removed(session)
            return 0
        raise failure("task.gone", cause=session.text)

    def _say(self, event: str, now: SessionSnapshot, text: str, holder: Mapping[str, Any] | None = None) -> None:
        if self._command.json:
            problem = problem_json(now.problem) if now.problem else None
            if event == "progress":
                json_line({"event": event, "id": now.id.task, "progress": text, "problem": problem})
            else:
                json_line({"event": event, **session_json(now, holder)})
        elif text:
            say(text)


def _what_next(now: SessionSnapshot) -> str:
    if any(openable(now, spec.key) for spec in APPS if spec.opens == "browser"):
        return f"Open an application, logged in: sessiondock open {now.id.task[:8]}"
    return f"A shell in it: sessiondock --attach {now.id.task[:8]} --shell"
