"""LaunchSpec: the one table from which flags, parameters, profile and validation come."""

import re
from dataclasses import fields, replace

import pytest

from desktop_app.domain.options import (
    Keep,
    LaunchSpec,
    clean_line,
    defaults,
    from_profile,
    normalised,
    options,
    split_packages,
    task_parameters,
    to_profile,
    validate,
)
from remote_bootstrap.apps import APPS
from remote_bootstrap.contract import param_true

FULL = LaunchSpec(
    queue="gpu", name="a session", project="DevOps", packages="torch==2.5\ntqdm", user_folder="/data", ssh_port=2222
)


def test_every_option_has_words_a_flag_and_a_field() -> None:
    table = options()
    assert list(table) == [field.name for field in fields(LaunchSpec)]
    for option in table.values():
        assert option.label and option.help.endswith(".")
        assert re.fullmatch(r"--[a-z][a-z-]+", option.flag)
    assert len({option.flag for option in table.values()}) == len(table)
    parameters = [option.param for option in table.values() if option.param]
    assert len(set(parameters)) == len(parameters)


def test_every_application_but_ssh_is_an_option_of_its_key() -> None:
    assert {app.key for app in APPS if app.opens == "browser"} <= {option.param for option in options().values()}


def test_a_profile_reads_back() -> None:
    assert from_profile(to_profile(FULL)) == FULL
    assert set(to_profile(FULL)) == {name for name, o in options().items() if o.keep is Keep.PROFILE}


@pytest.mark.parametrize(
    "values", [{"unknown": 1}, {"ssh_port": "22"}, {"jupyterlab": 1}, {"name": None}, {"ssh_port": True}]
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
        (
            "pkg[extra] @ https://x/y.whl ; python_version > '3'",
            ("pkg[extra] @ https://x/y.whl ; python_version > '3'",),
        ),
        ("git+https://x/y.git", ("git+https://x/y.git",)),
    ],
)
def test_packages_are_read_as_people_write_them(text: str, packages: tuple[str, ...]) -> None:
    assert split_packages(text) == packages
    assert "packages" not in validate(replace(FULL, packages=text))


@pytest.mark.parametrize(
    ("field", "bad"),
    [("queue", ""), ("name", "ab"), ("name", "x" * 201), ("project", ""), ("docker", "a b"), ("packages", "=1"),
     ("user_folder", "a\nb"), ("jupyterlab_version", "../x"), ("ssh_port", 0)],
)  # fmt: skip
def test_each_wrong_field_is_named_in_words(field: str, bad: object) -> None:
    wrong = validate(replace(FULL, **{field: bad}))
    assert list(wrong) == [field] and wrong[field].endswith(".")


def test_normalising_keeps_what_has_lines() -> None:
    spec = normalised(replace(FULL, name=" a\nsession ", packages=" torch\ntqdm "))
    assert (spec.name, spec.packages) == ("a session", "torch\ntqdm")
