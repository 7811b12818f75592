"""The import rules of ARCHITECTURE.md, checked on the syntax trees: who may know whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from remote_bootstrap.contract.apps import BY_KEY, SSH

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("desktop_app", "remote_bootstrap")

# package -> packages that it may import from (longest matching prefix wins)
MAY_IMPORT = {
    "remote_bootstrap": {"remote_bootstrap"},
    # What both halves exchange: light, because the desktop loads it before its first frame.
    "remote_bootstrap.contract": {"remote_bootstrap.contract"},
    "desktop_app.domain": {"desktop_app.domain", "remote_bootstrap.contract"},
    "desktop_app.boundary": {"desktop_app.boundary", "desktop_app.domain", "remote_bootstrap.contract"},
    "desktop_app.services": {
        "desktop_app.services", "desktop_app.boundary", "desktop_app.domain", "remote_bootstrap.contract",
    },
    "desktop_app.adapters": {
        "desktop_app.adapters", "desktop_app.boundary", "desktop_app.domain", "desktop_app.file_lock",
        "desktop_app.private_files", "remote_bootstrap.contract",
    },
    # The adapters of what is a program of its own.
    "desktop_app.adapters.local_sandbox": {
        "desktop_app.adapters", "desktop_app.boundary", "desktop_app.domain", "desktop_app.sandbox",
    },
    # How files are written, and by one process at a time: for everybody who writes some.
    "desktop_app.private_files": set(),
    "desktop_app.file_lock": set(),
    # The one adapter that reads the remote program itself: it makes the task's script of it.
    "desktop_app.adapters.clearml.payload": {"remote_bootstrap"},
    "desktop_app.ui": {
        "desktop_app.ui", "desktop_app.services", "desktop_app.boundary", "desktop_app.domain",
        "remote_bootstrap.contract",
    },
    # The world in memory stands in the adapters' place: only the composition and tests may know it.
    "desktop_app.demo": {"desktop_app.demo", "desktop_app.boundary", "desktop_app.domain", "remote_bootstrap.contract"},
    "desktop_app.sandbox": {
        "desktop_app.sandbox", "desktop_app.domain", "desktop_app.file_lock", "desktop_app.private_files",
        "remote_bootstrap.contract",
    },
    "desktop_app.cli": {
        "desktop_app.cli", "desktop_app.services", "desktop_app.boundary", "desktop_app.domain",
        "desktop_app.compose", "desktop_app.paths", "desktop_app.window_start", "remote_bootstrap.contract",
    },
    # The composition layer: the only modules that know everybody.
    "desktop_app.compose": {"desktop_app", "remote_bootstrap"},
    "desktop_app.paths": set(),
    "desktop_app.window_start": {"desktop_app"},
    "desktop_app.late": {"desktop_app", "remote_bootstrap"},
    "desktop_app.self_test": {"desktop_app", "remote_bootstrap"},
    "desktop_app.__main__": {"desktop_app"},
    "desktop_app": set(),
}  # fmt: skip

COMPOSITION = (
    "desktop_app.compose", "desktop_app.late", "desktop_app.window_start", "desktop_app.self_test",
    "desktop_app.__main__",
)  # fmt: skip

# library -> where alone it may be imported
ONLY_IN = {
    "PySide6": ("desktop_app.ui",),
    "paramiko": ("desktop_app.adapters.ssh.",),
    "keyring": ("desktop_app.adapters.keyring_store",),
    "httpx": ("desktop_app.adapters.clearml.",),
    "socksio": ("desktop_app.adapters.clearml.wire.client",),
    "pyhocon": ("desktop_app.adapters.files.credentials",),
    "flask": ("desktop_app.sandbox",),
    "waitress": ("desktop_app.sandbox",),
    "jwt": ("desktop_app.sandbox",),
    "clearml": ("remote_bootstrap.",),
    "clearml_agent": (),
}


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            if parts[-1] == "__init__":
                parts.pop()
            found[".".join(parts)] = path
    return found


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def package_of(module: str) -> str:
    return max((package for package in MAY_IMPORT if belongs(module, package)), key=len)


def belongs(module: str, package: str) -> bool:
    return module == package or module.startswith((package + ".", package + "_"))


def allowed(module: str, target: str) -> bool:
    packages = MAY_IMPORT[package_of(module)]
    if target in ("desktop_app", "remote_bootstrap"):
        return True  # the bare package holds the version only
    if package_of(module) in COMPOSITION:
        return True
    return any(belongs(target, package) for package in packages - {"desktop_app"})


MODULES = modules()


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_the_packages_below(module: str) -> None:
    known = {m for m in imports_of(MODULES[module]) if m.split(".")[0] in PACKAGES}
    real = {m for m in known if m in MODULES}  # names inside a module resolve to the module itself
    wrong = {m for m in real if not allowed(module, m)}
    assert not wrong, f"{module} may not import {sorted(wrong)}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_library_stays_in_its_package(library: str) -> None:
    users = {m for m, path in MODULES.items() if any(i.split(".")[0] == library for i in imports_of(path))}
    wrong = {m for m in users if not m.startswith(ONLY_IN[library])}
    assert not wrong, f"{library} is imported by {sorted(wrong)}"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {m: {i for i in imports_of(p) if i in MODULES and i != m} for m, p in MODULES.items()}
    # "from package import submodule" names the package too; a package's __init__ is not a dependency by itself
    graph = {m: {i for i in deps if not m.startswith(i + ".")} for m, deps in graph.items()}
    state: dict[str, int] = {}

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert state.get(module) != 1, " -> ".join((*trail, module))
        if state.get(module) == 2:
            return
        state[module] = 1
        for target in sorted(graph[module]):
            visit(target, (*trail, module))
        state[module] = 2

    for module in graph:
        visit(module, ())


PARTS = sorted({m.rpartition(".")[0] for m in MODULES} - {""})
# Packages whose own file holds more than a docstring: who imports one depends on it, and not only on what is in it.
WITH_CODE = {part for part in PARTS if len(ast.parse(MODULES[part].read_text("utf-8")).body) > 1}


@pytest.mark.parametrize("package", PARTS)
def test_the_parts_of_a_package_have_one_direction(package: str) -> None:
    """Between the sub-packages and modules of every package, imports point one way: none can reach itself again."""

    def part_of(module: str) -> str:
        return ".".join(module.split(".")[: package.count(".") + 2])

    inside = [m for m in MODULES if m.startswith(package + ".")]
    graph: dict[str, set[str]] = {part_of(m): set() for m in inside}
    why: dict[tuple[str, str], str] = {}
    for module in inside:
        for target in imports_of(MODULES[module]) & set(inside):
            if (target not in PARTS or target in WITH_CODE) and part_of(target) != part_of(module):
                graph[part_of(module)].add(part_of(target))
                why[part_of(module), part_of(target)] = f"{module} imports {target}"
    while leaves := {part for part, below in graph.items() if not below & graph.keys()}:
        graph = {part: below for part, below in graph.items() if part not in leaves}
    assert not graph, [why[a, b] for a, below in graph.items() for b in below & graph.keys()]


IMPORT_THE_DOMAIN = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
print(*sys.modules)
"""


def test_the_domain_loads_little() -> None:
    """The window loads all of the domain before its first frame."""
    domain = [m for m in MODULES if m.startswith("desktop_app.domain")]
    program = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{IMPORT_THE_DOMAIN}"]
    loaded = set(subprocess.run([*program, *domain], check=True, capture_output=True, text=True).stdout.split())
    assert set(domain) <= loaded
    assert len({m for m in loaded if m.startswith("remote_bootstrap")}) <= 6
    assert not loaded & {"tarfile", "ssl", "urllib.request", "subprocess"}


def test_packaging_is_not_a_package() -> None:
    """An __init__.py there would shadow the library ``packaging`` that pip and pytest import."""
    assert not (ROOT / "packaging" / "__init__.py").exists()


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_owns(module: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[module].read_text("utf-8"))), f"{module} has no docstring"


def test_an_application_key_is_spelled_in_its_own_file_only() -> None:
    """One row per application: nobody else may branch on a key (desktop_app/domain/launch/options.py owns the
    launch options of the same name, contract/clearml_session.py another program's names). "ssh" is also a
    program's name, so there only comparing counts."""
    wrong = []
    for module, path in MODULES.items():
        if module.startswith(
            (
                "remote_bootstrap.contract.apps",
                "desktop_app.domain.launch.options",
                "remote_bootstrap.contract.clearml_session",
            )
        ):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        compared = {n for c in ast.walk(tree) if isinstance(c, ast.Compare) for n in ast.walk(c)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or node.value not in BY_KEY:
                continue
            if node.value != SSH.key or node in compared:
                wrong.append(f"{module}:{node.lineno}")
    assert not wrong, wrong


# What types into terminals, and exists on one kind of system only.
NOT_EVERYWHERE = {"fcntl", "termios", "tty", "pty", "msvcrt", "winpty", "pexpect", "wexpect", "ptyprocess"}
ONE_SYSTEM_ONLY = (
    "desktop_app.adapters.os.",
    "desktop_app.sandbox",
    "desktop_app.file_lock",
)  # chosen by the system that they are for


@pytest.mark.parity("W2", "W4")
def test_the_desktop_needs_no_terminal_of_one_system() -> None:
    wrong = {
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if module.startswith("desktop_app") and not module.startswith(ONE_SYSTEM_ONLY)
        for name in {target.split(".")[0] for target in imports_of(path)} & NOT_EVERYWHERE
    }
    assert not wrong


SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}


@pytest.mark.parity("S8")
def test_no_command_is_a_text_for_a_shell() -> None:
    """What a person, a server or a keyring gave us is an argument of its own, never a part of a command line."""
    wrong = []
    for module, path in MODULES.items():
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        for call in calls:
            by_shell = any(k.arg == "shell" and ast.unparse(k.value) != "False" for k in call.keywords)
            if by_shell or ast.unparse(call.func) in SHELLS:
                wrong.append(f"{module}:{call.lineno}")
    assert not wrong


# What fetches something by itself: an archive with its checksum, an address, pages of the session's own applications.
FETCHERS = {
    "remote_bootstrap.installers.codeserver": "compares the SHA-256 that the task names",
    "remote_bootstrap.installers.vsix": "the file that the task names: by https, and by its SHA-256 where it names one",
    "remote_bootstrap.machine.network": "asks its own applications, and a service for an address",
}


@pytest.mark.parity("S9")
def test_nothing_is_downloaded_without_a_checksum() -> None:
    """Everything else comes through uv, pip and npm, which check what their registries say."""
    fetching = {
        module
        for module, path in MODULES.items()
        if module.startswith("remote_bootstrap") and {"urllib.request", "http.client"} & imports_of(path)
    }
    assert fetching <= FETCHERS.keys(), f"say in FETCHERS why: {fetching - FETCHERS.keys()}"


def _classes(prefix: str) -> dict[str, set[str]]:
    """Class name -> its bases, in the modules below that package."""
    return {
        node.name: {ast.unparse(base) for base in node.bases}
        for module, path in MODULES.items()
        if module.startswith(prefix)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }


def test_adapters_name_what_they_implement() -> None:
    """Each Protocol of the boundary is a base of an adapter, so that an editor finds one from the other."""
    protocols = {name for name, bases in _classes("desktop_app.boundary.").items() if "Protocol" in bases}
    implemented = {base for bases in _classes("desktop_app.adapters.").values() for base in bases}
    assert not protocols - implemented, protocols - implemented
