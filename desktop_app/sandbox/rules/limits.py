"""Every duration that the sandbox depends on, in one frozen record, so that tests need not wait. Owns no state.

Source of the figures: the behaviour of a real ClearML server, measured; our own are marked so.
"""

from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]  # seconds since the epoch


@dataclass(frozen=True)
class Limits:
    """All in seconds."""

    token: float = 30 * 86400  # life of a token when the client asks for nothing else
    worker_timeout: float = 600  # a worker that reported nothing for so long is forgotten
    stop_grace: float = 600  # tasks.stop trusts the worker to act if the task was touched within this time
    watchdog_after: float = 7200  # running tasks untouched for so long are stopped
    watchdog_every: float = 900
    idle: float = 60  # ours: the sandbox ends so long after the last session and the last client
    tick: float = 1  # ours: how often the supervisor looks at its agent and its leases
    agent_stop: float = 10  # ours: what the agent gets between SIGTERM and SIGKILL
    agent_poll: float = 1  # ours: the agent asks for work, and for a reason to stop, this often
