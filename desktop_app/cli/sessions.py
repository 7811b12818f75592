"""Commands that look at sessions or end them: list, info, log, detach, shutdown, open. Main thread."""

import sys
import time
from collections.abc import Mapping

from desktop_app.cli.base import CommandBase
from desktop_app.cli.details import columns, describe, finished_table, session_table
from desktop_app.cli.interrupt import Interruptible
from desktop_app.cli.options import given, names_given
from desktop_app.cli.output import ended_json, json_line, problem_json, result, say, session_json
from desktop_app.domain.launch.option_checks import items, project_path
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionSnapshot, progress_of
from desktop_app.services.state.stops import Abandoned, Stops, gone

END_S = 60.0
WORKSPACE_S = 2700.0  # whatever it tells meanwhile: storing a workspace takes half an hour at most
FOLLOW_S = 2.0
STOP_AGAIN_S = 3.0
GONE_S = 20.0  # a session that lives hears of its end within this time, with or without an agent
NO_ACCOUNT = "There is no account yet: sessiondock accounts import, or try the sandbox: sessiondock launch"


class SessionCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_list(self) -> int:
        if self.arguments.ended:
            return self._list_ended()
        found, problems = self.everybodys() if self.arguments.all_users else self.look()
        found = tuple(snapshot for snapshot in found if self._wanted(snapshot))
        if self.json:
            rows = [{**session_json(s, self.holder_of(s)), "ssh_alias": self._alias(s)} for s in found]
            json_line({"sessions": rows, "problems": {name: problem_json(p) for name, p in problems.items()}})
        else:
            self._print_table(found)
        for name, problem in problems.items():
            say(f"{name}: {problem}")
        known = {snapshot.id.account for snapshot in self.core.store.all() if snapshot.stale_since is not None}
        silent = {account for account in self.away if account not in known}
        return 1 if silent or (problems and self.arguments.all_users) else 0

    def _wanted(self, snapshot: SessionSnapshot) -> bool:
        """By --project and --session-tags, where they are given."""
        values = given(self.arguments, self.core.text_files)
        tags = items(values.get("tags", ""))
        project = project_path(values.get("project", ""))
        return project in ("", project_path(snapshot.facts.project)) and (
            not tags or bool(set(tags) & set(snapshot.facts.tags))
        )

    def _list_ended(self) -> int:
        if self.arguments.all_users or names_given(self.arguments):
            raise failure("usage.together", why="--ended lists all of yours, and only yours.")
        found, problems = self.finished()
        rows = [(account, one) for account, ended in found for one in ended]
        if self.json:
            ended = [ended_json(account.id, one) for account, one in rows]
            json_line({"ended": ended, "problems": {name: problem_json(p) for name, p in problems.items()}})
        elif rows:
            result(finished_table([one for _, one in rows], width=columns()))
        elif not self.say_sandbox_rests():
            say("No session has ended.")
        for name, problem in problems.items():
            say(f"{name}: {problem}")
        return 1 if problems else 0

    def _print_table(self, sessions: tuple[SessionSnapshot, ...]) -> None:
        if not sessions:
            say(f"No sessions. {'Launch one: sessiondock launch' if self.core.accounts.all() else NO_ACCOUNT}")
            return
        rows = [(snapshot, session_json(snapshot, self.holder_of(snapshot))) for snapshot in sessions]
        accounts = {account.id: account.label for account in self.core.accounts.all()}
        result(session_table(rows, accounts, owners=self.arguments.all_users, width=columns()))

    def run_info(self) -> int:
        snapshot = self.session(ended=True, theirs=True)
        holder = self.holder_of(snapshot)
        found = session_json(snapshot, holder)
        found["ssh_alias"] = self._alias(snapshot)
        found["ssh_command"] = self._ssh_command(snapshot) if holder.get("link") == Link.UP.value else None
        if self.json:
            json_line(found)
        else:
            label = {account.id: account.label for account in self.core.accounts.all()}.get(snapshot.id.account, "")
            found["ssh_short"] = self._terminal(snapshot, found)
            result(describe(snapshot, found, label, full=self.arguments.full or hasattr(self.arguments, "verbose")))
        return 0

    def _terminal(self, snapshot: SessionSnapshot, found: Mapping[str, object]) -> str:
        """The shortest command for a shell in it."""
        if not found["ssh_command"]:
            return ""
        return self.core.aliases.short_command(snapshot.id) or f"sessiondock --attach {snapshot.id.task[:8]} --shell"

    def _alias(self, snapshot: SessionSnapshot) -> str | None:
        found = self.core.aliases.of(snapshot.id)
        return found.name if found else None

    def _ssh_command(self, snapshot: SessionSnapshot) -> str | None:
        try:
            return self.core.open_in.ssh_command(snapshot.id, self.cancel())
        except AppError:
            return None

    def run_log(self) -> int:
        snapshot = self.session(ended=True, theirs=True)
        since = 0
        while True:
            # The state comes first: what is written before the end is then in the page that follows.
            ended = snapshot.remote is Remote.ENDED
            since = self._print_log(snapshot, since)
            if ended or not self.arguments.follow:
                return 0
            Interruptible().wait(FOLLOW_S)
            snapshot = self.core.sessions.fetch(snapshot.id, self.cancel())

    def _print_log(self, snapshot: SessionSnapshot, since: int) -> int:
        while page := self.core.sessions.log(snapshot.id, since, self.cancel()):
            for line in page:
                if self.json:
                    json_line({"timestamp": line.timestamp, "level": line.level, "text": line.text})
                else:
                    result(line.text.removesuffix("\n"))
            since = page[-1].timestamp
            sys.stdout.flush()
        return since

    def run_detach(self) -> int:
        snapshot = self.session()
        held = bool(snapshot.held_by)
        self.core.connections.detach(snapshot.id)
        text = "is detached" if held else "was not attached on this computer"
        self._done(snapshot, "detached", f"“{snapshot.name}” {text}; it goes on running.")
        return 0

    def run_shutdown(self) -> int:
        return self.shut_down(self.session(ended=True), wait=not self.arguments.no_wait)

    def shut_down(self, snapshot: SessionSnapshot, *, wait: bool) -> int:
        """Ask for its end, and see it."""
        if snapshot.remote is not Remote.ENDED:
            forced = getattr(self.arguments, "force", False)
            (self.core.sessions.end_anyway if forced else self.core.sessions.stop)(snapshot.id, self.cancel())
        if not wait:
            self._done(snapshot, "shutting down", f"“{snapshot.name}” shuts down.")
            return 0
        self._wait_for_end(snapshot)
        self._done(snapshot, "ended", f"“{snapshot.name}” has ended.")
        return 0

    def _wait_for_end(self, snapshot: SessionSnapshot) -> None:
        patience, at_most, told = Interruptible(END_S), Interruptible(WORKSPACE_S), ""
        stops, abandoned = Stops(time.monotonic, STOP_AGAIN_S), Abandoned(time.monotonic, GONE_S)
        now = snapshot
        while now.remote is not Remote.ENDED:
            if patience.expired or at_most.expired:
                seconds = round(WORKSPACE_S if at_most.expired else END_S)
                raise failure("session.lingers", name=snapshot.name, seconds=seconds)
            if abandoned.due((now,)):
                raise AppError(gone(now))
            patience.wait(1.0)
            try:
                now = self.core.sessions.fetch(snapshot.id, self.cancel())
                if now.remote is Remote.STOPPING and (text := progress_of(now)) != told:  # it stores its workspace
                    patience, told = Interruptible(END_S), text
                    self._shutting_down(now, text)
                for session in stops.due((now,)):
                    self.core.sessions.stop(session, self.cancel())
            except AppError as error:
                if error.problem.code == "task.gone":
                    return
                raise

    def _shutting_down(self, snapshot: SessionSnapshot, text: str) -> None:
        if self.json:
            json_line({"event": "progress", "id": snapshot.id.task, "progress": text})
        else:
            say(f"{text}…")

    def _done(self, snapshot: SessionSnapshot, what: str, text: str) -> None:
        if self.json:
            json_line({"id": snapshot.id.task, "account": snapshot.id.account, "done": what})
        else:
            say(text)
