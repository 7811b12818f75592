"""Finding the API server behind a typed address. Any thread; blocks."""

from collections.abc import Sequence

from desktop_app.adapters.clearml.wire.client import ApiRefusal, Client
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError, failure

TRY_S = 6.0  # each; connecting has its own, shorter limit


def find_api(typed: str, addresses: Sequence[str], trust: str, cancel: Cancel) -> str:
    """Return the first address that answers as a ClearML API server does; no key is shown to any of them.

    A server whose certificate can't be verified ends the search: it may be the right one. Problems: server.not_found,
    server.tls, server.ca_file; server.in_between and server.gateway where nothing else answered
    """
    between: AppError | None = None
    other = False  # something answered that is neither
    for address in addresses:
        client = Client(address, trust=trust)
        try:
            _knock(client, Cancel(cancel.remaining(TRY_S)))
        except AppError as error:
            if error.problem.code == "server.tls":
                raise
            if error.problem.code in ("server.in_between", "server.gateway"):
                between = between or error
            other = other or error.problem.code == "server.not_clearml"
            cancel.check()
        else:
            return address
        finally:
            client.close()
    if between is not None and not other:
        raise between
    raise failure("server.not_found", typed=typed, tried=", ".join(addresses))


def _knock(client: Client, cancel: Cancel) -> None:
    """Make sure that a ClearML API server is there, without showing it a key. Problems: server.*"""
    try:
        client.post("auth.login", {}, {}, cancel)
    except ApiRefusal:
        return  # the refusal of a call without a key is in ClearML's own form
