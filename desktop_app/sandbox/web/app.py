"""The API server as a Flask application: addresses, bodies, envelopes. Its functions run in the server's threads."""

import json
import logging
import re
import uuid
from typing import Any

import flask

from desktop_app.sandbox.rules import errors, schema
from desktop_app.sandbox.rules.auth import ANYBODY, API_VERSION, Identity
from desktop_app.sandbox.rules.call import Call, Endpoint, Server
from desktop_app.sandbox.rules.errors import ApiError
from desktop_app.sandbox.rules.store import Document
from desktop_app.sandbox.web.admin import PREFIX
from desktop_app.sandbox.web.endpoints import HANDLERS

_log = logging.getLogger(__name__)

_PATH = re.compile(r"/+(?:v(?P<version>\d+\.?\d+)/)?(?P<name>\w+\.[A-Za-z_]\w*)/?")
JSON_LINES = "application/json-lines"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
IMPERSONATION = ("X-Clearml-Impersonate-As", "X-Clearml-Act-As")


def build(server: Server) -> flask.Flask:
    """Make an application that answers ``/service.action`` and ``/vX.Y/service.action``, by any method."""
    app = flask.Flask("sandbox-api", static_folder=None)

    @app.before_request  # before any route is looked for: paths that none would match are answered, too
    def answer() -> flask.Response | None:
        if flask.request.path.startswith(PREFIX) and flask.request.method == "POST":
            return None
        if flask.request.method == "OPTIONS":
            return flask.Response(status=200)
        coding = flask.request.headers.get("Content-Encoding")
        if coding:
            return flask.Response(f"Content encoding is not supported ({coding})", status=415, mimetype="text/plain")
        return _call(server)

    return app


def _call(server: Server) -> flask.Response:
    matched = _PATH.fullmatch(flask.request.path)
    version = (matched and matched["version"]) or API_VERSION
    name = matched["name"] if matched else ""
    endpoint: Endpoint | None = None
    try:
        if matched is None:
            raise errors.invalid_path(flask.request.path)
        endpoint = HANDLERS.get(name)
        if endpoint is None or _number(version) < endpoint.since:
            raise errors.unknown_endpoint(name, version)
        data = _answer(server, endpoint, _number(version))
    except ApiError as error:
        return _envelope(name, version, {}, error, known=endpoint is not None)
    except UnicodeEncodeError as error:  # half a character can't be stored, here as on the real server
        return _envelope(name, version, {}, errors.broken(str(error)), known=True)
    except Exception:  # the boundary of a request: whatever it is, the client gets an envelope
        _log.exception("%s failed", name)
        return _envelope(name, version, {}, errors.broken("see the sandbox's log"), known=True)
    return _envelope(name, version, data, None, known=True)


def _number(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor or 0)


def _answer(server: Server, endpoint: Endpoint, version: tuple[int, int]) -> Document:
    identity = _identity(server, endpoint)
    body, lines = _read_body(endpoint)
    call = Call(
        server,
        identity,
        schema.check(endpoint.schema, body),
        lines,
        flask.request.remote_addr or "",
        version,
    )
    with server.store.transaction():
        try:
            return endpoint.handler(call)
        except ApiError as error:
            if not error.keep:
                raise
            refusal = error
    raise refusal


def _identity(server: Server, endpoint: Endpoint) -> Identity:
    if endpoint.open:
        return ANYBODY
    identity = server.auth.authenticate(flask.request.headers.get("Authorization"))
    if any(flask.request.headers.get(name) for name in IMPERSONATION):
        raise errors.impersonation(identity.role)
    if endpoint.roles and identity.role not in endpoint.roles:
        raise errors.forbidden(identity.role, endpoint.roles)
    return identity


def _read_body(endpoint: Endpoint) -> tuple[Document, tuple[Any, ...]]:
    """Return the JSON object of the request, or its JSON lines; query parameters count where the body doesn't name
    them."""
    request = flask.request
    query = _pairs(request.args)
    if request.mimetype in FORMS:
        return {**query, **_pairs(request.form)}, ()
    raw = request.get_data()
    if request.mimetype == JSON_LINES:
        lines = tuple(_parsed(line) for line in raw.splitlines())
        if not endpoint.batch:
            raise errors.broken("'list' object has no attribute 'task'")
        if not all(isinstance(line, dict) for line in lines):
            raise ApiError(400, 0, "json lines must contain objects")
        return {}, lines
    body = _parsed(raw) if raw else {}
    if body and not isinstance(body, dict):
        raise errors.broken("Data should be a dict")
    return {**query, **(body or {})}, (body,) if endpoint.batch and body else ()


def _pairs(values: Any) -> Document:
    """Return names with their values; ``name[]`` is a list."""
    return {
        name.removesuffix("[]"): found if name.endswith("[]") else found[0] for name, found in values.lists() if found
    }


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise errors.unreadable() from error


def _envelope(name: str, version: str, data: Document, error: ApiError | None, *, known: bool) -> flask.Response:
    code = error.code if error else 200
    meta = {
        "id": uuid.uuid4().hex,
        "trx": uuid.uuid4().hex,
        "endpoint": {"name": name, "requested_version": version, "actual_version": "1.0" if known else None},
        "result_code": code,
        "result_subcode": error.subcode if error else 0,
        "result_msg": error.message if error else "OK",
        "error_stack": None,
        "error_data": {},
    }
    body = json.dumps({"meta": meta, "data": data})
    return flask.Response(body, status=code, mimetype="application/json")
