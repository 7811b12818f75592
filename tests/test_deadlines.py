"""No program that we start can hold us up for ever: every wait for one has a deadline, checked on the syntax trees."""

import ast
from collections.abc import Iterator

import pytest

from tests.test_architecture import MODULES

RUN = ("run", "call", "check_call", "check_output")
# Nobody can say how long these take, and nothing but the thing itself waits for them.
ENDLESS = {
    ("desktop_app.cli.terminal.shell", "subprocess.run"): "a person's own shell",
    ("remote_bootstrap.servers.asyncssh_main", "child.wait"): "a person's own shell or command, over SSH",
}
# ``wait()`` of these is an event's or a condition's in our own process, not a program's.
OURS = ("_wake", "done", "ended", "_opened")


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield module, node, ast.unparse(node.func)


def is_endless(call: ast.Call, name: str) -> bool:
    owner, _, method = name.rpartition(".")
    given = {word.arg for word in call.keywords}
    if owner == "subprocess":
        return method in RUN and "timeout" not in given
    if method == "communicate":
        return "timeout" not in given
    return method == "wait" and not call.args and not given and owner.rpartition(".")[2] not in OURS


def test_every_wait_for_a_program_has_a_deadline() -> None:
    found = {(module, name) for module, call, name in calls() if is_endless(call, name)}
    assert found == set(ENDLESS)


@pytest.mark.parametrize(
    ("code", "endless"),
    [
        ("subprocess.run(argv)", True),
        ("subprocess.check_output(argv, text=True)", True),
        ("subprocess.run(argv, timeout=3)", False),
        ("process.communicate()", True),
        ("self._process.communicate(timeout=3)", False),
        ("self._process.wait()", True),
        ("process.wait(3)", False),
        ("self._wake.wait()", False),
    ],
)
def test_what_counts_as_endless(code: str, endless: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert is_endless(call, ast.unparse(call.func)) is endless


def test_no_program_is_started_by_other_means() -> None:
    """Neither by the ways that know no deadline nor under names that the check above would not see."""
    wrong = [
        (module, ast.unparse(node))
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.ImportFrom) and node.module == "subprocess")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.system", "os.popen"))
    ]
    assert wrong == []
