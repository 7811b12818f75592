"""Fetches an extension of VS Code (.vsix) from a web address. On VS Code's service thread; standard library only.

An extension is a program, so it must not be changed on the way: https, or this machine itself. ``#sha256=…`` at the end
of the address is checked where it is given.
"""

import hashlib
import http.client
import re
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, List, Optional, Tuple
from urllib.parse import unquote, urlsplit

from remote_bootstrap.machine import network
from remote_bootstrap.types import InstallError

MOST = 256 << 20  # bytes; the largest in the registries have some 100 MB
SILENCE = 30.0  # seconds without a byte
TIMEOUT_S = 120.0  # seconds for all of it
CHUNK = 1 << 18
ZIP = b"PK\x03\x04"  # what a .vsix is


def is_address(name: str) -> bool:
    return "://" in name


def fetch(address: str, folder: Path, most: int = MOST, timeout_s: float = TIMEOUT_S) -> Path:
    """Fetch the file into ``folder``. Raises InstallError, whose text names the address without its query."""
    ended: List[Path] = []
    failed: List[InstallError] = []

    def work() -> None:
        try:
            ended.append(_fetch(address, folder, most, time.monotonic() + timeout_s))
        except InstallError as error:
            failed.append(error)

    # A thread of its own: urllib waits for a server that drips its headers for as long as that one likes.
    thread = threading.Thread(target=work, name="vsix", daemon=True)
    thread.start()
    thread.join(timeout_s + 1)
    if failed:
        raise failed[0]
    if not ended:
        raise InstallError("%s can't be fetched: it takes too long" % _shown(address))
    return ended[0]


def _shown(url: str) -> str:
    return "%s://%s%s" % urlsplit(url)[:3]


def _fetch(address: str, folder: Path, most: int, until: float) -> Path:
    url, _, checksum = address.partition("#sha256=")
    _allowed(url)
    shown = _shown(url)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _name(url)
    opener = urllib.request.build_opener(_Careful())
    try:
        with opener.open(url, timeout=SILENCE) as answer, path.open("wb") as stream:
            start, total = _copy(answer, stream, most, until)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InstallError("%s can't be fetched: %s" % (shown, getattr(error, "reason", None) or error)) from error
    if not start.startswith(ZIP):
        raise InstallError("%s leads to something that is no .vsix file" % shown)
    if checksum and checksum.lower() != total:
        raise InstallError("%s has another checksum than the address says: %s" % (shown, total))
    return path


def _allowed(url: str) -> None:
    """Check an address. Raises InstallError, which shows nothing of an address that holds a login."""
    try:
        parts = urlsplit(url)
        _port = parts.port  # complains about what is no number
    except ValueError as error:
        raise InstallError("the address of an extension can't be read: it is no web address") from error
    if "@" in parts.netloc:
        raise InstallError("an address with a login in it can't be fetched; leave user and password out")
    if parts.scheme != "https" and not (parts.scheme == "http" and network.is_loopback(parts.hostname or "")):
        raise InstallError("%s://%s is no https address; an extension is a program" % (parts.scheme, parts.netloc))


def _name(url: str) -> str:
    last = re.sub(r"[^\w.-]+", "_", unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]).lstrip(".")
    own = hashlib.sha256(url.encode("utf-8")).hexdigest()[:8]
    return "%s-%s.vsix" % (last[:80] or "extension", own)


def _copy(answer: Any, stream: Any, most: int, until: float) -> Tuple[bytes, str]:
    """Copy; return the first bytes and the SHA-256. Raises OSError."""
    total, size, start = hashlib.sha256(), 0, b""
    while True:
        piece = answer.read1(CHUNK)  # what is there: a server that drips must not outlast the deadline
        if not piece:
            return start, total.hexdigest()
        start = start or piece[: len(ZIP)]
        size += len(piece)
        if size > most:
            raise OSError("it is larger than %d MB" % (most >> 20))
        if time.monotonic() > until:
            raise OSError("it takes too long")
        total.update(piece)
        stream.write(piece)


class _Careful(urllib.request.HTTPRedirectHandler):
    """A redirection leads nowhere where the address itself must not."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Optional[urllib.request.Request]:
        try:
            _allowed(newurl)
        except InstallError as error:
            raise urllib.error.URLError("it leads on to %s" % error) from error
        return super().redirect_request(req, fp, code, msg, headers, newurl)
