"""Names what is larger than the limits: long files and functions, classes with many methods, crowded packages."""

from collections import Counter
from pathlib import Path

from tests.shape.classes import family
from tests.shape.tree import PRODUCT, Module, length, modules

FILE_LINES = 400
FUNCTION_LINES = 60
CLASS_METHODS = 20  # inherited ones of ours counted
PACKAGE_FILES = 12  # of different kinds, side by side; without __init__.py


def long_files(given: list[Module]) -> dict[str, int]:
    return {module.name: module.lines for module in given if module.lines > FILE_LINES}


def long_functions(given: list[Module]) -> dict[str, int]:
    return {
        f"{module.name}.{function.name}": length(function)
        for module in given
        for function in module.functions
        if length(function) > FUNCTION_LINES
    }


def large_classes(given: list[Module]) -> dict[str, int]:
    """Return every class with more methods than the limit, and how many it has."""
    classes = family(given)
    counted = {name: len(classes.effective(name)) for name in classes.classes}
    return {name: count for name, count in counted.items() if count > CLASS_METHODS}


def crowded_packages(root: Path) -> dict[str, int]:
    files = files_side_by_side(modules(root, *PRODUCT, "tests"))
    return {package: count for package, count in files.items() if count > PACKAGE_FILES}


def files_side_by_side(given: list[Module]) -> Counter[str]:
    """Return how many files lie in each folder, ``__init__.py`` and ``__main__.py`` not counted."""
    folders = [module.path.parent.relative_to(module.root) for module in given if not module.path.name.startswith("__")]
    return Counter(".".join(folder.parts) for folder in folders)
