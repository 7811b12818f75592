"""Tells the desktop where SSH answers: the signed connection record in the task, the host key's fingerprint in its log.

Where the launch asked for ClearML's router, the record names the route's address, or the direct one after a while.
"""

from typing import Optional

from remote_bootstrap import contract
from remote_bootstrap.apps.ssh import Ssh
from remote_bootstrap.contract import Record
from remote_bootstrap.machine import network
from remote_bootstrap.session.context import Context
from remote_bootstrap.task.clearml_router import Place, RouteSeeker
from remote_bootstrap.task.report import Publisher, TaskFacts, TaskServer
from remote_bootstrap.types import Log


class Announcer:
    """Publishes a record for each new address or port of the session's SSH server."""

    def __init__(
        self, context: Context, ssh: Ssh, facts: TaskFacts, server: TaskServer, publisher: Publisher, log: Log
    ) -> None:
        self._context = context
        self._ssh = ssh
        self._facts = facts
        self._server = server
        self._publisher = publisher
        self._log = log
        self._record: Optional[Record] = None
        self._router: Optional[RouteSeeker] = None
        if context.settings.router:
            self._router = RouteSeeker(context.task, server, self._publish, context.notice, log)

    def start(self) -> None:
        """Start the router's thread, where there is to be a route."""
        if self._router is not None:
            self._router.start()

    def ssh_answers(self, port: int) -> None:
        """Publish where the SSH server that listens on ``port`` is reached. On the SSH service's thread."""
        outer = network.outer_port(port, self._facts.published_ports)
        place = Place(self._context.address, self._context.settings.gateway_port or outer)
        if self._router is not None:
            self._router.ask(Place(network.public_address("", self._server.api_host), outer), place)
        else:
            self._publish(place)

    def task_changed(self) -> None:
        """Look for a new route now. Any thread; returns at once."""
        if self._router is not None:
            self._router.news()

    def close(self) -> None:
        """Look for routes no more. Any thread; returns at once."""
        if self._router is not None:
            self._router.close()

    def _publish(self, place: Place) -> None:
        """Publish a new record unless the last one says the same. On the SSH service's thread, or on the router's."""
        old = self._record
        if old is not None and (old.address, old.port) == place:
            return
        self._record = self._signed(place, 1 if old is None else old.sequence + 1)
        self._log("SSH answers on %s port %d" % place)
        print(contract.fingerprint_line(self._record.host_key), flush=True)
        self._publisher.record(self._record)

    def _signed(self, place: Place, sequence: int) -> Record:
        host_key = self._ssh.host_key
        unsigned = Record(self._context.task, place.address, place.port, self._ssh.user, host_key.public, sequence)
        return Record(**{**vars(unsigned), "signature": host_key.sign(unsigned)})
