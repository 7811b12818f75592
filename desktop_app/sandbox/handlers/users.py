"""users.* and auth.*: who somebody is, keys and tokens. Runs in a request's thread."""

from desktop_app.sandbox.rules import errors, filters, query
from desktop_app.sandbox.rules.auth import SERVER_VERSION, Identity
from desktop_app.sandbox.rules.call import Call, iso
from desktop_app.sandbox.rules.store import Document


def login(call: Call) -> Document:
    """Return a token for the user who made this very call; ``expiration_sec`` shortens its life."""
    asked = call.body.get("expiration_sec")
    return {"token": call.server.auth.issue(call.identity, None if asked is None else float(asked))}


def logout(call: Call) -> Document:
    """End the validity of this very call's token."""
    call.server.auth.revoke(call.identity)
    return {}


def only_for_others(call: Call) -> Document:
    """Refuse what no user of a sandbox may do; their roles are in the table of endpoints."""
    raise errors.forbidden(call.identity.role, ("system", "root"))


def fixed_users_mode(_call: Call) -> Document:
    return {"enabled": True, "guest": {"enabled": False}, "server_errors": {}}


# --- keys -------------------------------------------------------------------------------------------------------------


def create_credentials(call: Call) -> Document:
    label = call.text("label")
    pair = call.server.auth.mint(call.identity.user, label)
    return {"credentials": {"access_key": pair.access_key, "secret_key": pair.secret_key, "label": label}}


def get_credentials(call: Call) -> Document:
    """Return the caller's keys, without their secrets."""
    rows = call.server.auth.credentials(call.identity.user)
    found = [
        {
            "access_key": row["id"],
            "label": str(row.get("label", "")),
            "last_used": iso(row["used"]),
            "last_used_from": call.address,
        }
        for row in rows
    ]
    return {"credentials": found}


def edit_credentials(call: Call) -> Document:
    access_key = call.text("access_key")
    row = call.server.auth.credential(call.identity.user, access_key)
    if row is None:
        raise errors.unknown_access_key(call.identity.user, access_key)
    call.store.put("credential", {**row, "label": call.text("label")})
    return {"updated": 1}


def revoke_credentials(call: Call) -> Document:
    """End the validity of a key; tokens that were made with it stay valid until they expire."""
    access_key = call.text("access_key")
    if call.server.auth.credential(call.identity.user, access_key) is None:
        raise errors.not_your_access_key(call.identity.user, access_key)
    call.store.delete("credential", access_key)
    return {"revoked": 1}


# --- users ------------------------------------------------------------------------------------------------------------


def _shown(user: Document) -> Document:
    """Return what every user of the company may see of a user."""
    given, _, family = str(user["name"]).partition(" ")
    return {
        "id": user["id"],
        "company": user["company"],
        "name": user["name"],
        "given_name": given,
        "family_name": family,
        "created": iso(float(user.get("created", 0))),
        "created_in_version": SERVER_VERSION,
    }


def _colleagues(call: Call) -> list[Document]:
    return [_shown(user) for user in call.store.all("user") if user["company"] == call.company]


def get_all(call: Call) -> Document:
    """Return every user of the caller's company; never more than names."""
    return {"users": query.answer(query.understand(filters.USERS, call.body), _colleagues(call))}


def get_all_ex(call: Call) -> Document:
    """Return users as get_all does, with the company as an object."""
    found = get_all(call)["users"]
    return {"users": [{**user, "company": {"id": user["company"]}} if "company" in user else user for user in found]}


def get_by_id(call: Call) -> Document:
    found = [user for user in _colleagues(call) if user["id"] == call.text("user")]
    if not found:
        raise errors.invalid_user(call.text("user"), call.company)
    return {"user": {**found[0], "preferences": ""}}


def get_current_user(call: Call) -> Document:
    me: Identity = call.identity
    user = _shown(call.store.get("user", me.user) or {"id": me.user, "name": me.user_name, "company": me.company})
    install = {"install": "pip install clearml", "packageName": "clearml"}
    return {
        "user": {**user, "role": me.role, "company": {"id": me.company, "name": me.company_name}},
        "getting_started": {"agentName": "clearml", "configure": "clearml-init", **install},
        "settings": {"max_download_items": 50000},
    }


def get_preferences(call: Call) -> Document:
    user = call.store.get("user", call.identity.user) or {}
    return {"preferences": user.get("preferences", {})}


def set_preferences(call: Call) -> Document:
    user = call.store.get("user", call.identity.user) or {}
    preferences = {**user.get("preferences", {}), **call.mapping("preferences")}
    call.store.put("user", {**user, "preferences": preferences})
    return {"updated": 1, "fields": {"preferences": preferences}}
