"""Reads the modules of one checkout: their text, syntax tree, comments and docstrings."""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PRODUCT = ("desktop_app", "remote_bootstrap")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of the checkout under ``root``."""

    root: Path
    path: Path

    @cached_property
    def name(self) -> str:
        parts = list(self.path.relative_to(self.root).with_suffix("").parts)
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """Return the package that the file lies in; for an ``__init__.py`` the package itself."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def comments(self) -> list[str]:
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [token.string for token in tokens if token.type == tokenize.COMMENT]

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in self.nodes if isinstance(node, ast.ClassDef)]

    def docstring_lines(self) -> int:
        documented = (node for node in self.nodes if isinstance(node, Documented))
        return sum(_docstring_lines(node) for node in documented)


def _docstring_lines(node: Documented) -> int:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return (first.end_lineno or first.lineno) - first.lineno + 1
    return 0


def length(function: Function) -> int:
    """Return the number of lines from ``def`` to the last one, docstring included and decorators not."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def modules(root: Path, *tops: str) -> list[Module]:
    """Return every Python file below the folders ``tops`` of the checkout ``root``, in a stable order."""
    return [Module(root, path) for top in tops for path in sorted((root / top).rglob("*.py"))]


def public_functions(module: Module) -> Iterator[Function]:
    """Yield functions and methods that others may call: no underscore in their name or in their class's."""
    yield from _public(module.tree.body)


def _public(body: list[ast.stmt]) -> Iterator[Function]:
    for node in body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public(node.body)
