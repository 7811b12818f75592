"""Checksums of many files, asked of a bootstrap that can make them and of one that takes a file at a time."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import pytest

from desktop_app.adapters.ssh.control import ControlChannel
from desktop_app.adapters.ssh.transfer.checksums import Checksums
from desktop_app.adapters.ssh.transport.wire import Deadline
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import failure
from remote_bootstrap import contract
from remote_bootstrap.channel.operations.operation import Host, OperationError
from remote_bootstrap.channel.operations.table import OPERATIONS


class Bootstrap:
    """Its operations without a channel. ``knows``: those that its version has."""

    def __init__(self, *knows: str) -> None:
        self.knows = knows
        self.asked: list[str] = []

    def ask(self, op: str, args: Mapping[str, object]) -> Callable[[Deadline], dict[str, object]]:
        self.asked.append(op)
        return lambda _deadline: self._answer(op, args)

    def _answer(self, op: str, args: Mapping[str, object]) -> dict[str, object]:
        if op not in self.knows:
            raise failure("ssh.refused", why=f"unknown operation {op!r}")
        try:
            return OPERATIONS[op](cast(Host, None), dict(args))
        except OperationError as error:
            raise failure("ssh.refused", why=str(error)) from None


def checksums(machine: Bootstrap) -> Checksums:
    return Checksums(cast(ControlChannel, machine), threading.Event())


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[str, int]]:
    for number in range(20):
        (tmp_path / f"{number} é").write_bytes(b"x" * number)
    return [*((str(tmp_path / f"{number} é"), number) for number in range(20)), (str(tmp_path / "nothing"), 1)]


WANTED = (*(hashlib.sha256(b"x" * number).hexdigest() for number in range(20)), "")


def test_one_request_is_enough_for_many(files: list[tuple[str, int]]) -> None:
    machine = Bootstrap(contract.OP_FILES_DIGEST, contract.OP_FILES_DIGESTS)
    assert checksums(machine).many(files, Cancel(5))() == WANTED
    assert machine.asked == [contract.OP_FILES_DIGESTS]


def test_an_older_bootstrap_is_asked_for_each_and_not_for_many_again(files: list[tuple[str, int]]) -> None:
    machine = Bootstrap(contract.OP_FILES_DIGEST)
    sums = checksums(machine)
    for _ in range(2):
        assert sums.many(files, Cancel(5))() == WANTED
    assert machine.asked.count(contract.OP_FILES_DIGESTS) == 1


def test_a_file_that_is_too_short_has_no_checksum(files: list[tuple[str, int]]) -> None:
    machine = Bootstrap(contract.OP_FILES_DIGEST, contract.OP_FILES_DIGESTS)
    assert checksums(machine).many([(files[3][0], 4), (files[3][0], 3)], Cancel(5))() == ("", WANTED[3])


@pytest.mark.parametrize("value", [None, "x", [1], [["x"]], [["x", -1]], [[1, 1]]])
def test_the_bootstrap_refuses_what_is_no_list_of_files(value: object) -> None:
    with pytest.raises(OperationError):
        OPERATIONS[contract.OP_FILES_DIGESTS](cast(Host, None), {"files": value})
