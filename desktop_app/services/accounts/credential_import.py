"""CredentialImport (``core.credentials``): makes accounts of credentials that users already have, in files, variables,
pasted text and typed addresses.

Any thread. Nothing is used before the user asks for it, and what is read is never written anywhere but the keyring.
"""

from dataclasses import replace
from pathlib import Path

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.addresses import api_addresses, place_of, web_address, without_password
from desktop_app.domain.accounts.credentials import Credentials, Offer
from desktop_app.domain.problems import AppError, failure
from desktop_app.services.accounts.sign_in import SignIn
from desktop_app.services.state.account_store import AccountStore

PASTED = "the text"


class CredentialImport:
    """Reads what could be offered, and signs in with what the user accepts."""

    def __init__(self, outside: Outside, accounts: AccountStore, sign_in: SignIn) -> None:
        self._outside = outside
        self._accounts = accounts
        self._sign_in = sign_in

    def found(self, cancel: Cancel) -> Offer:
        """Return what this computer holds and no account has yet. Blocks (files)."""
        cancel.check()
        all_found, problems = self._outside.credentials.found()
        for credentials in all_found:
            self._keep_out_of_the_log(credentials)
        known = {
            (place_of(account.api_url), key.access_key) for account in self._accounts.all() for key in account.all_keys
        }
        new = tuple(
            credentials
            for credentials in all_found
            if not credentials.access_key
            or not known & {(place_of(url), credentials.access_key) for url in _urls(credentials)}
        )
        return Offer(new, problems, len(all_found) - len(new))

    def environment(self) -> Credentials:
        """Return those of the CLEARML_* variables alone. Problems: credentials.none"""
        return self._keep_out_of_the_log(self._outside.credentials.environment())

    def read_file(self, path: Path) -> Credentials:
        """Return those of this file. Blocks. Problems: credentials.unreadable, credentials.none"""
        return self._keep_out_of_the_log(self._outside.credentials.read(path))

    def read_text(self, text: str) -> Credentials:
        """Return those that stand in this text. Problems: credentials.none"""
        credentials = self._outside.credentials.text(text, PASTED)
        if not credentials.found:
            raise failure("credentials.none", where=PASTED.capitalize())
        return self._keep_out_of_the_log(credentials)

    def _keep_out_of_the_log(self, found: Credentials) -> Credentials:
        for secret in (found.secret, found.token):
            if secret:
                self._outside.register_secret(secret)
        return found

    def use(self, found: Credentials, cancel: Cancel) -> Account:
        """Sign in with them, keep the secret in the keyring and return the account. The address may be any that users
        type. Blocks. Problems: those of signing in, account.unverified, credentials.none"""
        self._keep_out_of_the_log(found)
        if not found.found:
            raise failure("credentials.none", where=found.source or PASTED.capitalize())
        keys = found.access_key and found.secret
        account = Account(
            "",
            "",
            self.address(found.api_url, found.trust, cancel),
            found.access_key if keys else "",
            web_url=found.web_url,
            trust=found.trust,
            files_url=found.files_url,
        )
        if not account.web_url:
            account = replace(account, web_url=web_address(account.api_url))
        try:
            return self._sign_in.with_key(account, found.secret if keys else found.token, cancel)
        except AppError as error:
            if error.problem.code != "server.unreachable":
                raise
            raise failure("account.unverified", server=account.api_url, cause=error.problem.cause) from None

    def address(self, typed: str, trust: str, cancel: Cancel) -> str:
        """Return the API's address behind what was typed or configured. Blocks while there are several to try.

        Problems: server.not_clearml, server.not_found, server.tls
        """
        addresses = api_addresses(typed)
        if not addresses:
            raise failure("server.not_clearml", server=without_password(typed.strip()) or "The empty address")
        if len(addresses) == 1:
            return addresses[0]
        return self._outside.find_api(typed.strip(), addresses, trust, cancel)


def _urls(found: Credentials) -> tuple[str, ...]:
    return (found.api_url, *api_addresses(found.api_url))
