"""Who catches everything either passes it on or shows its traceback: checked on the syntax trees."""

import ast
from collections.abc import Iterator

import pytest

from tests.test_architecture import MODULES

BROAD = {"Exception", "BaseException"}
SHOWS = {"exception", "print_exc", "print_tb", "format_exc"}  # of loggers and of traceback


def handlers(code: str) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type):
            yield node


def is_broad(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(name is None or ast.unparse(name) in BROAD for name in names)


def swallows(handler: ast.ExceptHandler) -> bool:
    return not any(isinstance(node, ast.Raise) or shows(node) for node in ast.walk(handler))


def shows(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    return node.func.attr in SHOWS or any(word.arg == "exc_info" for word in node.keywords)


def test_nothing_is_swallowed() -> None:
    found = [
        f"{module}:{handler.lineno}"
        for module, path in MODULES.items()
        for handler in handlers(path.read_text("utf-8"))
        if swallows(handler)
    ]
    assert found == []


def test_nothing_is_suppressed_as_a_whole() -> None:
    found = [
        f"{module}:{node.lineno}"
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("suppress")
        and BROAD & {ast.unparse(argument) for argument in node.args}
    ]
    assert found == []


@pytest.mark.parametrize(
    ("body", "swallowed"),
    [("pass", True), ("log.warning('x')", True), ("raise", False), ("log.exception('x')", False),
     ("traceback.print_exc()", False), ("log.info('x', exc_info=True)", False)],
)  # fmt: skip
@pytest.mark.parametrize("caught", [" Exception as error", " (OSError, BaseException)", ""])
def test_what_counts_as_swallowed(caught: str, body: str, swallowed: bool) -> None:
    (handler,) = handlers(f"try:\n    x()\nexcept{caught}:\n    {body}\n")
    assert swallows(handler) is swallowed
