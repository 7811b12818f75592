"""Who signs in. Any thread; remembers the user's id."""

from desktop_app.adapters.clearml.documents.bounds import bounded
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import User
from desktop_app.domain.accounts.account import Identity


class UserCalls(User):
    """The user of one account."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._id = ""

    def whoami(self, cancel: Cancel) -> Identity:
        user = self._connection.call("users.get_current_user", {}, cancel).get("user") or {}
        token = self._connection.sign_in(cancel)
        company = user.get("company")
        workspace = company.get("name") or company.get("id") if isinstance(company, dict) else company
        self._id = str(user.get("id") or "")
        name, created = str(user.get("name") or ""), str(user.get("created") or "")
        identity = Identity(self._id, name, str(workspace or ""), token.server_version, token.api_version, created)
        return bounded(identity)

    def key_names(self, cancel: Cancel) -> tuple[str, ...]:
        rows = self._connection.call("auth.get_credentials", {}, cancel).get("credentials")
        keys = [row.get("access_key") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return bounded(tuple(key for key in keys if isinstance(key, str)))

    def id(self, cancel: Cancel) -> str:
        """Return the user's id, as the sign-in says it, which costs no call; servers that don't say it there are asked.

        Problems: server.*
        """
        self._id = self._id or self._connection.sign_in(cancel).user
        return self._id or self.whoami(cancel).user_id

    @property
    def known_id(self) -> str:
        """Return the user's id, "" before anything asked for it."""
        return self._id
