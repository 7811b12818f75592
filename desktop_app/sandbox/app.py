"""The API server as a Flask application: addresses, bodies, envelopes. Its functions run in the server's threads."""

import json
import logging
import re
import uuid
from typing import Any

import flask

from desktop_app.sandbox import errors
from desktop_app.sandbox.auth import API_VERSION
from desktop_app.sandbox.call import Call, Server
from desktop_app.sandbox.endpoints import HANDLERS
from desktop_app.sandbox.errors import ApiError
from desktop_app.sandbox.store import Document

_log = logging.getLogger(__name__)

_VERSION = re.compile(r"v\d+(\.\d+)?")
METHODS = ("GET", "POST", "PUT")


def build(server: Server) -> flask.Flask:
    """An application that answers ``/service.action`` and ``/vX.Y/service.action``."""
    app = flask.Flask("sandbox-api", static_folder=None)

    @app.route("/", methods=METHODS, defaults={"path": ""})
    @app.route("/<path:path>", methods=METHODS)
    def call(path: str) -> flask.Response:
        version, name = _split(path)
        try:
            data = _answer(server, name, version)
        except ApiError as error:
            return _envelope(name, version, {}, error)
        except Exception:  # the boundary of a request: whatever it is, the client gets an envelope
            _log.exception("%s failed", name)
            return _envelope(name, version, {}, ApiError(500, 100, "General data error: see the sandbox's log"))
        return _envelope(name, version, data, None)

    return app


def _split(path: str) -> tuple[str, str]:
    head, slash, rest = path.partition("/")
    if slash and _VERSION.fullmatch(head):
        return head[1:], rest
    return API_VERSION, path


def _answer(server: Server, name: str, version: str) -> Document:
    handler = HANDLERS.get(name)
    if handler is None:
        raise errors.unknown_endpoint(name, version)
    identity = server.auth.authenticate(flask.request.headers.get("Authorization"))
    body, lines = _read_body()
    call = Call(server, identity, body, lines, flask.request.remote_addr or "")
    with server.store.transaction():
        return handler(call)


def _read_body() -> tuple[Document, tuple[Document, ...]]:
    """The JSON object of the request, or its JSON lines; query parameters count where there is no body."""
    request = flask.request
    if request.headers.get("Content-Encoding"):
        raise ApiError(415, 0, "Content-Encoding is not supported")
    raw = request.get_data()
    if request.mimetype == "application/json-lines":
        return {}, tuple(_object(line) for line in raw.splitlines() if line.strip())
    return {**request.args.to_dict(), **(_object(raw) if raw.strip() else {})}, ()


def _object(raw: bytes) -> Document:
    try:
        value: Any = json.loads(raw)
    except ValueError as error:
        raise errors.validation("the body is not JSON") from error
    if not isinstance(value, dict):
        raise errors.validation("the body is not a JSON object")
    return value


def _envelope(name: str, version: str, data: Document, error: ApiError | None) -> flask.Response:
    code = error.code if error else 200
    meta = {
        "id": uuid.uuid4().hex,
        "trx": uuid.uuid4().hex,
        "endpoint": {"name": name, "requested_version": version, "actual_version": "1.0"},
        "result_code": code,
        "result_subcode": error.subcode if error else 0,
        "result_msg": error.message if error else "OK",
        "error_stack": None,
        "error_data": {},
    }
    body = json.dumps({"meta": meta, "data": data})
    return flask.Response(body, status=code, mimetype="application/json")
