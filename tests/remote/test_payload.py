"""The task's script: readable, complete, the package's own bytes, and good for Python 3.8."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app.adapters.clearml import payload
from remote_bootstrap import contract
from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "remote_bootstrap"
MODULES = {f"remote_bootstrap/{path.relative_to(PACKAGE).as_posix()}": path for path in sorted(PACKAGE.rglob("*.py"))}

# Names that a newer Python than 3.8 brought to modules that the bootstrap uses (docs of each: "Added in version").
TOO_NEW = {
    "functools": {"cache"},
    "typing": {"Annotated", "TypeAlias", "ParamSpec", "Self", "Never", "assert_never", "override", "NotRequired"},
    "importlib": {"resources"},
    "contextlib": {"chdir", "aclosing"},
    "itertools": {"pairwise", "batched"},
    "hashlib": {"file_digest"},
    "os": {"pidfd_open", "waitstatus_to_exitcode", "login_tty", "EX_NOTFOUND"},
    "random": {"randbytes"},
}
TOO_NEW_METHODS = {
    "removeprefix", "removesuffix", "is_relative_to", "readlink", "with_stem", "hardlink_to", "walk", "bit_count"
}  # fmt: skip
TOO_NEW_MODULES = {"tomllib", "zoneinfo", "graphlib"}


def run_unpacked(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", code, str(folder)], capture_output=True, text=True, check=False, timeout=30
    )


def test_every_module_is_embedded_byte_by_byte(tmp_path: Path) -> None:
    script = tmp_path / contract.ENTRY_POINT
    script.write_text(payload.build_payload(), encoding="utf-8")
    env = {**os.environ, "SESSIONDOCK_HOME": str(tmp_path / "home")}
    code = f"import runpy; runpy.run_path({str(script)!r})['unpack']('task')"
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=30)
    written = tmp_path / "home" / "sessions" / "task" / "code"
    found = {path.relative_to(written).as_posix(): path.read_bytes() for path in written.rglob("*.py")}
    assert found == {name: path.read_bytes() for name, path in MODULES.items()}
    assert (written.parent.stat().st_mode & 0o777) == 0o700


def test_every_module_can_be_read_in_the_script() -> None:
    script = payload.build_payload()
    for path in MODULES.values():
        assert path.read_text("utf-8") in script


def test_nobody_else_can_change_a_folder_on_the_way_to_the_program(tmp_path: Path) -> None:
    """Whatever the agent's umask: who may write the parent could put another session in place."""
    script = tmp_path / contract.ENTRY_POINT
    script.write_text(payload.build_payload(), encoding="utf-8")
    old = tmp_path / "home" / "sessions"
    code = f"import os, runpy; os.umask(0); runpy.run_path({str(script)!r})['unpack']('task')"
    environment = {**os.environ, "SESSIONDOCK_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=30)
    made = [tmp_path / "home", old, old / "task", old / "task" / "code"]
    assert [oct(one.stat().st_mode & 0o777) for one in made] == ["0o700"] * 4
    old.chmod(0o777)  # as an earlier version left it
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=30)
    assert old.stat().st_mode & 0o777 == 0o700


def test_the_script_starts_a_session(tmp_path: Path) -> None:
    """Run as the agent does, without a task: it says what it wants instead of a traceback."""
    script = tmp_path / contract.ENTRY_POINT
    script.write_text(payload.build_payload(), encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "CLEARML_TASK_ID" in done.stderr


@pytest.mark.parametrize("text", ["a = '''x'''\n", "x = 1\\", "x = 'a'", "x = 1\r\n"])
def test_what_a_raw_string_can_not_hold_is_refused(text: str) -> None:
    with pytest.raises(payload.PayloadError, match="module"):
        payload._embedded("module", text)


def test_the_script_is_python_3_8() -> None:
    ast.parse(payload.build_payload(), feature_version=(3, 8))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_python_3_8(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text("utf-8"), feature_version=(3, 8))
    wrong = [problem for node in ast.walk(tree) for problem in too_new(node)]
    assert not wrong, wrong


def too_new(node: ast.AST) -> list[str]:
    """What Python 3.8 would stumble over although its grammar knows it."""
    found: list[str] = []
    if isinstance(node, ast.ImportFrom):
        names = TOO_NEW.get(node.module or "", set()) & {alias.name for alias in node.names}
        found += [f"{node.lineno}: {node.module}.{name}" for name in names]
    if isinstance(node, ast.Import | ast.ImportFrom):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        found += [f"{node.lineno}: {module}" for module in modules if module.split(".")[0] in TOO_NEW_MODULES]
    if isinstance(node, ast.Attribute):
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if node.attr in TOO_NEW.get(owner, set()) or (node.attr in TOO_NEW_METHODS and owner != "os"):
            found.append(f"{node.lineno}: {owner}.{node.attr}")
    return found + runtime_annotations(node)


def runtime_annotations(node: ast.AST) -> list[str]:
    """``list[str]`` and ``X | Y`` where they are evaluated; in quotes they are text."""
    annotations: list[ast.expr | None] = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        annotations = [node.returns, *(argument.annotation for argument in arguments)]
    elif isinstance(node, ast.AnnAssign):
        annotations = [node.annotation]
    builtin = {"list", "dict", "set", "tuple", "type", "frozenset"}
    return [
        f"{inner.lineno}: {ast.unparse(inner)}"
        for annotation in annotations
        if annotation is not None
        for inner in ast.walk(annotation)
        if (isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.BitOr))
        or (isinstance(inner, ast.Subscript) and isinstance(inner.value, ast.Name) and inner.value.id in builtin)
    ]


def test_the_check_for_python_3_8_finds_things() -> None:
    code = (
        "import tomllib\nfrom functools import cache\ndef f(x: list[str]) -> int | None: ...\n'x'.removeprefix('y')\n"
        "y: 'list[str]' = []\n"
    )
    found = [problem for node in ast.walk(ast.parse(code)) for problem in too_new(node)]
    assert len(found) == 5


def test_the_desktop_can_import_the_applications_without_unix(tmp_path: Path) -> None:
    """The desktop reads their data on Windows too: nothing that only Unix has may be imported at a module's top."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "for name in ('fcntl', 'pwd', 'grp', 'termios', 'pty', 'resource', 'syslog'): sys.modules[name] = None\n"
        "from remote_bootstrap.contract.apps import APPS; print(len(APPS))"
    )
    done = run_unpacked(REPOSITORY, code)
    assert done.stdout == "3\n", done.stderr
