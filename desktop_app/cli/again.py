"""``launch --again``: another session with the options of an earlier one. Main thread."""

from dataclasses import replace

from desktop_app.cli.base import CommandBase
from desktop_app.cli.keyboard import on_terminal
from desktop_app.cli.options import names_given, read_secret
from desktop_app.cli.output import say
from desktop_app.domain.account import Account
from desktop_app.domain.again import Again
from desktop_app.domain.options import LaunchSpec, options
from desktop_app.domain.problems import failure
from desktop_app.domain.session import SessionSnapshot

PARTIAL = (
    "Another computer launched that session: files to upload, git logins, packages of the storage and who may clean up "
    "are as by default."
)


class AgainCommands(CommandBase):
    """Part of the command launch."""

    def again(self) -> tuple[Account, LaunchSpec]:
        """The account and the options of the session that --again names; without a name of the one that ended last.

        Problems: again.*, session.unknown, task.gone
        """
        snapshot = self._earlier(self.arguments.again)
        found = self.core.history.again(snapshot.id, self.cancel())
        if found.partial:
            say(PARTIAL)
        return self.core.find_account(snapshot.id.account), self._with_secrets(found)

    def _earlier(self, text: str) -> SessionSnapshot:
        if not self.core.sandbox_address() and any(account.sandbox for account in self._wanted_accounts()):
            self._new_sandbox()
        self.arguments.session = text
        if text:
            return self.session(ended=True)
        newest = self._ended("")
        if newest is None:
            raise failure("again.none")
        return newest

    def _with_secrets(self, found: Again) -> LaunchSpec:
        """A person types them again; a script says them, or that there shall be none."""
        asks = [name for name in found.asks if name not in names_given(self.arguments)]
        if asks and (self.json or not on_terminal()):
            raise failure("again.secret", flags=" and ".join(options()[name].flag for name in asks))
        spec = found.spec
        for name in asks:
            answer = {name: read_secret(f"{options()[name].label}: ")}
            spec = replace(spec, **answer)  # type: ignore[arg-type]  # a field that holds text
        return spec
