"""Every call that makes a problem fills exactly the placeholders of its row, read from the syntax trees."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.domain.problems import TABLE

CODE = Path(__file__).resolve().parents[2] / "desktop_app"
MAKERS = ("problem", "failure")

# (file, function) -> the codes that a call whose code is a variable may have.
CHOSEN = {
    ("adapters/clearml/wire/client.py", "problem"): {"server.failed", "server.refused"},
    ("adapters/clearml/wire/connection.py", "_call_again"): {
        "server.expired", "server.unauthorised", "server.token_expired",
    },
    ("adapters/ssh/transfer/refusals.py", "_failure"): {"files.room", "files.refused"},
    ("demo/files.py", "at"): {"files.missing", "files.denied", "files.refused"},
}  # fmt: skip
HANDED_ON = ("domain/problems/__init__.py", "failure")  # one of the makers by the other


def placeholders(code: str) -> set[str]:
    row = TABLE[code]
    return {name for text in (row.title, row.detail) for _, name, _, _ in string.Formatter().parse(text) if name}


def calls(text: str) -> Iterator[tuple[str, ast.FunctionDef | None, ast.Call]]:
    """Yield each call of a maker with the innermost function around it: its name, itself ("" and None: none)."""
    tree = ast.parse(text)
    around: dict[ast.AST, ast.FunctionDef] = {}
    for function in ast.walk(tree):  # outer ones first, so that the innermost stays
        if isinstance(function, ast.FunctionDef):
            around |= dict.fromkeys(ast.walk(function), function)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
            function = around.get(node)
            yield (function.name if function is not None else ""), function, node


def codes_of(call: ast.Call) -> set[str]:
    """Return the codes that stand in the call; none for a variable."""
    code = call.args[0]
    ways = [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]
    constants = [str(way.value) for way in ways if isinstance(way, ast.Constant)]
    return set(constants) if len(constants) == len(ways) else set()


def values_of(call: ast.Call, function: ast.FunctionDef | None) -> set[str]:
    """Return the names of the values; those of ``**name`` as a dict of the same function spells them."""
    names: set[str] = set()
    for keyword in call.keywords:
        names |= {keyword.arg} if keyword.arg is not None else spelled(keyword.value, function)
    return names - {"cause"}


def spelled(mapping: ast.expr, function: ast.FunctionDef | None) -> set[str]:
    assert isinstance(mapping, ast.Name) and function is not None, "values of a problem are spelled where it is made"
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == mapping.id:
            assert isinstance(node.value, ast.Dict), f"{mapping.id} is no dict that can be read here"
            return {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
    raise AssertionError(f"{mapping.id} is not made in {function.name}")


def mistakes(path: str, text: str, chosen: set[tuple[str, str]]) -> list[str]:
    """Return what is wrong with the calls of one file, and note in ``chosen`` which of ``CHOSEN`` it needs."""
    wrong = []
    for name, function, call in calls(text):
        if (path, name) == HANDED_ON:
            continue
        codes = codes_of(call)
        if not codes:
            chosen.add((path, name))
            codes = CHOSEN.get((path, name), set())
            if not codes:
                wrong.append(f"{path}:{call.lineno}: say in CHOSEN which codes it may have")
                continue
        given = values_of(call, function)
        for code in sorted(codes):
            if code not in TABLE:
                wrong.append(f"{path}:{call.lineno}: {code} is in no table")
            elif given != placeholders(code):
                wrong.append(f"{path}:{call.lineno}: {code} has {sorted(placeholders(code))}, given {sorted(given)}")
    return wrong


def test_every_placeholder_is_filled_where_a_problem_is_made() -> None:
    chosen: set[tuple[str, str]] = set()
    files = {path.relative_to(CODE).as_posix(): path.read_text("utf-8") for path in sorted(CODE.rglob("*.py"))}
    assert [mistake for path, text in files.items() for mistake in mistakes(path, text, chosen)] == []
    assert chosen == CHOSEN.keys()  # the table only shrinks


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("failure('queue.unknown', queue=q, server=s)", ""),
        ("failure('queue.unknown', queue=q)", "given ['queue']"),
        ("problem('queue.unknown', queue=q, server=s, more=m, cause=c)", "'more'"),
        ("failure('no.such', queue=q)", "is in no table"),
        ("failure(code, queue=q)", "say in CHOSEN"),
        ("self.problem('queue.unknown')", ""),
    ],
)
def test_what_counts_as_a_mistake(call: str, wrong: str) -> None:
    found = mistakes("x.py", f"def f(self):\n    raise {call}\n", set())
    assert (wrong in found[0]) if wrong else found == []


def test_values_may_be_spelled_in_a_dict_beside_the_call() -> None:
    text = "def f():\n    place = {'queue': q, 'server': s}\n    raise failure('queue.unknown', **place)\n"
    assert mistakes("x.py", text, set()) == []
