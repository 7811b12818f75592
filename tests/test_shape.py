"""The limits on functions, classes and packages, and what is above one today, with why (files: test_project.py).

A limit is there to notice something by: whoever meets one looks for the object that wants to exist. The tables only
shrink: a row that is no longer needed fails too.
"""

import ast
from pathlib import Path

import pytest

from tests.shape import imports, limits, words
from tests.shape.classes import family
from tests.shape.tree import PRODUCT, Module, modules

ROOT = Path(__file__).resolve().parent.parent
EVERYTHING = modules(ROOT, *PRODUCT, "tests", "packaging")
OURS = [module for module in EVERYTHING if module.name.split(".")[0] in PRODUCT]

LONG_FUNCTIONS = {
    "tests.integration.test_cli_sandbox.test_a_session_from_launch_to_shutdown": "one session's story, told in order",
    "tests.integration.test_yours_sandbox.test_a_session_of_ones_own": "one session's story, told in order",
}

LARGE_CLASSES: dict[str, str] = {}

ONE_KIND = {
    "desktop_app.cli.commands": "one file for each group of commands, with the same form",
    "desktop_app.sandbox.handlers": "one file for each group of the server's calls, with the same form",
    "tests.bench": "one program for each figure, and its parts",
    "tests.contract": "tests",
    "tests.domain": "tests",
    "tests.e2e": "tests",
    "tests.integration": "tests",
    "tests.remote": "tests",
    "tests.services": "tests",
    "tests.support": "one file for each thing that tests start or look at",
    "tests.ui": "tests",
}


def test_no_function_is_longer_than_the_limit() -> None:
    assert limits.long_functions(EVERYTHING).keys() == LONG_FUNCTIONS.keys()


def test_no_class_has_more_methods_than_the_limit() -> None:
    """Inherited ones of ours counted: a base class does not make a class smaller."""
    assert limits.large_classes(OURS).keys() == LARGE_CLASSES.keys()


def test_no_package_holds_many_files_of_different_kinds() -> None:
    assert limits.crowded_packages(ROOT).keys() == ONE_KIND.keys()


# -- the counting itself


def written(folder: Path, **files: str) -> list[Module]:
    """Write a package ``p`` of these modules ("__" in a name is a dot) and return what was read of it."""
    for name, text in files.items():
        path = folder.joinpath("p", *name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return modules(folder, "p")


def test_inherited_methods_count_once_and_across_modules(tmp_path: Path) -> None:
    given = written(
        tmp_path,
        base="class Base:\n    def a(self): ...\n    def b(self): ...\n",
        middle="from p import base\nclass Middle(base.Base):\n    def b(self): ...\n    def c(self): ...\n",
        top="from p.middle import Middle as M\nclass Top(M, dict[str, int]):\n    @property\n    def d(self): ...\n",
    )
    classes = family(given)
    assert classes.effective("p.top.Top") == {"a", "b", "c", "d"}
    assert classes.classes["p.top.Top"].methods == {"d"}


def test_modules_that_import_each_other_are_a_circle(tmp_path: Path) -> None:
    given = written(
        tmp_path,
        a="from p import b\n",
        b="import p.c\n",
        c="def later():\n    from p.a import x\n",
        d="from p import a\n",
    )
    assert imports.cycles(imports.module_graph(given)) == [["p.a", "p.b", "p.c"]]


def test_an_arrow_against_the_others_points_up(tmp_path: Path) -> None:
    given = written(
        tmp_path,
        top__one="from p.low import one\n",
        top__two="from p.low.one import x\n",
        low__one="",
        low__two="from p.top.two import y\n",
        beside="from p.top import one\n",
    )
    parts = imports.parts_graph("p", imports.module_graph(given))
    assert parts == {"p.top": {"p.low"}, "p.low": {"p.top"}, "p.beside": {"p.top"}}
    assert len(imports.upward(parts)) == 1


@pytest.mark.parametrize(
    ("docstring", "verb"),
    [
        ("Return the port. Problems: port.taken", True),
        ("True if the port is free.", True),
        ("``Open`` the tunnel.", True),
        ("Name of the session.", False),
        ("Name the session.", True),
        ("True, as a rule.", False),
        ("Whether the port is free.", False),
        ("The same for two.", False),
        ("Quick.", False),
        ("Returns the port.", False),
        ("make it", False),
    ],
)
def test_what_counts_as_a_docstring_with_a_verb(docstring: str, verb: bool) -> None:
    assert words.begins_with_a_verb(docstring) is verb


@pytest.mark.parametrize(
    ("code", "annotated"),
    [
        ("def f(self, a: int, *b: int, **c: int) -> None: ...", True),
        ("def f(a) -> None: ...", False),
        ("def f(*a) -> None: ...", False),
        ("def f(): ...", False),
        ("def __init__(self, a: int): ...", True),
    ],
)
def test_what_counts_as_annotated(code: str, annotated: bool) -> None:
    function = ast.parse(code).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert words.is_annotated(function) is annotated
