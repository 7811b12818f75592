"""Listening: the two applications on their ports of 127.0.0.1, each served by waitress in threads of its own."""

import errno
import socket
import threading
from typing import Any

import flask
from waitress.server import create_server  # type: ignore[import-untyped]  # it has none
from waitress.wasyncore import close_all  # type: ignore[import-untyped]  # it has none

HOST = "127.0.0.1"
API_PORT = 18008  # ours: ClearML's own default is 8008
FILES_PORT = 18081
LARGEST_BODY = 1 << 40  # bytes; uploads are bounded by the disk


def bind(preferred: int) -> socket.socket:
    """Return a listening socket on the preferred port, or on a free one when that is taken."""
    try:
        return _bind(preferred)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        return _bind(0)


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


class Listener:
    """One application on one socket, answered by ``threads`` threads."""

    def __init__(self, app: flask.Flask, listener: socket.socket, threads: int) -> None:
        self.port: int = listener.getsockname()[1]
        self._sockets: dict[int, Any] = {}  # waitress's map of everything that its loop watches
        self._server = create_server(
            app,
            map=self._sockets,
            sockets=[listener],
            threads=threads,
            max_request_body_size=LARGEST_BODY,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
        self._thread = threading.Thread(target=self._server.run, name=app.name, daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection; the loop closes them itself, and ends when none is left."""
        try:
            self._server.trigger.pull_trigger(lambda: close_all(self._sockets, ignore_all=True))
        except OSError as error:
            if error.errno != errno.EBADF:  # the loop was awake: it has closed everything before it was woken for it
                raise
        self._thread.join(5)
        self._server.task_dispatcher.shutdown(timeout=5)
