"""projects.*. Runs in a request's thread."""

import uuid

from desktop_app.sandbox import errors, query
from desktop_app.sandbox.call import Call, name_of
from desktop_app.sandbox.store import Document


def create(call: Call) -> Document:
    """Makes the project and, of a name like ``a/b``, the outer ones that are missing."""
    name = name_of(call).strip("/")
    existing = {project["name"]: project for project in call.store.all("project")}
    if name in existing:
        raise errors.not_unique(f"name={name}")
    parts = name.split("/")
    path: list[str] = []
    for depth in range(1, len(parts) + 1):
        outer = "/".join(parts[:depth])
        project = existing.get(outer) or _make(call, outer, path, call.text("description") if outer == name else "")
        path.append(project["id"])
    return {"id": path[-1]}


def _make(call: Call, name: str, path: list[str], description: str) -> Document:
    project: Document = {
        "id": uuid.uuid4().hex,
        "company": call.identity.company,
        "user": call.identity.user,
        "name": name,
        "basename": name.rsplit("/", 1)[-1],
        "description": description,
        "created": call.now,
        "last_update": call.now,
        "tags": [],
        "system_tags": [],
        "featured": 9999,
        "path": list(path),
        "parent": path[-1] if path else None,
    }
    call.store.put("project", project)
    return project


def get_by_id(call: Call) -> Document:
    project_id = call.need("project")
    project = call.store.get("project", project_id)
    if project is None:
        raise errors.invalid_project(project_id)
    return {"project": project}


def get_all(call: Call) -> Document:
    found = query.select(call.store.all("project"), call.body)
    return {"projects": [query.project(project, call.body.get("only_fields")) for project in found]}
