"""Why a file can't be written, as a session tells it: tried for real. See tests/integration for full disks."""

from pathlib import Path
from typing import cast

import pytest

from remote_bootstrap import contract
from remote_bootstrap.channel.operations.operation import Host, OperationError
from remote_bootstrap.channel.operations.table import OPERATIONS

ask = OPERATIONS[contract.OP_FILES_REFUSAL]


@pytest.mark.parametrize(
    ("name", "at", "why"),
    [
        ("fine", 0, ""),
        ("fine", 1 << 61, "File too large"),
        ("gone/file", 0, "No such file or directory"),
        ("file/below", 0, "Not a directory"),
        ("x" * 300, 0, "File name too long"),
    ],
)
def test_the_systems_words_come_back_and_nothing_stays(tmp_path: Path, name: str, at: int, why: str) -> None:
    (tmp_path / "file").touch()
    assert ask(cast(Host, None), {"path": str(tmp_path / name), "at": at}) == {"why": why, "disk": False}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("args", [{}, {"path": "/x"}, {"path": 1, "at": 0}, {"path": "/x", "at": -1}])
def test_what_is_no_question_is_refused(args: dict[str, object]) -> None:
    with pytest.raises(OperationError):
        ask(cast(Host, None), args)
