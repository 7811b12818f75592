"""What is in a profile, its file, and what becomes of clearml-session's state."""

import json
from dataclasses import replace
from typing import Any

import pytest

from desktop_app.domain.launch.option import Keep, Kind
from desktop_app.domain.launch.options import LaunchSpec, defaults, options
from desktop_app.domain.launch.profile import dumps, from_clearml_session, loads, values_of
from desktop_app.domain.problems import AppError

SPEC = replace(
    defaults(), queue="a100", packages="torch==2.5\ntqdm", vscode=False, docker="python:3.12", password="hush"
)

# As clearml-session 0.17 leaves it in ~/.clearml_session.json.
STATE = {
    "__version__": "0.17.0",
    "task_id": "c7302b564aa945408aaa40ac5c69399c",
    "session_name": "my box",
    "session_tags": ["a", "b"],
    "queue": "gpu",
    "docker": "nvidia/cuda:12",
    "docker_args": "--ipc=host",
    "skip_docker_network": True,
    "jupyter_lab": True,
    "vscode_server": False,
    "packages": ["keras", "clearml"],
    "init_script": "apt-get update\npip list",
    "user_folder": None,
    "remote_ssh_port": "10022:15000",
    "project": "Team",
    "username": "root",
    "password": "cl34rml-s3cret",
    "git_credentials": False,
    "keepalive": True,
    "base_task_id": None,
    "upload_files": None,
}


@pytest.mark.parity("profiles")
def test_a_file_reads_back_and_holds_no_secret() -> None:
    text = dumps("nightly", SPEC)
    assert "hush" not in text
    found = loads(text, "x.json")
    assert (found.name, found.spec, found.left_out) == ("nightly", replace(SPEC, password=""), ())
    assert set(json.loads(text)["options"]) == {"queue", "packages", "vscode", "docker"}


def test_only_what_the_table_remembers_is_kept() -> None:
    others: dict[str, Any] = {name: _other(name) for name in options()}
    kept = set(values_of(replace(defaults(), **others)))
    assert kept <= {name for name, option in options().items() if option.keep is Keep.PROFILE}
    assert not kept & {name for name, option in options().items() if option.kind is Kind.SECRET}
    assert len(kept) > 20


def _other(name: str) -> object:
    value = getattr(defaults(), name)
    return not value if isinstance(value, bool) else f"{value}x"


def test_what_a_newer_program_or_a_hand_wrote_is_named() -> None:
    options_ = {"queue": "q", "teleport": True, "vscode": "yes", "password": "x", "docker": "a b"}
    found = loads(json.dumps({"sessiondock": "profile", "schema": 1, "name": "n", "options": options_}), "x.json")
    assert found.spec == replace(defaults(), queue="q")
    assert set(found.left_out) == {"teleport", "vscode", "password", "docker"}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "{}", '{"a": 1}', "[" * 5000, '{"sessiondock": "profile", "schema": 2, "options": {}}',
        '{"sessiondock": "profile", "schema": 1}', '{"sessiondock": "profile", "schema": 1, "options": []}',
    ],
)  # fmt: skip
def test_what_is_no_profile_is_told(text: str) -> None:
    with pytest.raises(AppError, match=r"x\.json"):
        loads(text, "x.json")


@pytest.mark.parity("profiles", "--config-file", "S5")
def test_the_state_of_clearml_session_becomes_a_profile_without_its_password() -> None:
    found = from_clearml_session(STATE)
    assert found is not None and found.name == "clearml-session"
    expected = {
        "name": "my box", "tags": "a\nb", "queue": "gpu", "docker": "nvidia/cuda:12", "docker_args": "--ipc=host",
        "docker_network": "none", "vscode": False, "packages": "keras\nclearml", "project": "Team",
        "init_script": "apt-get update\npip list", "ssh_port": "10022:15000", "username": "root",
    }  # fmt: skip
    spec = found.spec
    assert {name: getattr(spec, name) for name in expected} == expected
    assert replace(spec, **{name: getattr(defaults(), name) for name in expected}) == defaults()
    assert "Left out: --password. It runs an init script" in found.news
    assert found.left_out == ("--password",) and "cl34rml" not in repr(found) + dumps(found.name, spec)
    assert loads(json.dumps(STATE), "x").spec == spec


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        ({"randomize": ["always"]}, {"randomize": "always"}),
        ({"randomize": []}, {"randomize": options()["randomize"].bare}),
        ({"randomize": False}, {}),
        ({"jupyter_lab": "false"}, {"jupyterlab": False}),
        ({"packages": None, "queue": ""}, {}),
        ({"skip_docker_network": "false"}, {}),
        ({"docker": "with blanks in it"}, {}),
        ({"queue": {"odd": 1}}, {"queue": "{'odd': 1}"}),
    ],
)
def test_odd_values_of_a_state(state: dict[str, object], changes: dict[str, object]) -> None:
    found = from_clearml_session({"vscode_server": True, **state})
    assert found is not None and found.spec == replace(LaunchSpec(), **changes)  # type: ignore[arg-type]  # its fields
