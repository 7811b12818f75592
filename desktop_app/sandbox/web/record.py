"""A record of what clients ask, for whoever develops one: $SESSIONDOCK_SANDBOX_REQUESTS names the file.

One JSON line per request, written before it is answered: the endpoint, who calls (X-ClearML-Client), and the body with
long texts cut. Headers with credentials are not in it. Runs in the server's threads.
"""

import io
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

VARIABLE = "SESSIONDOCK_SANDBOX_REQUESTS"
LONGEST = 1000  # characters of a text; a session's script is half a megabyte

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]


class Recorder:
    """Between the server and its application."""

    def __init__(self, inner: Wsgi, path: Path) -> None:
        self._inner = inner
        self._path = path

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        lines = "json-lines" in environ.get("CONTENT_TYPE", "")
        line = {
            "endpoint": str(environ.get("PATH_INFO", "")).rpartition("/")[2],
            "client": environ.get("HTTP_X_CLEARML_CLIENT", ""),
            "lines" if lines else "body": _values(body.decode("utf-8", "replace"), lines),
        }
        self._append(json.dumps(line) + "\n")
        return self._inner(environ, start_response)

    def _append(self, line: str) -> None:
        """Append a line with one write: several sandboxes may share the file."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self._path, flags, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def recorded(inner: Wsgi) -> Wsgi:
    """Return the application, with a record in front where the environment wants one."""
    path = os.environ.get(VARIABLE)
    return Recorder(inner, Path(path)) if path else inner


def _values(text: str, lines: bool) -> Any:
    """Return what the body says; what is no JSON stays text."""
    try:
        found = [json.loads(line) for line in text.splitlines() if line.strip()] if lines else json.loads(text or "{}")
    except ValueError:
        return text[:LONGEST]
    return _cut(found)


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in value.items()}
    return [_cut(item) for item in value] if isinstance(value, list) else value
