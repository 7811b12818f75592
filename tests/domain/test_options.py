"""LaunchSpec: the one table from which flags, parameters, profile and validation come."""

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from desktop_app.domain.launch.option import Keep, Kind, Page
from desktop_app.domain.launch.option_checks import clean_line, gateway, items, split_packages, task_id
from desktop_app.domain.launch.options import (
    LaunchSpec,
    defaults,
    from_profile,
    normalised,
    options,
    task_parameters,
    to_profile,
    to_session,
    validate,
)
from remote_bootstrap.contract import param_true
from remote_bootstrap.contract.apps import APPS

FULL = LaunchSpec(
    queue="gpu", name="a session", project="DevOps", packages="torch==2.5\ntqdm", user_folder="/data", ssh_port="2222"
)


def test_every_option_has_words_a_flag_and_a_field() -> None:
    table = options()
    assert list(table) == [field.name for field in fields(LaunchSpec)]
    for option in table.values():
        assert option.label and option.help.endswith(".")
        assert re.fullmatch(r"--[a-z][a-z-]+", option.flag)
        assert (option.kind is Kind.CHOICE) == bool(option.choices)
    flags = [flag for option in table.values() for flag in (option.flag, *(flag for flag, _ in option.sets))]
    assert len(set(flags)) == len(flags)
    parameters = [option.param for option in table.values() if option.param]
    assert len(set(parameters)) == len(parameters)


def test_every_application_but_ssh_is_an_option_of_its_key() -> None:
    assert {app.key for app in APPS if app.opens == "browser"} <= {option.param for option in options().values()}


def test_a_profile_reads_back() -> None:
    assert from_profile(to_profile(FULL)) == FULL
    assert set(to_profile(FULL)) == {name for name, o in options().items() if o.keep is Keep.PROFILE}


SECRETIVE = replace(FULL, password="correct horse", randomize="once", upload_files="/a\n/b", debug_task="t1")


@pytest.mark.parity("S5")
def test_no_password_is_remembered_anywhere() -> None:
    assert "correct horse" not in repr(
        (to_profile(SECRETIVE), to_session(SECRETIVE), task_parameters(SECRETIVE), SECRETIVE)
    )
    assert from_profile({"password": "correct horse"}) == defaults()


def test_what_holds_for_one_launch_is_not_the_next_one_s_default() -> None:
    profile = to_profile(SECRETIVE)
    assert profile["randomize"] == "off" and "upload_files" not in profile and "debug_task" not in profile
    assert to_profile(replace(FULL, randomize="always"))["randomize"] == "always"


def test_a_session_remembers_all_that_was_not_the_default() -> None:
    assert from_profile(to_session(SECRETIVE)) == replace(SECRETIVE, password="")
    assert to_session(defaults()) == {}


@pytest.mark.parity("U2")
def test_every_option_but_those_of_one_session_is_a_default_of_the_next_launch() -> None:
    kept = {name for name, option in options().items() if option.keep is Keep.PROFILE}
    assert set(options()) - kept == {
        "store_defaults", "debug_task", "upload_files", "continue_session", "password", "attach_passphrase",
    }  # fmt: skip


def test_every_page_has_an_option() -> None:
    assert {option.page for option in options().values()} == set(Page)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://app.x.io/projects/p1/tasks/0123abcd/output/log", "0123abcd"),
        ("https://app.x.io/projects/*/tasks/0123abcd/execution?a=b", "0123abcd"),
        ("http://x:8080/projects/p/experiments/0123abcd/info-output/log", "0123abcd"),
        ("http://x:8080/projects/p/experiments/0123abcd", "0123abcd"),
        (" 0123abcd ", "0123abcd"),
        ("my session", "my session"),
    ],
)
def test_a_task_s_web_address_is_as_good_as_its_id(text: str, found: str) -> None:
    assert task_id(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("gate.example", ("gate.example", 0)), ("10.0.0.1:31022", ("10.0.0.1", 31022)), ("[::1]:22", ("::1", 22)),
     ("host:99999", ("", 0)), ("a b", ("", 0)), ("host:", ("", 0))],
)  # fmt: skip
def test_a_gateway_has_an_address_and_maybe_a_port(text: str, found: tuple[str, int]) -> None:
    assert gateway(text) == found


def test_list_items_are_lines() -> None:
    assert items(" a b \n\nc\n c\n") == ("a b", "c")


@pytest.mark.parametrize(
    "values", [{"unknown": 1}, {"ssh_port": 22}, {"jupyterlab": 1}, {"name": None}, {"ssh_port": True}]
)
def test_a_profile_of_another_version_or_a_broken_one_gives_defaults(values: dict[str, object]) -> None:
    assert from_profile(values) == defaults()


def test_parameters_are_text_that_reads_back() -> None:
    values = task_parameters(replace(FULL, jupyterlab=False))
    assert all(isinstance(value, str) for value in values.values())
    assert param_true(values["jupyterlab"], True) is False and param_true(values["vscode"], False) is True
    assert values["ssh_port"] == "2222" and values["user_folder"] == "/data"
    assert "queue" not in values and "name" not in values and "jupyterlab_version" not in values


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb", "a b"),
        (" a\t b ", "a b"),
        ("a\x00\x1b[31mb", "a [31mb"),
        ("\u202eevil", "evil"),
        ("会话 🚀", "会话 🚀"),
    ],
)
def test_one_line_is_one_printable_line(text: str, line: str) -> None:
    assert clean_line(text) == line


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("torch==2.5\ntqdm", ("torch==2.5", "tqdm")),
        ("torch, tqdm numpy", ("torch", "tqdm", "numpy")),
        ("# a comment\n\nnumpy # why", ("numpy",)),
        ("numpy >= 1, < 3", ("numpy >= 1, < 3",)),
        ("torch==2.5, tqdm rich[a, b]>=1,", ("torch==2.5", "tqdm", "rich[a, b]>=1")),
        (
            "pkg[extra] @ https://x/y.whl ; python_version > '3'",
            ("pkg[extra] @ https://x/y.whl ; python_version > '3'",),
        ),
        ("git+https://x/y.git", ("git+https://x/y.git",)),
        ("--extra-index-url https://x/simple\ntqdm", ("--extra-index-url https://x/simple", "tqdm")),
    ],
)
def test_packages_are_read_as_people_write_them(text: str, packages: tuple[str, ...]) -> None:
    assert split_packages(text) == packages
    assert "packages" not in validate(replace(FULL, packages=text))


@pytest.mark.parametrize(
    ("field", "bad"),
    [("queue", ""), ("name", "ab"), ("name", "x" * 201), ("project", ""), ("docker", "a b"), ("packages", "=1"),
     ("user_folder", "a\nb"), ("jupyterlab_version", "../x"), ("ssh_port", "0"),
     ("ssh_port", "10030:10022"), ("ssh_port", "1:2:3"),
     ("docker_network", "bridge"),
     ("docker_args", "'open"), ("docker_args", "--shm-size=8g"), ("docker_network", "port"), ("base_task", "no id!"),
     ("remote_gateway", "host:99999"), ("remote_gateway", "a b"), ("vscode_extensions", "python"),
     ("vscode_extensions", "http://example.org/a.vsix"), ("vscode_extensions", "ftp://example.org/a.vsix"),
    ("vscode_extensions", "https://[::1/a.vsix"), ("vscode_extensions", "https://me:secret@example.org/a.vsix"),
    ("vscode_extensions", "https://example.org:x/a.vsix"),
     ("username", "Ada L"),
     ("password", "short"), ("requirements", "a\nb"), ("vscode_version", "1:2:3")],
)  # fmt: skip
def test_each_wrong_field_is_named_in_words(field: str, bad: Any) -> None:
    wrong = validate(replace(FULL, **{field: bad}))
    assert list(wrong) == [field] and wrong[field].endswith(".")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("DevOps", "DevOps"), (" DevOps ", "DevOps"), ("Team/Lab", "Team/Lab"), ("/Team//Lab/", "Team/Lab"),
        ("Team / Lab", "Team/Lab"), ("Team/ /Lab", "Team/Lab"), ("Team\t/\nLab  3", "Team/Lab 3"),
        ("/".join(["abc"] * 10), "/".join(["abc"] * 10)), ("äöü/日本語", "äöü/日本語"),
    ],
)  # fmt: skip
def test_a_project_is_launched_into_under_the_name_that_the_server_keeps(typed: str, stored: str) -> None:
    spec = normalised(replace(FULL, project=typed))
    assert spec.project == stored
    assert "project" not in validate(spec) and "project" not in validate(replace(FULL, project=typed))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "at least three characters"), ("/", "at least three characters"), (" / ", "at least three characters"),
        ("ab", "at least three characters"), (" a ", "at least three characters"),
        ("日本", "at least three characters"),
        ("Team/a", "“a” is shorter"), ("a/Team", "“a” is shorter"), ("Team/ ab /Lab", "“ab” is shorter"),
        ("/".join(["abc"] * 11), "at most 10 levels; this one has 11"),
    ],
)  # fmt: skip
def test_a_project_that_the_server_refuses_is_explained(typed: str, words: str) -> None:
    assert words in validate(replace(FULL, project=typed))["project"]


def test_normalising_keeps_what_has_lines() -> None:
    spec = normalised(replace(FULL, name=" a\nsession ", packages=" torch\ntqdm "))
    assert (spec.name, spec.packages) == ("a session", "torch\ntqdm")


@pytest.mark.parametrize(
    ("folder", "good"),
    [("", True), ("~/work", True), ("/data/x", True), ("~", False), ("~/", False), ("/", False), ("$HOME/", False)],
)
def test_a_whole_home_is_no_workspace(folder: str, good: bool) -> None:
    assert ("store_workspace" not in validate(LaunchSpec(queue="q", store_workspace=folder))) is good


@pytest.mark.parity("--vscode-extensions")
def test_extensions_come_by_id_file_and_address() -> None:
    given = (
        "a.b@1.0\n/opt/tool.vsix\nhttps://example.org/get/vspackage?x=1\nhttps://example.org/a.vsix#sha256=" + "0" * 64
    )
    assert validate(replace(FULL, vscode_extensions=given)) == {}
