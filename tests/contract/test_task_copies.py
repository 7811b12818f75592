"""Sessions that begin as a copy of another task, on the sandbox's server: what is kept, what is ours."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.adapters.clearml.documents.copy import with_file
from desktop_app.adapters.clearml.payload import build_payload
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.problems import AppError
from remote_bootstrap import contract
from tests.support.server_rigs import HttpRig

PAYLOAD = "print('the session')\nprint('x')\n"
DRAFT = TaskDraft("my session", "Sessions", PAYLOAD, (contract.CLEARML_REQUIREMENT, "tqdm"), {"contract": "1"})
DIFF = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-one\n+two\n"
ARGS = {"lr": "0.1", "sub/name": "it's ü", "empty": "", "_hidden": "x"}


def item(section: str, name: str, value: str) -> dict:
    return {"section": section, "name": name, "value": value, "type": "str", "description": "said"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[HttpRig]:
    made = HttpRig(tmp_path)
    yield made
    made.close()


def source(rig: HttpRig, **script: object) -> str:
    hyperparams = {
        "Args": {name: item("Args", name, value) for name, value in ARGS.items()},
        "General": {"seed": item("General", "seed", "7")},
    }
    return str(
        rig.sandbox.call(
            "tasks.create",
            name="train",
            type="training",
            tags=["mine"],
            system_tags=["development"],
            hyperparams=hyperparams,
            container={"image": "python:3.12", "arguments": "--ipc host"},
            script={
                "binary": "python3",
                "repository": "",
                "entry_point": "train.py",
                "working_dir": ".",
                "requirements": {"pip": ["torch==2.5", "clearml==1.16.0", "clearml-agent"], "conda": ""},
                "diff": "print('train')\n",
                **script,
            },
        )["id"]
    )


def made(rig: HttpRig, draft: TaskDraft) -> dict:
    return rig.sandbox.look(rig.server.tasks.create(draft, Cancel(10)))


def ours(task: dict) -> dict[str, str]:
    return {name: entry["value"] for name, entry in task["hyperparams"][contract.SECTION].items()}


@pytest.mark.parity("--debugging-session", "L8")
def test_debugging_keeps_repository_commit_changes_packages_and_hyper_parameters(rig: HttpRig) -> None:
    git = {"repository": "https://git.test/r.git", "branch": "main", "version_num": "a" * 40, "diff": DIFF}
    origin = source(rig, **git, working_dir="src", entry_point="pkg/train.py")
    task = made(rig, replace(DRAFT, source=origin, debug=True))
    before = rig.sandbox.look(origin)
    script = task["script"]
    assert {key: script[key] for key in ("repository", "branch", "version_num")} == {
        key: git[key] for key in ("repository", "branch", "version_num")
    }
    assert (script["entry_point"], script["working_dir"]) == (contract.ENTRY_POINT, ".")
    assert script["diff"] == with_file(DIFF, contract.ENTRY_POINT, PAYLOAD) and script["diff"].startswith(DIFF)
    assert script["requirements"]["pip"].split("\n") == ["torch==2.5", "clearml-agent", *DRAFT.requirements]
    for section in ("Args", "General"):
        assert task["hyperparams"][section] == before["hyperparams"][section]
    assert (task["type"], task["system_tags"], task["tags"]) == ("application", [contract.SYSTEM_TAG], ["mine"])
    assert task["container"]["image"] == "python:3.12" and task["status"] == "created"
    run = json.loads(ours(task)[contract.PARAM_DEBUG_RUN])
    assert run == {"program": "pkg/train.py", "folder": "src", "arguments": ["--lr=0.1", "--name=it's ü"]}


@pytest.mark.parity("--debugging-session")
@pytest.mark.parametrize("entry", ["train.py", "notebooks/train.ipynb", "../../etc/train.py"])
def test_scripts_and_notebooks_can_be_debugged_too(rig: HttpRig, entry: str) -> None:
    task = made(rig, replace(DRAFT, source=source(rig, entry_point=entry), debug=True))
    code = json.loads(task["configuration"][contract.CONFIG_CODE]["value"])
    assert code["code"] == "print('train')\n" and task["script"]["diff"] == PAYLOAD
    program = json.loads(ours(task)[contract.PARAM_DEBUG_RUN])["program"]
    assert program == code["name"] and program.endswith("train.py") and ".." not in program


@pytest.mark.parity("--base-task-id")
def test_a_base_task_gives_configuration_container_and_packages_but_not_its_code(rig: HttpRig) -> None:
    origin = source(rig, repository="https://git.test/r.git", diff=DIFF)
    task = made(rig, replace(DRAFT, source=origin, docker="other:1", tags=("new",), parameters={"contract": "1"}))
    assert task["script"]["repository"] == "" and task["script"]["diff"] == PAYLOAD
    assert task["container"] == {"image": "other:1", "arguments": "--ipc host"}
    assert "torch==2.5" in task["script"]["requirements"]["pip"]
    assert task["hyperparams"]["General"]["seed"]["value"] == "7"
    assert task["tags"] == ["new"] and contract.PARAM_DEBUG_RUN not in ours(task)


def test_a_source_that_is_not_there(rig: HttpRig) -> None:
    with pytest.raises(AppError) as caught:
        rig.server.tasks.create(replace(DRAFT, source="0" * 32), Cancel(10))
    assert caught.value.problem.code == "task.no_source"
    assert not rig.sandbox.call("tasks.get_all", name="my session")["tasks"]


def test_a_copy_that_can_not_be_finished_is_taken_away(rig: HttpRig, expected_refusal: Callable[[str], None]) -> None:
    expected_refusal("name: the text is empty")
    origin = source(rig)
    with pytest.raises(AppError):
        rig.server.tasks.create(replace(DRAFT, source=origin, parameters={"": "no name"}), Cancel(10))
    assert not rig.sandbox.call("tasks.get_all", name="^my session$")["tasks"]


def test_git_makes_our_program_out_of_the_patch_to_the_last_byte(tmp_path: Path) -> None:
    payload = build_payload()
    (tmp_path / "a.py").write_text("one\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    patch = with_file(DIFF, contract.ENTRY_POINT, payload).encode()
    subprocess.run(["git", "apply", "-"], input=patch, cwd=tmp_path, check=True)
    assert (tmp_path / contract.ENTRY_POINT).read_bytes() == payload.encode()
    assert (tmp_path / "a.py").read_text() == "two\n"
