"""server.*, debug.*, login.*, organization.* and models.*: the little that clients ask there. In request threads."""

from desktop_app.sandbox.rules import errors, filters, query
from desktop_app.sandbox.rules.auth import API_VERSION, SERVER_VERSION
from desktop_app.sandbox.rules.call import Call
from desktop_app.sandbox.rules.store import Document


def ping(_call: Call) -> Document:
    return {"msg": "ClearML server"}


def info(_call: Call) -> Document:
    return {"version": SERVER_VERSION, "build": "", "commit": "", "api_version": API_VERSION}


def supported_modes(_call: Call) -> Document:
    """Return how users may sign in; here none does, so that nothing is offered but what is always there."""
    return {
        "authenticated": False,
        "basic": {"enabled": True, "guest": {"enabled": False}},
        "server_errors": {"es_connection_error": False, "missed_es_upgrade": False},
        "sso": {},
        "sso_providers": [],
    }


def get_tags(call: Call) -> Document:
    """Return every tag of the company's tasks."""
    tasks = call.store.all("task", bulky=False)
    found = {"tags": sorted({tag for task in tasks for tag in task["tags"]})}
    if call.flag("include_system"):
        found["system_tags"] = sorted({tag for task in tasks for tag in task["system_tags"]})
    return found


def get_entities_count(call: Call) -> Document:
    """Count how many documents pass each of the given queries."""
    kinds = {"tasks": ("task", filters.TASKS), "projects": ("project", filters.PROJECTS)}
    found: Document = {}
    for name, (kind, fields) in kinds.items():
        if isinstance(call.body.get(name), dict):
            asked = query.understand(fields, {**call.body[name], "page": None, "page_size": None})
            found[name] = sum(
                all(test(document) for test in asked.tests) for document in call.store.all(kind, bulky=False)
            )
    for name in ("models", "pipelines", "datasets", "reports"):
        if name in call.body:
            found[name] = 0
    return found


def get_user_companies(call: Call) -> Document:
    users = [user for user in call.store.all("user") if user["company"] == call.company]
    owners = [{"id": user["id"], "name": user["name"], "avatar": None} for user in users]
    company = {"id": call.company, "name": call.identity.company_name, "allocated": len(users), "owners": owners}
    return {"companies": [company]}


def no_models(_call: Call) -> Document:
    """Return no models: sessions make none, and clients that delete a task ask for them."""
    return {"models": []}


def no_model(call: Call) -> Document:
    raise errors.invalid_model(call.text("model"))
