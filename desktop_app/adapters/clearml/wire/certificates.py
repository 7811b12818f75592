"""Which certificates a server may show. Any thread; reads files."""

import logging
import os
import ssl
import stat
from pathlib import Path

import certifi

from desktop_app.adapters.files.chosen_text import check_chosen
from desktop_app.domain.accounts.account import UNCHECKED
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.domain.problems import AppError, failure

# Bundles as the library ``requests`` takes them, and with it the ClearML SDK.
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
OWN_VARIABLE = "SSL_CERT_FILE"  # which Python's own loading takes, and with it everything that uses OpenSSL
MOST_BYTES = 16_000_000  # the usual bundles have a quarter of one

_log = logging.getLogger(__name__)


def trusted(trust: str, url: str = "https://") -> ssl.SSLContext:
    """Return what verifies a server's certificate. Problems: server.ca_file

    It trusts the system's certificate authorities (a company's own is there) and, where a system has none, the usual
    ones; and the bundles that ``trust`` (see ``Account``) and the environment name. For a ``url`` without TLS, the
    environment's do not matter.
    """
    own = os.environ.get(OWN_VARIABLE, "")
    if own != os.devnull and _is_special(own):  # reading it might never end
        raise _unusable(f"{own} (which {OWN_VARIABLE} names)", "it is not a regular file")
    context = _usual()
    if trust == UNCHECKED:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.load_verify_locations(certifi.where())
    for name in VARIABLES if url.lower().startswith("https://") else ():
        path = os.path.expanduser(os.environ.get(name, ""))  # noqa: PTH111  pathlib raises for unknown users
        if os.path.exists(path):  # noqa: PTH110  and for names that are too long
            _load(context, path, f"{path} (which {name} names)")
    if trust:
        path = os.path.expanduser(trust)  # noqa: PTH111
        _load(context, path, path)
    return context


def _is_special(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  and for names that are too long
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _usual() -> ssl.SSLContext:
    """Return Python's own context; where SSLKEYLOGFILE names a place that can't be written, without it, as curl
    does."""
    try:
        return ssl.create_default_context()
    except OSError as error:  # ssl.SSLError is one
        _log.info("SSLKEYLOGFILE or a file of certificates can't be used: %s", error)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_default_certs()
    except OSError as error:
        _log.info("the system's certificates can't be used: %s", error)
    return context


def _load(context: ssl.SSLContext, path: str, shown: str) -> None:
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            check_chosen(path, MOST_BYTES)
            context.load_verify_locations(cafile=path)
    except UnreadableText as error:
        raise _unusable(shown, error.why) from None
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise _unusable(shown, f"{type(error).__name__}: {error}") from None


def _unusable(shown: str, cause: str) -> AppError:
    shown = shown[:300].encode("utf-8", "replace").decode()  # a file's name may hold any bytes
    return failure("server.ca_file", path=shown, cause=cause)
