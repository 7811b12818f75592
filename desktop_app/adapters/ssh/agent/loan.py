"""The loan of the user's SSH agent to the connection that is up. Any thread."""

from desktop_app.adapters.ssh.agent.lend import AgentForward
from desktop_app.adapters.ssh.connection import REQUEST_SECONDS, CurrentConnection
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import AgentLoan


class SshAgentLoan(AgentLoan):
    """At most one loan, which ends with its transport. Thread-safe."""

    def __init__(self, current: CurrentConnection) -> None:
        self._current = current
        self._lent: tuple[SessionTransport, AgentForward] | None = None

    def lend(self, cancel: Cancel) -> None:
        cancel.check()
        transport = self._current.get().transport
        if self._lent is not None and self._lent[0] is transport:
            return
        loan = AgentForward(transport, self._current.address)
        loan.start(self._current.deadline(cancel, REQUEST_SECONDS))
        self._lent = (transport, loan)

    def take_back(self) -> None:
        loan, self._lent = self._lent, None
        if loan is not None:
            loan[1].stop()
