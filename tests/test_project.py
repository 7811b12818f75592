"""What pyproject.toml and the tree promise about each other."""

import ast
import importlib
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_every_folder_with_code_is_a_package_that_ships() -> None:
    folders = {path.parent for top in ("desktop_app", "remote_bootstrap") for path in (ROOT / top).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []
    # found by name, so a new package ships without a list that has to be kept
    assert project()["tool"]["setuptools"]["packages"]["find"]["include"] == ["desktop_app*", "remote_bootstrap*"]


def test_the_bootstraps_only_requirement_is_the_sandboxs_sdk() -> None:
    from remote_bootstrap import contract

    assert contract.CLEARML_REQUIREMENT in project()["project"]["optional-dependencies"]["sandbox"]


def test_versions_agree() -> None:
    import desktop_app
    import remote_bootstrap

    assert desktop_app.__version__ == remote_bootstrap.__version__ == project()["project"]["version"]


def test_no_source_file_is_longer_than_the_bar() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for top in ("desktop_app", "remote_bootstrap", "tests", "packaging")
        for path in (ROOT / top).rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert not long


IGNORED = re.compile(r"# type: ignore(?!\[[a-z, -]+\]  # \S)")


def test_where_types_are_ignored_it_says_why() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for top in ("desktop_app", "remote_bootstrap", "tests", "packaging")
        for path in (ROOT / top).rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if path != Path(__file__) and IGNORED.search(line)
    ]
    assert found == [], "write `# type: ignore[kind]  # why`"


def test_every_link_of_the_pages_leads_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert not broken


def test_decisions_are_numbered_once_each() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(set(numbers)) == len(numbers)  # gaps may be numbers that others hold
    assert [page.read_text("utf-8")[:7] for page in pages] == [f"# {number} " for number in numbers]


# What the pages name without its beginning, as their reader knows where they are.
BESIDE = ("", "desktop_app", "desktop_app/adapters", "remote_bootstrap", "tests", "docs")


def test_every_file_that_the_pages_name_exists() -> None:
    missing = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for name in re.findall(r"`((?:[\w-]+/)+[\w-]+\.(?:py|md|sh|txt))`", page.read_text("utf-8")):
            if not any((ROOT / folder / name).exists() for folder in BESIDE):
                missing.append(f"{page.name}: {name}")
    assert not missing


def test_every_file_has_a_name_that_every_system_can_hold() -> None:
    """What a test left in the checkout is soon committed."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    odd = [name for name in done.stdout.split(b"\0") if not re.fullmatch(rb"[\w./+-]*", name)]
    assert odd == []


def test_no_program_that_the_window_starts_opens_a_console_on_windows() -> None:
    calls = [
        (f"{path.relative_to(ROOT)}:{node.lineno}", {keyword.arg for keyword in node.keywords})
        for path in (ROOT / "desktop_app" / "adapters").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("subprocess.run", "subprocess.Popen")
    ]
    assert calls and [place for place, given in calls if "creationflags" not in given] == []


def test_every_bench_can_be_started() -> None:
    """Nothing else imports them, so that a name that moved would be noticed by whoever needs a figure."""
    for path in sorted((ROOT / "tests" / "bench").glob("*.py")):
        importlib.import_module(f"tests.bench.{path.stem}")


def _annotations(tree: ast.Module) -> list[str]:
    found = [node.annotation for node in ast.walk(tree) if isinstance(node, (ast.arg, ast.AnnAssign))]
    found += [node.returns for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [ast.unparse(one) for one in found if one is not None and not isinstance(one, ast.Constant)]


def test_what_python_38_runs_has_types_that_it_can_read() -> None:
    """Also where no Python 3.8 is at hand to say so (make test-py38)."""
    script = (ROOT / "tests" / "remote" / "run_py38.sh").read_text("utf-8")
    names = [*re.findall(r"tests/remote/test_\w+\.py", script.partition("SESSIONDOCK_TEST_PYTHON=")[0])]
    assert len(names) > 3
    paths = [*(ROOT / "remote_bootstrap").rglob("*.py"), *(ROOT / name for name in names)]
    paths += [ROOT / "tests" / "fakes" / "task_on_disk.py", ROOT / "tests" / "support" / "waiting.py"]
    new = re.compile(r" \| |\b(?:list|dict|tuple|set|frozenset|type|Callable|Iterator|Mapping|Sequence)\[")
    bad = []
    for path in paths:
        text = path.read_text("utf-8")
        typing = {
            name
            for line in re.findall(r"^from typing import (.*)", text, re.MULTILINE)
            for name in re.split(r"[,\s]+", line)
        }
        wrong = [
            one for one in _annotations(ast.parse(text)) for hit in new.findall(one) if hit.rstrip("[") not in typing
        ]
        if wrong and "from __future__ import annotations" not in text:
            bad.append(f"{path.relative_to(ROOT)}: {wrong[0]}")
    assert bad == []
