"""users.* and auth.*. Runs in a request's thread."""

from desktop_app.sandbox import errors, query
from desktop_app.sandbox.auth import SERVER_VERSION
from desktop_app.sandbox.call import Call, iso
from desktop_app.sandbox.store import Document

PUBLIC = ("id", "name", "company")


def login(call: Call) -> Document:
    """A token for whoever authenticated this very call; ``expiration_sec`` shortens its life."""
    asked = call.body.get("expiration_sec")
    try:
        expiration = None if asked is None else float(asked)
    except (TypeError, ValueError) as error:
        raise errors.validation("'expiration_sec' is not of type 'integer'") from error
    return {"token": call.server.auth.issue(call.identity, expiration)}


def validate_token(call: Call) -> Document:
    try:
        identity = call.server.auth.of_token(call.need("token"))
    except errors.ApiError as error:
        return {"valid": False, "msg": error.message}
    return {"valid": True, "user": identity.user, "company": identity.company}


def get_all(call: Call) -> Document:
    """Everybody of the caller's company; never more than names."""
    mine = [user for user in call.store.all("user") if user["company"] == call.identity.company]
    found = query.select([{one: user[one] for one in PUBLIC} for user in mine], call.body)
    return {"users": [query.project(user, call.body.get("only_fields")) for user in found]}


def get_current_user(call: Call) -> Document:
    me = call.identity
    user = call.store.get("user", me.user) or {}
    given, _, family = me.user_name.partition(" ")
    return {
        "user": {
            "id": me.user,
            "name": me.user_name,
            "given_name": given,
            "family_name": family,
            "role": me.role,
            "company": {"id": me.company, "name": me.company_name},
            "created": iso(float(user.get("created", 0))),
            "created_in_version": SERVER_VERSION,
        },
        "getting_started": {"agentName": "clearml", "configure": "clearml-init", "install": "pip install clearml"},
        "settings": {"max_download_items": 50000},
    }
