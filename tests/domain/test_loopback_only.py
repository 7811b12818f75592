"""Nobody in our sources asks for every interface of a computer, but for the SSH server on a remote machine."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EVERYWHERE = ("0.0.0.0", "::", "0", "")
# who may name those: the remote SSH server, the table of addresses that would clash with ours, names like "ray::Worker"
MAY_NAME = {
    "remote_bootstrap/machine/network.py",
    "desktop_app/adapters/ssh/forwarding/ports.py",
    "desktop_app/domain/access/port_services.py",
}
BINDING = ("bind", "create_server", "TCPServer", "HTTPServer", "ThreadingHTTPServer", "start_server")


def sources() -> list[Path]:
    return [path for package in ("desktop_app", "remote_bootstrap") for path in sorted((ROOT / package).rglob("*.py"))]


def test_no_source_names_every_interface() -> None:
    named = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in ("0.0.0.0", "::")
    }
    assert named <= MAY_NAME


def test_no_listener_is_bound_to_an_empty_address() -> None:
    """Python and most libraries take "" for every interface."""
    wrong = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or _name(node.func) not in BINDING:
                continue
            for argument in node.args[:1]:
                first = argument.elts[0] if isinstance(argument, ast.Tuple) and argument.elts else argument
                if isinstance(first, ast.Constant) and first.value in EVERYWHERE:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not wrong


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
