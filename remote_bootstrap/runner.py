"""One session from beginning to end, on the worker's main thread: everything else is a thread that it starts.

Signals and every other reason to end meet in one event; the end is the same for all of them.
"""

import os
import threading
import time
import traceback
from pathlib import Path
from typing import Callable, List, Optional, TypeVar

from remote_bootstrap import archives, contract
from remote_bootstrap.announcer import Announcer
from remote_bootstrap.apps.ssh import Ssh
from remote_bootstrap.apps.table import WORK
from remote_bootstrap.channel.control import ControlServer
from remote_bootstrap.channel.operations.operation import Host
from remote_bootstrap.contract import clearml_session
from remote_bootstrap.contract.apps import BY_KEY, JUPYTERLAB, SSH, VSCODE
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.machine import containers, network
from remote_bootstrap.machine.folders import (
    CODE,
    LOGS,
    WORKSPACE,
    cache_folder,
    clean_folder,
    own_cache,
    private,
    session_folder,
)
from remote_bootstrap.preparation import Preparation
from remote_bootstrap.process import processes, remains, signals
from remote_bootstrap.session.context import HOME, Context
from remote_bootstrap.session.supervise import Service
from remote_bootstrap.steps import debugging, identities, inherited, programs, workspace
from remote_bootstrap.steps.workspace import Workspace
from remote_bootstrap.task import settings
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.task.report import Extra, Publisher, ServerError, TaskFacts, TaskServer, TaskStatus, nothing_more
from remote_bootstrap.task.watcher import ABORT_WORD, ABORTED, IN_PROGRESS, Looks, Watcher

T = TypeVar("T")
Connect = Callable[[str], TaskServer]

REAP_INTERVAL = 2.0  # seconds between two looks for dead orphans
END_WAIT = 4.5  # seconds for the services to end by themselves; all of it must fit into ten
LEFTOVER_GRACE = 1.0
LEFTOVER = (
    "This session has ended before, and it was not enqueued again: an entry that was left in the queue started it. "
    "It ends at once. To run it again, enqueue it again."
)


def log(text: str) -> None:
    """Write a line into the task's log, in one write: several threads do."""
    print("SessionDock: %s\n" % text, end="", flush=True)


class Session:
    """Owns the session's parts."""

    def __init__(self, task: str, connect: Connect, looks: Looks) -> None:
        self._task = task
        self._connect = connect
        self._looks = looks
        self._begun = time.monotonic()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._preparation: Optional[Preparation] = None
        self._reason = ""
        self._failed = False
        self._folder = session_folder(task)
        self._progress = Progress(begun=self._begun)
        self._services: List[Service] = []
        self._server: Optional[TaskServer] = None
        self._publisher: Optional[Publisher] = None
        self._watcher: Optional[Watcher] = None
        self._control: Optional[ControlServer] = None
        self._announcer: Optional[Announcer] = None
        self._workspace: Optional[Workspace] = None

    def run(self) -> int:
        """Run to the end; return the exit code: 0 if the session ended because its user wanted it to."""
        signals.listen(lambda name: self.end("%s (%s)" % (contract.SIGNALLED, name)))
        os.environ[processes.SESSION_VARIABLE] = self._task  # inherited by everything, installers too
        try:
            self._start()
            self._wait()
        except (settings.SettingsError, OSError) as error:
            self._fail(str(error))
        finally:
            self._finish()
        return 1 if self._failed else 0

    def end(self, reason: str) -> None:
        """Ask the session to end. Any thread; the first reason counts."""
        if not self._stop.is_set():
            self._reason = reason
        self._stop.set()
        self._wake.set()

    def _fail(self, reason: str) -> None:
        self._failed = True
        self.end(reason)

    def _start(self) -> None:
        private(self._folder)
        private(self._folder / LOGS)
        configured = cache_folder()
        if own_cache() != configured:
            log("%s is not a folder of this user; what is installed is kept in %s" % (configured, cache_folder()))
        threading.Thread(target=remains.sweep, args=(self._folder, log), name="remains", daemon=True).start()
        threading.Thread(target=self._log_in, name="login", daemon=True).start()
        self._wake.wait()
        if self._server is None or self._stop.is_set():
            return
        self._start_services(self._server)

    def _log_in(self) -> None:
        """Connect to the task, on a thread of its own: the SDK waits for a server that is away, and a signal must still
        end the session."""
        try:
            self._server = self._connect(self._task)
            self._wake.set()
        except Exception as error:  # thread boundary: without a task there is no session
            traceback.print_exc()
            self._fail("the session can't reach its task: %s" % type(error).__name__)

    def _start_services(self, server: TaskServer) -> None:
        wanted = settings.parse(_until_answered(server.parameters, self._stop))
        facts = _until_answered(server.facts, self._stop)
        if facts.over:
            log(LEFTOVER)
            self.end("it had ended before; its entry in the queue was left over")
            return
        wanted = settings.with_assigned_port(wanted, facts.assigned_port)
        folder = _until_answered(lambda: workspace.folder_of_session(wanted, server), self._stop)
        wanted = workspace.with_base_folder(wanted, folder)
        wanted = debugging.prepare(wanted, private(self._folder) / HOME, facts.code)
        address = network.public_address(wanted.address, server.api_host, ask=wanted.public_ip)
        context = self._context(wanted, address)
        self._say_where(address, facts)
        archives.begin(wanted, self._progress, log, self._stop)
        context.changes.give(inherited.variables(context, facts))
        identities.prepare(context, server.api_host, facts)
        programs.write(context)
        programs.write_banner(context, facts.name)
        keys = [SSH.key, *(key for key in WORK if wanted.enabled(key))]
        self._progress.expect(keys)
        self._progress.phase(contract.STARTING_SSH)
        self._publisher = Publisher(server, self._progress, log, extra_of(wanted))
        self._publisher.start()
        self._watcher = Watcher(server, self.end, log, self._looks, self._task_changed)
        self._watcher.start()
        if folder is not None:
            self._workspace = Workspace(context, server, facts.files_host, self._progress, log, folder)
            _until_answered(lambda: server.edit_runtime(workspace.AGENT_WAITS), self._stop)
        host = Host(context, self._progress, self.end, log, self._workspace)
        self._control = ControlServer(context.control_socket, host, self._watcher.attached)
        self._control.start()
        self._preparation = Preparation(
            context,
            self._progress,
            log,
            self._stop,
            lambda: self._start_applications(context, keys[1:]),
            self._fail,
            self._restore_workspace(context) if self._workspace is not None else None,
        )
        ssh = Ssh(context)
        self._announcer = Announcer(context, ssh, facts, server, self._publisher, log)
        self._announcer.start()
        self._add(Service(ssh, self._progress, self._logs(), log, self._stop, self._ssh_answers))
        self._preparation.start()

    def _say_where(self, address: str, facts: TaskFacts) -> None:
        """Put the session's place into the report, so that the desktop knows what to say of a machine that it can't
        reach."""
        image = containers.image()
        closed = bool(image) and address == network.outbound_address() and not facts.published_ports
        closed = closed and containers.has_own_network()
        self._progress.placed(image, closed)
        if closed:
            log("This container has a network of its own: %s can be reached from its machine only" % address)

    def _start_applications(self, context: Context, keys: List[str]) -> None:
        for key in keys:
            log("starting %s" % BY_KEY[key].label)
            self._add(Service(WORK[key](context), self._progress, self._logs(), log, self._stop))

    def _restore_workspace(self, context: Context) -> Callable[[Callable[[], bool]], None]:
        archives = self._workspace
        assert archives is not None

        def restore(stopped: Callable[[], bool]) -> None:
            """Restore the workspace. On the preparing thread."""
            archives.restore(stopped)
            minutes = workspace.minutes_of(context)
            if minutes and not stopped():
                workspace.Intervals(archives, minutes, self._stop).start()

        return restore

    def _context(self, wanted: settings.Settings, address: str) -> Context:
        cache = cache_folder()
        environments = Environments(cache, log)
        return Context(self._task, self._folder, cache, wanted, environments, address, notice=self._progress.notice)

    def _logs(self) -> Path:
        return self._folder / LOGS

    def _task_changed(self) -> None:
        """Look for a new route. On the watcher's thread."""
        if self._announcer is not None:
            self._announcer.task_changed()

    def _add(self, service: Service) -> None:
        self._services.append(service)
        service.start()

    def _ssh_answers(self, port: int) -> None:
        """Tell the desktop where to connect, and let the preparation go on. On the SSH service's thread."""
        if self._announcer is not None:
            self._announcer.ssh_answers(port)
        if self._preparation is not None:
            self._preparation.ssh_is_up()

    def _wait(self) -> None:
        """Wait until the session should end; meanwhile, bury orphans and notice that SSH, the only way in, is lost."""
        known: "set[int]" = set()
        while not self._stop.wait(REAP_INTERVAL):
            dead = processes.zombies_of(os.getpid())
            processes.reap(dead & known)  # seen twice: no thread of ours is waiting for it
            known = dead
            ssh = self._progress.current().apps.get(SSH.key)
            if ssh is not None and ssh.state == contract.APP_FAILED:
                self._fail("no SSH server could be started: %s" % ssh.detail)

    def _finish(self) -> None:
        log("ending: %s" % (self._reason or "finished"))
        self._stop.set()
        self._progress.phase(contract.STOPPING, self._reason)
        for thread in (self._watcher, self._announcer):
            if thread is not None:
                thread.close()
        deadline = time.monotonic() + END_WAIT
        if self._preparation is not None:
            self._preparation.join(END_WAIT)
        for service in self._services:
            service.join(max(0.0, deadline - time.monotonic()))
        if not processes.end_all(self._left, LEFTOVER_GRACE):
            log("some processes could not be ended: %s" % sorted(self._left()))
        if self._workspace is not None:
            # Half an hour, if need be, and without anything of the user's: the agent's settings lead to the storage.
            clean_folder(self._folder, CODE, WORKSPACE, remains.LOCK)
            self._workspace.finish()
        if self._control is not None:
            self._control.close()
        self._tell_the_server()
        clean_folder(self._folder)
        log("ended")

    def _left(self) -> "set[int]":
        me = os.getpid()
        processes.reap(processes.zombies_of(me))
        living = processes.descendants(me) | processes.marked(processes.SESSION_VARIABLE, self._task)
        return living - {me}

    def _tell_the_server(self) -> None:
        """Report the end, as far as that works: the agent does it too, unless it is gone; a failure is left to the
        agent to report."""
        self._progress.phase(contract.ENDED, self._reason)
        if self._publisher is not None:
            self._publisher.close()
        if self._server is None or self._failed:
            return
        try:
            if self._workspace is not None:
                self._server.edit_runtime(workspace.AGENT_FREE)
            task = self._server.status()
            if task.status == IN_PROGRESS:
                self._server.stopped(final_reason(self._reason, task))
        except ServerError as error:
            log("the task can't be marked as stopped: %s" % error)


def final_reason(reason: str, task: TaskStatus) -> str:
    """Return the reason as the task tells it. An agent that is told to stop a task sends the signal, too; without such
    an order it was the machine's doing."""
    if not reason.startswith(contract.SIGNALLED):
        return reason
    return ABORTED if ABORT_WORD in task.message else reason.replace(contract.SIGNALLED, contract.ENDED_BY_MACHINE)


def extra_of(wanted: settings.Settings) -> Extra:
    """Return what clearml-session needs to attach, where the user wants that."""
    if not contract.param_true(wanted.raw.get(clearml_session.PARAM_COMPATIBLE), False):
        return nothing_more
    keys = (SSH.key, JUPYTERLAB.key, VSCODE.key)
    return lambda record, report: clearml_session.published(record, report, *keys)


def _until_answered(question: Callable[[], T], stop: threading.Event) -> T:
    """Return what the server says about the task; ask until it answers."""
    while True:
        try:
            return question()
        except ServerError as error:
            log("the task can't be read yet: %s" % error)
            if stop.wait(REAP_INTERVAL):
                raise settings.SettingsError("ended before the task could be read") from error


def run(task: str, connect: Connect, looks: Looks) -> int:
    """Run a whole session; returns the exit code of the task."""
    return Session(task, connect, looks).run()
