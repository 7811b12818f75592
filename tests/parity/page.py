"""The page docs/parity.md and the marks ``@pytest.mark.parity(ids…)`` of the tests: reading both, and writing its
last column (``python -m tests.parity.page``). No test is run here.

A row is ``| `id` | what it is about | proof |``. The proof is the tests that carry the id, or words that begin with
"Argued:" where no test can be run.
"""

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import REPOSITORY

PAGE = REPOSITORY / "docs" / "parity.md"
ARGUED = "Argued:"
SHOWN = 4  # tests named per row; the others are counted
_ROW = re.compile(r"^\| `(?P<id>[^`]+)` \| (?P<about>.*?) \| (?P<proof>[^|]*?) ?\|$")
_TEST = re.compile(r"`(tests/[^`]+::[^`]+)`")


@dataclass(frozen=True)
class Row:
    """One line of the page."""

    id: str
    about: str
    proof: str

    @property
    def tests(self) -> tuple[str, ...]:
        return tuple(_TEST.findall(self.proof))

    @property
    def argued(self) -> bool:
        return self.proof.startswith(ARGUED) and len(self.proof) > len(ARGUED) + 20


def rows(text: str) -> list[Row]:
    found = (_ROW.match(line) for line in text.splitlines())
    return [Row(match["id"], match["about"], match["proof"]) for match in found if match]


def marks(folder: Path = REPOSITORY / "tests") -> dict[str, list[str]]:
    """Id -> the tests that carry it, as path::name, in the order of the files."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("test_*.py")):
        where = path.relative_to(folder.parent).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                for identifier in _ids(node):
                    found[identifier].append(f"{where}::{node.name}")
    return dict(found)


def _ids(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    calls = (call for call in test.decorator_list if isinstance(call, ast.Call))
    marked = (call for call in calls if ast.unparse(call.func) == "pytest.mark.parity")
    return [str(ast.literal_eval(argument)) for call in marked for argument in call.args]


def proof_of(row: Row, marked: dict[str, list[str]]) -> str:
    """What the last column should say: the argument that stands there already, and the tests."""
    tests = marked.get(row.id, [])
    parts = [f"`{test}`" for test in tests[:SHOWN]]
    if row.argued:
        parts.insert(0, row.proof.partition("<br>")[0])
    if len(tests) > SHOWN:
        parts.append(f"and {len(tests) - SHOWN} more")
    return "<br>".join(parts)


def refreshed(text: str) -> str:
    """The page with its last column as the marks are now."""
    marked = marks()
    lines = []
    for line in text.splitlines():
        match = _ROW.match(line)
        if match:
            row = Row(match["id"], match["about"], match["proof"])
            line = f"| `{row.id}` | {row.about} | {proof_of(row, marked)} |"
        lines.append(line)
    return "\n".join(lines) + "\n"


def main() -> int:
    PAGE.write_text(refreshed(PAGE.read_text("utf-8")), "utf-8")
    page, marked = rows(PAGE.read_text("utf-8")), marks()
    for row in page:
        if not row.proof:
            print(f"no proof yet: {row.id}")
    for identifier in sorted(marked.keys() - {row.id for row in page}):
        print(f"not in the page: {identifier} ({marked[identifier][0]})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
