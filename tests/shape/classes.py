"""Counts the methods of classes: their own, and with those that they inherit from classes of ours."""

import ast
from dataclasses import dataclass, field

from tests.shape.tree import Function, Module


@dataclass(frozen=True)
class Class:
    name: str  # "package.module.Class"
    methods: frozenset[str]  # properties and nested names included, an overload once
    bases: tuple[str, ...]  # full names, as far as the module's imports tell


@dataclass
class Family:
    """Every class of a set of modules, by its full name."""

    classes: dict[str, Class] = field(default_factory=dict)
    _exported: dict[str, str] = field(default_factory=dict)  # "package.Name" -> where a package's __init__ has it from

    def effective(self, name: str) -> frozenset[str]:
        """Return the names of all methods of a class, inherited ones of our own classes counted once each."""
        name = self._exported.get(name, name)
        one = self.classes.get(name)
        if one is None:
            return frozenset()
        return one.methods.union(*(self.effective(base) for base in one.bases if base != name))


def family(modules: list[Module]) -> Family:
    """Return the classes of these modules with their bases resolved through each module's imports."""
    result = Family()
    for module in modules:
        imported = _imported(module)
        if module.path.name == "__init__.py":
            result._exported.update({f"{module.name}.{name}": full for name, full in imported.items()})
        local = {node.name: f"{module.name}.{node.name}" for node in module.classes}
        for node in module.classes:
            full = f"{module.name}.{node.name}"
            bases = tuple(_resolved(base, local | imported) for base in node.bases)
            result.classes[full] = Class(full, _methods(node), bases)
    return result


def _methods(node: ast.ClassDef) -> frozenset[str]:
    return frozenset(item.name for item in node.body if isinstance(item, Function))


def _imported(module: Module) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
    return names


def _resolved(base: ast.expr, names: dict[str, str]) -> str:
    """Return the full name of a base class: ``Generic[T]`` is ``Generic``, ``module.Class`` by what module is."""
    if isinstance(base, ast.Subscript):
        base = base.value
    head, _, rest = ast.unparse(base).partition(".")
    return names.get(head, head) + (f".{rest}" if rest else "")
