"""Draws who imports whom: circles of modules, and arrows between the parts of a package that point back up."""

import ast
from collections import defaultdict
from collections.abc import Iterable

from tests.shape.tree import Module

Graph = dict[str, set[str]]


def imported_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the full names that these nodes import, for ``from a import b`` both ``a`` and ``a.b``."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def module_graph(modules: list[Module]) -> Graph:
    """Return which of these modules imports which, functions' imports included. A package named only because one of
    its modules is imported is no dependency."""
    by_name = {module.name: module for module in modules}
    graph: Graph = {}
    for name, module in by_name.items():
        targets = imported_names(module.nodes) & by_name.keys() - {name}
        graph[name] = {target for target in targets if not name.startswith(target + ".")}
    return graph


def cycles(graph: Graph) -> list[list[str]]:
    """Return the groups of two and more nodes that reach each other (strongly connected components)."""
    order: list[str] = []
    seen: set[str] = set()
    for node in graph:
        _finish(node, graph, seen, order)
    backward: Graph = defaultdict(set)
    for node, targets in graph.items():
        for target in targets:
            backward[target].add(node)
    groups: list[list[str]] = []
    seen.clear()
    for node in reversed(order):
        group: list[str] = []
        _finish(node, backward, seen, group)
        if len(group) > 1:
            groups.append(sorted(group))
    return groups


def _finish(start: str, graph: Graph, seen: set[str], order: list[str]) -> None:
    """Append to ``order`` what can be reached from ``start`` and was not seen yet, each node after those below it."""
    if start in seen:
        return
    seen.add(start)
    stack = [(start, iter(sorted(graph.get(start, ()))))]
    while stack:
        node, below = stack[-1]
        following = next((target for target in below if target not in seen), None)
        if following is None:
            order.append(node)
            stack.pop()
        else:
            seen.add(following)
            stack.append((following, iter(sorted(graph.get(following, ())))))


def packages(modules: list[Module]) -> list[str]:
    return sorted({module.package for module in modules})


def parts_graph(package: str, graph: Graph) -> Graph:
    """Return the arrows between the sub-packages and modules of one package."""
    depth = package.count(".") + 2
    inside = {name for name in graph if name.startswith(package + ".")}
    parts: Graph = {".".join(name.split(".")[:depth]): set() for name in inside}
    roots = {name for name in inside if name in parts and any(other.startswith(name + ".") for other in inside)}
    for name in inside:
        part = ".".join(name.split(".")[:depth])
        # a sub-package's own __init__ counts by what is imported from its modules
        targets = {".".join(target.split(".")[:depth]) for target in graph[name] & inside - roots}
        parts[part] |= targets - {part}
    return parts


def upward(parts: Graph) -> list[tuple[str, str]]:
    """Return the arrows that point back up, in an order of the parts that makes them few (greedy: users first)."""
    wrong = []
    for group in cycles(parts):
        inside = {node: parts[node] & set(group) for node in group}
        users = {node: sum(node in targets for targets in inside.values()) for node in group}
        ranked = sorted(group, key=lambda node: (users[node] - len(inside[node]), node))
        height = {node: place for place, node in enumerate(ranked)}
        wrong += [(node, target) for node in ranked for target in sorted(inside[node]) if height[target] < height[node]]
    return wrong


def imports_inside_functions(module: Module) -> int:
    """Return how many import statements of our own modules stand inside functions."""
    nodes = {node for function in module.functions for node in ast.walk(function)}
    statements = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    return sum(any(_is_ours(name) for name in imported_names([node])) for node in statements)


def _is_ours(name: str) -> bool:
    return name.split(".")[0] in ("desktop_app", "remote_bootstrap")
