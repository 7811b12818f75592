"""The file server as a Flask application: uploads, downloads and deletions below one folder. Runs in server threads.

Behaviour as recorded: it takes tokens only, never a key; a part's *name* is the target path with a leading slash;
answers are JSON paths without it; refusals are HTML pages.
"""

import mimetypes
from pathlib import Path

import flask
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from desktop_app.sandbox.rules.auth import Auth
from desktop_app.sandbox.rules.errors import ApiError

BEARER = "Bearer "


def build(root: Path, auth: Auth) -> flask.Flask:
    """Make an application that serves the files below ``root`` to holders of a valid token."""
    app = flask.Flask("sandbox-files", static_folder=None)

    @app.before_request
    def authenticate() -> flask.Response | None:
        return _refusal(auth)

    @app.get("/")
    def alive() -> str:
        return "OK"

    @app.post("/")
    def upload() -> flask.Response:
        saved = []
        for name, part in flask.request.files.items(multi=True):
            if not name.strip("/"):
                continue
            target = _inside(root, name)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                part.save(target)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):  # a file lies where a folder should
                flask.abort(500)
            saved.append(str(target.relative_to(root.resolve())))
        return flask.jsonify(saved)

    @app.get("/<path:name>")
    def download(name: str) -> flask.Response:
        return _sent(_existing(root, name))

    @app.delete("/<path:name>")
    def delete(name: str) -> flask.Response:
        target = _existing(root, name)
        target.unlink()
        return flask.jsonify(str(target.relative_to(root.resolve())))

    @app.post("/delete_many")
    def delete_many() -> flask.Response:
        asked = flask.request.get_json(silent=True) or {}
        deleted, missing = {}, []
        for name in asked.get("files") or ():
            target = _inside(root, str(name))
            if target.is_file():
                target.unlink()
                deleted[name] = name
            else:
                missing.append(name)
        return flask.jsonify({"deleted": deleted, "errors": {"Not found": missing} if missing else {}})

    return app


def _refusal(auth: Auth) -> flask.Response | None:
    """Return why the request isn't served: no token, no good one, or a body that is packed."""
    request = flask.request
    header = request.headers.get("Authorization", "")
    if request.method == "OPTIONS":
        return None
    if header or request.path != "/" or request.method not in ("GET", "HEAD"):
        if not header:
            flask.abort(401)
        if not header.startswith(BEARER):
            return flask.make_response("Only bearer token authorization is supported", 401)
        try:
            auth.of_token(header.removeprefix(BEARER))
        except ApiError as error:
            return flask.make_response(error.message, 401)
    if request.headers.get("Content-Encoding"):
        return flask.make_response("Content encoding is not supported", 415)
    return None


def _existing(root: Path, name: str) -> Path:
    target = _inside(root, name)
    try:
        found = target.is_file()
    except OSError:  # a name longer than the file system's own limit
        found = False
    if not found:
        flask.abort(404)
    return target


def _sent(target: Path) -> flask.Response:
    """Send the file, shown where ``download`` doesn't ask to save it; the part that ``Range`` names."""
    size = target.stat().st_size
    if "," in flask.request.headers.get("Range", ""):  # several parts at once
        raise RequestedRangeNotSatisfiable(length=size)
    _, packed = mimetypes.guess_type(target.name)
    kind = "application/octet-stream" if packed else None  # else the client would unpack what it downloads
    attached = "download" in flask.request.args
    try:
        response = flask.send_file(target, mimetype=kind, as_attachment=attached, conditional=True)
    except RequestedRangeNotSatisfiable as error:
        raise RequestedRangeNotSatisfiable(length=size) from error
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _inside(root: Path, name: str) -> Path:
    """Return the file that ``name`` means; abort with 404 where that is not a place below ``root``."""
    relative = name.lstrip("/")
    if not relative or "\0" in relative:
        flask.abort(404)
    target = (root / relative).resolve()
    if target == root.resolve() or not target.is_relative_to(root.resolve()):
        flask.abort(404)
    return target
