"""demo_core(): the real core over fakes, with sessions in every state. For tests and pictures of the faces.

Nothing polls, so each session stays as it is; actions work (launch makes a task on the fake server, and so on).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from desktop_app.domain.problems import problem
from desktop_app.domain.sessions.reducer import (
    AttachRequested,
    Event,
    HeldElsewhere,
    LinkBlocked,
    Noticed,
    ServerUnreachable,
    StopRequested,
    TunnelLost,
    TunnelUp,
)
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts, SessionId
from desktop_app.services.core import Core
from remote_bootstrap.contract import AppReport, Report
from tests.fakes.outside import ACCOUNT, World, record_of

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PORTS = (("jupyterlab", 8878), ("vscode", 8898), ("ssh", 8022))
UP: tuple[Event, ...] = (AttachRequested(PORTS), TunnelUp())


def _report(jupyterlab: AppReport, vscode: AppReport) -> Report:
    apps = {"jupyterlab": jupyterlab, "vscode": vscode, "ssh": AppReport("ready", "", 10022)}
    return Report("ready", "", 5, apps, {"ready": 12.5})


READY = _report(AppReport("ready", "JupyterLab 4.6.6", 8888), AppReport("ready", "code-server 4.105", 9000))
HALF = _report(AppReport("ready", "", 8888), AppReport("installing", "npm: 312 of 480 packages", 0))
BROKEN = _report(AppReport("ready", "", 8888), AppReport("failed", "no compiler was found (g++)", 0))

Row = tuple[str, Remote, dict[str, object], tuple[Event, ...]]


def _rows() -> tuple[Row, ...]:
    lost = problem("ssh.lost", address="gpu-box-7")
    host_key = problem(
        "ssh.host_key", address="10.0.0.7", port=10022, found="SHA256:other", expected="SHA256:published"
    )
    moved = problem("port.taken", wanted=8878, program="jupyter-lab (pid 4711)", app="JupyterLab", port=8879)
    waiting = {"queue": "gpu-a100", "queue_watched": True}
    return (
        ("Waiting its turn", Remote.QUEUED, waiting, ()),
        ("Nobody serves this queue", Remote.QUEUED, {"queue": "gpu-h100", "queue_watched": False}, ()),
        ("Agent prepares", Remote.STARTING, {"report": None}, ()),
        ("Ready to attach", Remote.READY, {"report": READY}, ()),
        ("Connecting", Remote.READY, {"report": READY}, (AttachRequested(PORTS),)),
        ("Protein folding", Remote.READY, {"report": READY}, UP),
        ("VS Code still installing", Remote.READY, {"report": HALF}, UP),
        ("VS Code failed", Remote.READY, {"report": BROKEN}, UP),
        ("Port was taken", Remote.READY, {"report": READY}, (*UP, Noticed(moved))),
        ("Train ride", Remote.READY, {"report": READY}, (*UP, TunnelLost(lost, 3, NOON + timedelta(seconds=8)))),
        ("Wrong host key", Remote.READY, {"report": READY}, (AttachRequested(PORTS), LinkBlocked(host_key))),
        ("Agent lost", Remote.READY, {"report": READY, "worker_lost_s": 240.0}, UP),
        ("Server away", Remote.READY, {"report": READY}, (ServerUnreachable(NOON),)),
        ("Held by a terminal", Remote.READY, {"report": READY}, (HeldElsewhere(4711),)),
        ("Shutting down", Remote.READY, {"report": READY}, (*UP, StopRequested())),
        ("Finished", Remote.ENDED, {"end": End.SHUT_DOWN}, ()),
        ("Failed set-up", Remote.ENDED, {"end": End.FAILED, "message": "No matching distribution found for tоrch"}, ()),
        ("Ünïcode “quotes” <b>&amp;</b> 会话 🚀", Remote.READY, {"report": READY}, UP),
    )


def demo_core(world: World | None = None, wrap: Callable[[Core], Core] = lambda core: core) -> Core:
    """A core that is not started. ``world`` gives access to the fakes behind it."""
    world = world or World()
    core = Core(world.outside(), "window")
    server = world.server()
    server.set_queue("default", ["workstation-1:0"])
    server.set_queue("gpu-a100", ["gpu-box-7:gpu0", "gpu-box-7:gpu1"])
    server.set_queue("gpu-h100")
    for number, row in enumerate(_rows()):
        _add(core, world, number, row)
    return wrap(core)


def _add(core: Core, world: World, number: int, row: Row) -> None:
    name, remote, more, events = row
    facts = ServerFacts(
        remote,
        name,
        project="DevOps",
        worker="" if remote is Remote.QUEUED else "gpu-box-7:gpu0",
        created=NOON - timedelta(minutes=7 * number),
        started=None if remote is Remote.QUEUED else NOON - timedelta(minutes=7 * number - 1),
        record=record_of("0" * 32) if remote is Remote.READY else None,
        **{"queue": "default", **more},  # type: ignore[arg-type]  # fields of ServerFacts
    )
    task = world.server().add_session(facts)
    world.server().write_log(task, "task pulled by worker gpu-box-7:gpu0\n", "Collecting clearml==2.1.12\n")
    session = SessionId(ACCOUNT.id, task)
    core.store.see(session, facts)
    for event in events:
        core.store.apply(session, event)
