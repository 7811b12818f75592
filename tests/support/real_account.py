"""A ClearML server and a session's machine that the real command line talks to, both ended and begun as a test likes.

The server is the sandbox's, on a real socket of the test's process; the machine a real sshd. Test thread only.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from desktop_app.adapters.ssh.key_slots import AesSlots
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.accounts.key_slots import SlotKind, dumps, loads
from desktop_app.sandbox.rules.auth import Credential
from desktop_app.sandbox.web import server as wire
from remote_bootstrap import contract
from remote_bootstrap.contract import AppReport, Report, fingerprint_line
from tests.support.real_terminal import COMMAND, RealTerminal
from tests.support.server_rigs import HttpRig
from tests.support.ssh_server import SshServer, sign


class MortalServer(HttpRig):
    """Goes away and comes back at the same address."""

    def go_away(self) -> None:
        self._listener.stop()

    def come_back(self) -> None:
        port = int(self.url.rpartition(":")[2])
        self._listener = wire.Listener(self.sandbox.client.application, wire.bind(port), threads=4)
        self._listener.start()

    def another_key(self) -> Credential:
        """Of the same user."""
        return self.sandbox.user("You")

    def revoke(self, pair: Credential) -> None:
        """No new sign-in; tokens that were given out stay good, as on a real server."""
        self.sandbox.store.delete("credential", pair.access_key)


class RealAccount:
    """``session``: a task of that user's, running on ``machine``, whose key lies in slots only."""

    def __init__(self, folder: Path, terminal: RealTerminal) -> None:
        self.terminal = terminal
        self.server = MortalServer(folder / "api")
        self.machine = SshServer(folder / "machine")
        self.machine.start()

    def add(self, pair: Credential) -> dict[str, object]:
        """``sessiondock accounts add``, with the secret on standard input."""
        words = [*COMMAND, "accounts", "add", self.server.url, pair.access_key, "--json"]
        feed = ["sh", "-c", 'printf "%s\\n" "$0" | exec "$@"', pair.secret_key, *words]
        done = self.terminal.rig.run(feed, 60)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def session(self, pair: Credential, name: str = "far away") -> str:
        """As another computer with this key launched it."""
        public, private = self.machine.client_key, (self.machine.folder / "client").read_text()
        parameters = {contract.PARAM_CONTRACT: "1", contract.PARAM_AUTHORIZED_KEY: public}
        calls, soon = self.server.server, Cancel(20)
        task = calls.tasks.create(TaskDraft(name, "A project", "", (), parameters), soon)
        slot = AesSlots().seal(SlotKind.API_SECRET, pair.secret_key, private, task, public)
        calls.tasks.write_parameters(task, {contract.PARAM_KEY_SLOTS: dumps([slot])}, soon)
        calls.tasks.enqueue(task, "default", soon)
        self.server.agent_takes(task)
        self._publish(task)
        return task

    def _publish(self, task: str) -> None:
        report = Report("ready", "", 1, {"ssh": AppReport("ready", "", self.machine.port)})
        (self.machine.folder / "task").write_text(task)
        (self.machine.folder / "report").write_text(report.dumps())
        record = self.machine.record(task=task)
        self.server.write_log(task, fingerprint_line(self.machine.host_key) + "\n")
        signed = replace(record, signature=sign(record, self.machine.folder / "host"))
        self.server.publish(task, signed.dumps(), report)

    def opens(self, pair: Credential, task: str) -> bool:
        """Whether a computer that has this key alone gets at the session's."""
        found = self.server.look(task)
        public = found[contract.PARAM_AUTHORIZED_KEY]
        slots = [slot for slot in loads(found[contract.PARAM_KEY_SLOTS]) if slot.kind is SlotKind.API_SECRET]
        return any(AesSlots().open(slot, pair.secret_key, task, public) for slot in slots)

    def close(self) -> None:
        self.server.close()
        self.machine.kill()


@contextmanager
def real_account(folder: Path, terminal: RealTerminal) -> Iterator[RealAccount]:
    made = RealAccount(folder, terminal)
    try:
        yield made
    finally:
        made.close()
