"""projects.*. Runs in a request's thread. A project's name is its path; its ids lead back to the outermost one."""

import uuid
from typing import Any

from desktop_app.sandbox.handlers import task_fields
from desktop_app.sandbox.rules import errors, fields, filters, keys, query
from desktop_app.sandbox.rules.call import Call
from desktop_app.sandbox.rules.store import Document


def find(call: Call, project_id: str) -> Document:
    """Return the project that the call names. Raises ApiError 400/401."""
    project = call.store.get("project", project_id)
    if project is None:
        raise errors.invalid_project(project_id)
    return project


def ensure(call: Call, name: str) -> tuple[Document, bool]:
    """Return the project of that name, made with its outer ones where it is missing; and whether it was made."""
    name = keys.project_name(name)
    existing = {project["name"]: project for project in call.store.all("project")}
    if name in existing:
        return existing[name], False
    parts = name.split("/")
    path: list[str] = []
    project: Document = {}
    for depth in range(1, len(parts) + 1):
        outer = "/".join(parts[:depth])
        project = existing.get(outer) or _make(call, outer, path)
        path = [*path, project["id"]]
    return project, True


def _make(call: Call, name: str, path: list[str]) -> Document:
    project: Document = {
        "id": uuid.uuid4().hex,
        "company": call.company,
        "user": call.identity.user,
        "name": name,
        "basename": name.rsplit("/", 1)[-1],
        "description": "",
        "created": call.now,
        "last_update": call.now,
        "tags": [],
        "system_tags": [],
        "featured": 9999,
        "path": path,
    }
    if path:
        project["parent"] = path[-1]
    call.store.put("project", project)
    return project


def _details(call: Call) -> Document:
    """Return what the call says about a project beside its name."""
    found: Document = {}
    for field in ("description", "default_output_destination"):
        if call.body.get(field) is not None:
            found[field] = call.text(field)
    for field in ("tags", "system_tags"):
        if call.body.get(field) is not None:
            found[field] = task_fields.tags(field, call.body[field])
    return found


def create(call: Call) -> Document:
    """Make the project and, of a name like ``abc/def``, the outer ones that are missing."""
    if call.body.get("name") is None:
        raise errors.missing_fields("missing=(name)")
    details = _details(call)
    project, made = ensure(call, call.text("name"))
    if not made:
        raise errors.project_exists(project["name"], call.company)
    call.store.put("project", {**project, **details})
    return {"id": project["id"]}


def update(call: Call) -> Document:
    """Rename the project with everything inside."""
    project = find(call, call.text("project"))
    fields = _details(call)
    if call.text("name"):
        fields["name"] = keys.project_name(call.text("name"))
        _rename(call, project, fields["name"])
    if fields:
        changed = {**find(call, project["id"]), **fields, "last_update": call.now}
        call.store.put("project", changed)
    return {"updated": int(bool(fields)), "fields": fields}


def _rename(call: Call, project: Document, name: str) -> None:
    every = call.store.all("project")
    if any(one["name"] == name and one["id"] != project["id"] for one in every):
        raise errors.project_exists(name, call.company)
    outer = name.rpartition("/")[0]
    above = ensure(call, outer)[0] if outer else None
    path = [*above["path"], above["id"]] if above else []
    for one in every:
        if one["id"] != project["id"] and project["id"] not in one["path"]:
            continue
        own = one["path"][len(project["path"]) :]
        renamed = name + one["name"].removeprefix(project["name"])
        moved = {**one, "name": renamed, "basename": renamed.rsplit("/", 1)[-1], "path": path + own}
        moved["parent"] = moved["path"][-1] if moved["path"] else None
        call.store.put("project", {key: value for key, value in moved.items() if value is not None})


def delete(call: Call) -> Document:
    """Delete the project with everything inside; its tasks stay, in no project."""
    project = find(call, call.text("project"))
    gone = {one["id"] for one in call.store.all("project") if project["id"] in (one["id"], *one["path"])}
    tasks = [task for task in call.store.all("task") if task.get("project") in gone]
    if tasks and not call.flag("force"):
        raise errors.project_in_use(project["id"])
    for task in tasks:
        call.store.put("task", {key: value for key, value in task.items() if key != "project"})
    for project_id in gone:
        call.store.delete("project", project_id)
    counts = {"deleted_models": 0, "deleted_tasks": 0, "urls": None}
    return {"deleted": len(gone), "disassociated_tasks": len(tasks), **counts}


# --- finding ----------------------------------------------------------------------------------------------------------


def get_by_id(call: Call) -> Document:
    return {"project": fields.project(find(call, call.text("project")), [])}


def get_all(call: Call) -> Document:
    """Return projects. Without ``only_fields``, a project's path is not answered."""
    asked = query.understand(filters.PROJECTS, call.body)
    found = query.select(asked, _shallow(call))
    if not asked.paths:
        found = [{key: value for key, value in project.items() if key != "path"} for project in found]
    return {"projects": [query.project(asked, project) for project in found]}


def get_all_ex(call: Call) -> Document:
    """Return projects as get_all does, with the ids and with references as objects."""
    asked = query.understand(filters.PROJECTS, call.body, fold=True)
    paths = [("id",), *asked.paths] if asked.paths else []
    found = [fields.project(project, paths) for project in query.select(asked, _shallow(call))]
    return {"projects": [{key: _reference(key, value) for key, value in project.items()} for project in found]}


def _reference(field: str, value: Any) -> Any:
    return {"id": value} if field in ("company", "user", "parent") else value


def _shallow(call: Call) -> list[Document]:
    """Return every project; with ``shallow_search`` only the outermost, or those right inside of the asked parents."""
    every = call.store.all("project")
    shallow = call.flag("shallow_search") and not call.body.get("parent")
    return [project for project in every if not project["path"]] if shallow else every


def get_task_tags(call: Call) -> Document:
    wanted = set(call.items("projects"))
    tasks = [task for task in call.store.all("task", bulky=False) if not wanted or task.get("project") in wanted]
    return {"tags": sorted({tag for task in tasks for tag in task["tags"]})}
