"""Git logins in the keyring (``core.git_logins``), for users whose git keeps none in files. Any thread; blocking."""

from dataclasses import replace

from desktop_app.boundary.outside import Outside
from desktop_app.domain.accounts.git_logins import dumps, loads, parse_login
from desktop_app.domain.accounts.secrets import GIT_CREDENTIALS, MAX_CHARS
from desktop_app.domain.problems import failure
from desktop_app.services.secrets.stored import ids_of
from remote_bootstrap.contract.git import GitLogin

_PLACEHOLDER = "x"


class GitKeyring:
    """One entry per account. Problems: git.*, keyring.*"""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def kept(self, account: str) -> tuple[GitLogin, ...]:
        """Return the logins, those of accounts that were joined into this one, too; the present one's count."""
        found: list[GitLogin] = []
        for owner in ids_of(self._outside, account):
            logins = loads(self._outside.secrets.get(GIT_CREDENTIALS, owner))
            found += [one for one in logins if not any(_same(one, other) for other in found)]
        return tuple(found)

    def add(self, account: str, address: str, password: str) -> GitLogin:
        """Keep a login for ``https://user@host``; an earlier one for the same place is replaced."""
        login = _login(address, password)
        self._outside.register_secret(login.password)
        others = [one for one in self.kept(account) if not _same(one, login)]
        text = dumps([*others, login])
        if len(text) > MAX_CHARS:
            raise failure("git.too_many")
        self._keep(account, text)
        return login

    def remove(self, account: str, address: str) -> None:
        """Forget a login. Idempotent."""
        gone = _login(address, _PLACEHOLDER)
        left = [one for one in self.kept(account) if not _same(one, gone)]
        self._keep(account, dumps(left) if left else "")

    def _keep(self, account: str, text: str) -> None:
        """Keep them, in one place from now on."""
        if text:
            self._outside.secrets.set(GIT_CREDENTIALS, account, text)
        for owner in ids_of(self._outside, account)[1 if text else 0 :]:
            self._outside.secrets.delete(GIT_CREDENTIALS, owner)


def _login(address: str, password: str) -> GitLogin:
    """Read a login. Problems: git.not_a_login"""
    text = address if "://" in address else f"https://{address}"
    scheme, _, rest = text.partition("://")
    user, at, host = rest.rpartition("@")
    found = parse_login(f"{scheme}://{user.partition(':')[0]}:{_PLACEHOLDER}@{host}") if at else None
    if found is None or not password or not password.isprintable():
        raise failure("git.not_a_login")
    return replace(found, password=password)


def _same(one: GitLogin, other: GitLogin) -> bool:
    return replace(one, password="") == replace(other, password="")
