"""Prints what the code looks like as a table, for this checkout or another one:

python -m tests.shape [--docstrings] [CHECKOUT]
"""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from tests.shape import imports, limits, words
from tests.shape.classes import family
from tests.shape.tree import PRODUCT, Function, Module, length, modules, public_functions

Row = tuple[str, str]
HERE = Path(__file__).resolve().parent.parent.parent


def share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def per_thousand(count: int, lines: int) -> str:
    return f"{1000 * count / lines:.2f}"


def sizes(product: list[Module]) -> Iterator[Row]:
    lines = [module.lines for module in product]
    lengths = [length(function) for module in product for function in module.functions]
    yield "files / lines", f"{len(product)} / {sum(lines)}"
    yield "file median / max", f"{median(lines):.0f} / {max(lines)}"
    yield "files over 400 lines", str(sum(count > limits.FILE_LINES for count in lines))
    yield "functions", str(len(lengths))
    yield "function median / p90 / max", f"{median(lengths):.0f} / {quantiles(lengths, n=10)[-1]:.0f} / {max(lengths)}"
    over = [sum(count > limit for count in lengths) for limit in (30, limits.FUNCTION_LINES)]
    yield "functions over 30 / over 60 lines", f"{share(over[0], len(lengths))} / {over[1]}"


def class_rows(product: list[Module]) -> Iterator[Row]:
    classes = family(product)
    own = {name: len(defined.methods) for name, defined in classes.classes.items()}
    effective = {name: len(classes.effective(name)) for name in classes.classes}
    for title, counts in (("of their own", own), ("inherited ones of ours counted", effective)):
        large = sum(count > limits.CLASS_METHODS for count in counts.values())
        name = max(counts, key=counts.__getitem__)
        yield f"classes with over 20 methods {title}", f"{large} of {len(counts)}, max {counts[name]} ({name})"


def import_rows(product: list[Module]) -> Iterator[Row]:
    graph = imports.module_graph(product)
    circles = imports.cycles(graph)
    yield "import cycles (modules in the largest)", f"{len(circles)} ({max(map(len, circles), default=0)})"
    yield "imports of our own modules inside functions", str(sum(map(imports.imports_inside_functions, product)))
    parts = {package: imports.parts_graph(package, graph) for package in imports.packages(product)}
    wrong = {package: imports.upward(arrows) for package, arrows in parts.items()}
    arrows = sum(len(targets) for part in parts.values() for targets in part.values())
    yield "arrows between a package's parts / pointing up", f"{arrows} / {sum(map(len, wrong.values()))}"
    for package, pairs in wrong.items():
        if pairs:
            yield f"  pointing up in {package}", str(len(pairs))


def text_rows(product: list[Module]) -> Iterator[Row]:
    lines = sum(module.lines for module in product)
    comments = sum(len(module.comments) for module in product)
    docs = sum(module.docstring_lines() for module in product)
    public = [function for module in product for function in public_functions(module)]
    documented = words.docstrings(public)
    yield "comment lines / docstring lines", f"{share(comments, lines)} / {share(docs, lines)}"
    yield "public functions / with a docstring", f"{len(public)} / {share(len(documented), len(public))}"
    for title, pattern in (("units", words.UNITS), ("errors", words.ERRORS)):
        yield (
            f"public functions that name {title}",
            share(sum(bool(pattern.search(d)) for _, d in documented), len(public)),
        )
    every = words.docstrings([function for module in product for function in module.functions])
    verbs = sum(words.begins_with_a_verb(text) for _, text in every)
    yield "functions' docstrings that begin with a verb", f"{share(verbs, len(every))} of {len(every)}"
    vague = words.vague_names(product)
    counts = " / ".join(per_thousand(vague[name], lines) for name in words.VAGUE_NAMES)
    yield f"values named {' / '.join(words.VAGUE_NAMES)}, per 1,000 lines", counts


def care_rows(product: list[Module]) -> Iterator[Row]:
    lines = sum(module.lines for module in product)
    functions = [function for module in product for function in module.functions]
    handlers = [node for module in product for node in module.nodes if isinstance(node, ast.ExceptHandler)]
    broad = [node for node in handlers if node.type is None or is_broad(node.type)]
    silent = sum(all(isinstance(line, ast.Pass) for line in node.body) for node in broad)
    yield "broad excepts per 1,000 lines (silent ones)", f"{per_thousand(len(broad), lines)} ({silent})"
    yield "functions with every type written", share(sum(map(words.is_annotated, functions)), len(functions))
    comments = [comment for module in product for comment in module.comments]
    ignored = sum("type: ignore" in comment for comment in comments)
    yield "type: ignore per 1,000 lines", per_thousand(ignored, lines)
    yield "TODO, FIXME, XXX", str(sum(bool(re.search(r"\b(TODO|FIXME|XXX)\b", comment)) for comment in comments))


def is_broad(caught: ast.expr) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(ast.unparse(name) in ("Exception", "BaseException") for name in names)


def test_rows(product: list[Module], tests: list[Module]) -> Iterator[Row]:
    lines = sum(module.lines for module in product)
    cases = sum(is_test(function) for module in tests for function in module.functions if is_test_file(module))
    calls = [node for module in tests for node in module.nodes if isinstance(node, ast.Call)]
    sleeps = sum(ast.unparse(call.func) in ("time.sleep", "sleep") for call in calls)
    yield "test functions / per 1,000 lines of the product", f"{cases} / {1000 * cases / lines:.0f}"
    yield "test lines : product lines", f"{sum(module.lines for module in tests) / lines:.2f}"
    yield "sleeps in tests", str(sleeps)


def is_test(function: Function) -> bool:
    return function.name.startswith("test_")


def is_test_file(module: Module) -> bool:
    return module.path.name.startswith("test_")


def folder_rows(product: list[Module]) -> Iterator[Row]:
    for package, count in limits.files_side_by_side(product).most_common():
        if count >= 10:
            yield f"files side by side in {package}", str(count)


def table(root: Path) -> list[Row]:
    product, tests = modules(root, *PRODUCT), modules(root, "tests")
    parts = (sizes, class_rows, import_rows, text_rows, care_rows, folder_rows)
    rows = [row for part in parts for row in part(product)]
    return [*rows, *test_rows(product, tests)]


def without_a_verb(root: Path) -> Iterator[str]:
    for module in modules(root, *PRODUCT):
        for function, text in words.docstrings(module.functions):
            if not words.begins_with_a_verb(text):
                yield f"{module.path.relative_to(root)}:{function.lineno}: {function.name}: {text.splitlines()[0]}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.shape", description="Counts what the code looks like.")
    parser.add_argument("checkout", nargs="?", type=Path, default=HERE, help="another checkout than this one")
    parser.add_argument(
        "--docstrings", action="store_true", help="list functions whose docstring begins without a verb"
    )
    given = parser.parse_args()
    if given.docstrings:
        print(*without_a_verb(given.checkout), sep="\n")
        return
    for title, value in table(given.checkout):
        print(f"{title:<58} {value}")


if __name__ == "__main__":
    main()
