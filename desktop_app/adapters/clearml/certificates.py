"""Which certificates a server may show. Any thread; reads files."""

import os
import ssl
from pathlib import Path

import certifi

from desktop_app.domain.account import UNCHECKED
from desktop_app.domain.problems import failure

# Bundles as the library ``requests`` takes them, and with it the ClearML SDK.
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def trusted(trust: str) -> ssl.SSLContext:
    """The system's certificate authorities (a company's own is there) and, where a system has none, the usual ones; and
    the bundles that ``trust`` (see ``Account``) and the environment name. Problems: server.ca_file"""
    context = ssl.create_default_context()
    if trust == UNCHECKED:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.load_verify_locations(certifi.where())
    named = (Path(os.environ.get(name, "")) for name in VARIABLES)
    for path in (*(path for path in named if path.name and path.exists()), *([Path(trust)] if trust else [])):
        _load(context, path.expanduser())
    return context


def _load(context: ssl.SSLContext, path: Path) -> None:
    try:
        if path.is_dir():
            context.load_verify_locations(capath=str(path))
        else:
            context.load_verify_locations(cafile=str(path))
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise failure("server.ca_file", path=path, cause=f"{type(error).__name__}: {error}") from None
