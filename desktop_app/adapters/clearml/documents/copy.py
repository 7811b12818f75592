"""A session that begins as a copy of another task: what of the copy is changed. Pure functions.

A copy for debugging keeps the task's repository, commit, uncommitted changes, packages and hyper-parameters; the agent
prepares all that as for the task itself and then runs our program, which comes along as one more file. A task without
a repository (a single script, a notebook) has its code in the place where our program must be, so the code travels as
a configuration object and the session writes it into a folder.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from desktop_app.boundary.server import TaskDraft
from remote_bootstrap import contract

SOURCE_FIELDS = ("script", "container", "tags", "project", "hyperparams.Args", "configuration")
ARGUMENTS = "Args"  # the section that the clearml SDK fills from argparse
SDK = re.compile(r"clearml\s*(?![\w.-])", re.IGNORECASE)


def changes(source: Mapping[str, Any], draft: TaskDraft) -> dict[str, Any]:
    """Return the body of tasks.edit for the copy, but for its project and its tags."""
    script = _part(source, "script")
    body: dict[str, Any] = {
        "name": draft.name,
        "type": "application",
        "script": _script(script, draft),
        "container": _container(_part(source, "container"), draft),
        "tags": list(draft.tags) or _strings(source.get("tags")),
    }
    if draft.debug and not _repository(script):
        value = json.dumps({"name": _file_name(script), "code": str(script.get("diff") or "")})
        mine = {"name": contract.CONFIG_CODE, "value": value, "type": "json", "description": "The code to debug"}
        body["configuration"] = {**_part(source, "configuration"), contract.CONFIG_CODE: mine}
    return body


def parameters(source: Mapping[str, Any], draft: TaskDraft) -> dict[str, str]:
    """Return what the session needs to know about the task that it debugs."""
    if not draft.debug:
        return {}
    script = _part(source, "script")
    folder = str(script.get("working_dir") or ".") if _repository(script) else "."
    run = {"program": _file_name(script), "folder": folder, "arguments": _arguments(source)}
    return {contract.PARAM_DEBUG_RUN: json.dumps(run)}


def _part(task: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = task.get(name)
    return value if isinstance(value, Mapping) else {}


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _repository(script: Mapping[str, Any]) -> str:
    return str(script.get("repository") or "").strip()


def _script(script: Mapping[str, Any], draft: TaskDraft) -> dict[str, Any]:
    ours = {
        "binary": "python",
        "entry_point": contract.ENTRY_POINT,
        "working_dir": ".",
        "requirements": {"pip": "\n".join(_requirements(script, draft.requirements))},
    }
    if draft.debug and _repository(script):
        return {**ours, "diff": with_file(str(script.get("diff") or ""), contract.ENTRY_POINT, draft.script)}
    return {**ours, "repository": "", "branch": "", "version_num": "", "tag": "", "diff": draft.script}


def with_file(patch: str, name: str, text: str) -> str:
    """Return the patch, and after it one that adds a file; ``text`` ends with a line break."""
    lines = text.split("\n")[:-1]
    blob = hashlib.sha1(f"blob {len(text.encode())}\0{text}".encode(), usedforsecurity=False).hexdigest()
    head = (
        f"diff --git a/{name} b/{name}\nnew file mode 100644\nindex {'0' * 40}..{blob}\n--- /dev/null\n+++ b/{name}\n"
        f"@@ -0,0 +1,{len(lines)} @@\n"
    )
    before = patch if not patch or patch.endswith("\n") else patch + "\n"
    return before + head + "".join(f"+{line}\n" for line in lines)


def _requirements(script: Mapping[str, Any], own: Sequence[str]) -> list[str]:
    """Return the task's packages, then ours; of the SDK the version that our program knows."""
    listed = _part(script, "requirements").get("pip") or ""
    lines = [str(line) for line in listed] if isinstance(listed, list) else str(listed).splitlines()
    kept = [line for line in lines if line.strip() and not SDK.match(line.strip())]
    return [*kept, *(line for line in own if line not in kept)]


def _container(container: Mapping[str, Any], draft: TaskDraft) -> dict[str, Any]:
    """Return what the launch says, else what the task had."""
    image, arguments = str(container.get("image") or ""), str(container.get("arguments") or "")
    return {**container, "image": draft.docker or image, "arguments": draft.docker_args or arguments}


def _file_name(script: Mapping[str, Any]) -> str:
    """Return a path inside the code's folder; a notebook's code is plain Python by now."""
    path = PurePosixPath(str(script.get("entry_point") or "").split(" ")[0].replace("\\", "/"))
    parts = [part for part in path.parts if part not in ("/", "..", ".")]
    name = "/".join(parts) or "task.py"
    return name[: -len(".ipynb")] + ".py" if name.endswith(".ipynb") else name


def _arguments(source: Mapping[str, Any]) -> list[str]:
    """Return the values that argparse had, as its command line. A sub-command's arguments have its name before a
    slash."""
    section = _part(_part(source, "hyperparams"), ARGUMENTS)
    arguments: list[str] = []
    for name, item in section.items():
        value = str(item.get("value") or "") if isinstance(item, Mapping) else ""
        if value and not str(name).startswith("_"):
            arguments.append(f"--{str(name).rpartition('/')[2]}={value}")
    return arguments
