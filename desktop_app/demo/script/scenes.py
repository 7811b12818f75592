"""The demo's sessions as data: what the server says of each, and how connecting to it goes. Frozen; any thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from desktop_app.domain.accounts.account import SANDBOX_ID, SANDBOX_LABEL, Account
from desktop_app.domain.sessions.clearml_session import ClearmlSession
from desktop_app.domain.sessions.snapshot import End, Remote
from remote_bootstrap import contract
from remote_bootstrap.contract import AppReport, Report
from remote_bootstrap.contract.apps import JUPYTERLAB, SSH, VSCODE

TEAM = Account("acme", "acme.example", "https://api.clearml.acme.example", "DEMOKEY1",
               "https://app.clearml.acme.example", "me", "Ada Example", "Acme Research", "2.3.0")  # fmt: skip
LAB = Account("lab", "lab.example", "https://api.clearml.lab.example", "DEMOKEY2",
              "https://app.clearml.lab.example", "me", "Ada Example", "The Lab", "2.1.0")  # fmt: skip
SANDBOX = Account(SANDBOX_ID, SANDBOX_LABEL, "http://127.0.0.1:18008", "SANDBOXKEY", "", "me", "Ada Example")
SERVED, BUSY, UNSERVED = "default", "gpu-a100", "gpu-h100"  # queues


class Dial(Enum):
    """How connecting to a session goes."""

    NONE = "nobody connects"
    UP = "it works"
    SLOW = "it goes on for ever"
    LOST = "the machine does not answer"
    REFUSED = "the machine shows another host key"


@dataclass(frozen=True, slots=True)
class Step:
    """What an agent does ``after_s`` seconds after it began with a session; ``report`` None: nothing is told yet."""

    after_s: float
    remote: Remote
    report: Report | None = None
    end: End = End.NONE


@dataclass(frozen=True, slots=True)
class Scene:
    """One session. ``facts``: more fields of ServerFacts; ``held_by``: the process that
    holds its connection; ``port_holder``: the program that has JupyterLab's local port; ``steps``: how it
    goes on by itself; ``log_grows``: its log does."""

    name: str
    remote: Remote = Remote.READY
    report: Report | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    dial: Dial = Dial.NONE
    account: Account = TEAM
    held_by: int = 0
    port_holder: str = ""
    steps: tuple[Step, ...] = ()
    log_grows: bool = False


def report_of(phase: str, jupyterlab: AppReport, vscode: AppReport, detail: str = "", *notices: str) -> Report:
    """Return a session's report; its SSH server runs, but for a session that still prepares itself."""
    ssh = AppReport(contract.APP_READY, "", 10022)
    if phase in (contract.PREPARING, contract.STARTING_SSH):
        ssh = AppReport(contract.APP_WAITING)
    apps = {JUPYTERLAB.key: jupyterlab, VSCODE.key: vscode, SSH.key: ssh}
    number = contract.PHASES.index(phase) + 1
    return Report(phase, detail, number, apps, {phase: 1.5 * number}, notices=list(notices))


JUPYTER_UP = AppReport(contract.APP_READY, "JupyterLab 4.4.5", 8888)
VSCODE_UP = AppReport(contract.APP_READY, "code-server 4.104.2", 9000)
WAITING = AppReport(contract.APP_WAITING)
INSTALLING = AppReport(contract.APP_INSTALLING, "installing, 3 of 6")
FAILED = AppReport(contract.APP_FAILED, "no code-server for this machine: its C library is older than 2.28")

READY = report_of(contract.READY, JUPYTER_UP, VSCODE_UP)
HALF_READY = report_of(contract.READY, JUPYTER_UP, INSTALLING)
HALF_FAILED = report_of(contract.READY, JUPYTER_UP, FAILED)
WITH_NOTICE = report_of(
    contract.READY, JUPYTER_UP, VSCODE_UP, "",
    "The extension ms-python.debugpy could not be installed: the marketplace does not answer.",
)  # fmt: skip
PREPARING = report_of(contract.PREPARING, WAITING, WAITING, "Preparing the environment")
STARTING_SSH = report_of(contract.STARTING_SSH, WAITING, WAITING)
INIT_SCRIPT = report_of(contract.INIT_SCRIPT, WAITING, WAITING, "Running the init script: apt-get install ffmpeg")
RESTORING = report_of(contract.RESTORING, WAITING, WAITING, "Restoring the workspace: 1.2 of 3.4 GB")
STARTING_APPS = report_of(
    contract.STARTING_APPS, AppReport(contract.APP_STARTING, "", 8888), AppReport(contract.APP_INSTALLING, "1 of 6")
)
STOPPING = report_of(contract.STOPPING, JUPYTER_UP, VSCODE_UP)

# From the moment that an agent takes a session to the moment that it can be used.
STARTS = (
    Step(0.0, Remote.STARTING),
    Step(4.0, Remote.STARTING, PREPARING),
    Step(7.0, Remote.STARTING, STARTING_SSH),
    Step(9.0, Remote.STARTING, STARTING_APPS),
    Step(13.0, Remote.READY, READY),
)
ENDS = (Step(3.0, Remote.ENDED, STOPPING, End.SHUT_DOWN),)


def _later(steps: tuple[Step, ...], seconds: float) -> tuple[Step, ...]:
    return tuple(Step(step.after_s + seconds, step.remote, step.report, step.end) for step in steps)


_ON_DGX: Mapping[str, object] = {"queue": BUSY, "worker": "dgx-01:gpu0"}

# Every state once, the best known first: a demo of few sessions has the first ones.
EVERY_STATE = (
    Scene("Fine-tune segmentation", report=READY, dial=Dial.UP, log_grows=True, facts={"has_password": True}),
    Scene("Protein folding", Remote.QUEUED, facts={"queue": SERVED}, dial=Dial.UP,
          steps=_later(STARTS, 20.0)),
    Scene("LLM evaluation", Remote.STARTING, STARTING_APPS, _ON_DGX),
    Scene("Notebooks for the paper", report=HALF_FAILED, facts=_ON_DGX),
    Scene("Train ride", report=READY, dial=Dial.LOST),
    Scene("Wrong host key", report=READY, dial=Dial.REFUSED),
    Scene("Waiting for an H100", Remote.QUEUED, facts={"queue": UNSERVED}),
    Scene("Broken image", Remote.ENDED, facts={
        "end": End.FAILED, "exit_code": 1, "message": "ERROR: No matching distribution found for torch==9.9"}),
    Scene("Yesterday's plots", Remote.ENDED, report=READY, facts={"end": End.SHUT_DOWN}),
    Scene("VS Code is still installing", report=HALF_READY, dial=Dial.UP),
    Scene("Ada's clearml-session", dial=Dial.UP, facts={
        "clearml_session": ClearmlSession("10.0.4.31", 10022, 10022, "root", 8888, 9000)}),
    Scene("Agent is lost", report=READY, dial=Dial.UP, facts={"worker_lost_s": 260.0}),
    Scene("Held by a terminal", report=READY, held_by=4711),
    Scene("Its port was taken", report=READY, dial=Dial.UP, port_holder="jupyter-lab (pid 815)"),
    Scene("Something did not work", report=WITH_NOTICE, dial=Dial.UP),
    Scene("Behind a slow VPN", report=READY, dial=Dial.SLOW),
    Scene("The agent prepares", Remote.STARTING),
    Scene("Preparing the environment", Remote.STARTING, PREPARING),
    Scene("Starting SSH", Remote.STARTING, STARTING_SSH),
    Scene("Running the init script", Remote.STARTING, INIT_SCRIPT),
    Scene("Restoring the workspace", Remote.STARTING, RESTORING),
    Scene("Waiting for its address", Remote.STARTING, READY),
    Scene("Taken out of its queue", Remote.CREATED, facts={
        "queue": BUSY, "unplaced": True, "changed_by": "Grace Hopper"}),
    Scene("Shutting down", Remote.STOPPING, STOPPING),
    Scene("Its server is away", report=READY, account=LAB),
)  # fmt: skip
