"""The file server as a Flask application: uploads, downloads and deletions below one folder. Runs in server threads.

Behaviour as recorded: a part's *name* is the target path with a leading slash; answers are JSON paths without it.
"""

from pathlib import Path

import flask
from werkzeug.exceptions import HTTPException

from desktop_app.sandbox.auth import Auth
from desktop_app.sandbox.errors import ApiError


def build(root: Path, auth: Auth) -> flask.Flask:
    """An application that serves the files below ``root`` to whoever holds a valid token."""
    app = flask.Flask("sandbox-files", static_folder=None)

    @app.before_request
    def authenticate() -> flask.Response | None:
        if flask.request.path == "/" and flask.request.method in ("GET", "HEAD"):
            return None
        try:
            auth.authenticate(flask.request.headers.get("Authorization"))
        except ApiError as error:
            return flask.make_response(flask.jsonify(error.message), error.code)
        return None

    @app.get("/")
    def alive() -> str:
        return "OK"

    @app.post("/")
    def upload() -> flask.Response:
        saved = []
        for name, part in flask.request.files.items(multi=True):
            target = _inside(root, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.save(target)
            saved.append(str(target.relative_to(root.resolve())))
        return flask.jsonify(saved)

    @app.get("/<path:name>")
    def download(name: str) -> flask.Response:
        target = _inside(root, name)
        if not target.is_file():
            flask.abort(404)
        response = flask.send_file(target, as_attachment=True, conditional=True)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.delete("/<path:name>")
    def delete(name: str) -> flask.Response:
        target = _inside(root, name)
        if not target.is_file():
            flask.abort(404)
        target.unlink()
        return flask.jsonify(str(target.relative_to(root.resolve())))

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> tuple[flask.Response, int]:
        return flask.jsonify(error.description), error.code or 500

    return app


def _inside(root: Path, name: str) -> Path:
    """The file that ``name`` means; aborts with 400 where that is not a place below ``root``."""
    relative = name.lstrip("/")
    if not relative or "\0" in relative:
        flask.abort(400, "not a file name")
    target = (root / relative).resolve()
    if target == root.resolve() or not target.is_relative_to(root.resolve()):
        flask.abort(400, "the path leads outside the file server")
    return target
