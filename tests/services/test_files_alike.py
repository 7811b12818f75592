"""Transfers of several files for one place, over the fake machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.outside import World
from tests.services.test_files import Rig
from tests.support.core_rig import CoreRig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with CoreRig(World()) as core:
        yield Rig(core, core.running(), tmp_path)


def test_of_two_files_for_one_place_the_last_arrives_and_the_other_is_named(rig: Rig) -> None:
    """Written at once they would become a mixture of both."""
    for folder, text in (("one", "a longer text"), ("two", "short")):
        (rig.here / folder).mkdir()
        (rig.here / folder / "log.txt").write_text(text)
    done = rig.upload("one/log.txt", "two/log.txt")
    assert (rig.there / "log.txt").read_text() == "short"
    assert done.files == 1
    (left_out,) = done.skipped
    assert left_out.path.endswith("one/log.txt")
    assert left_out.why == "another file of the same name comes after it"


def test_names_that_differ_by_case_alone_do_not_travel_at_once(rig: Rig) -> None:
    """Some disks don't tell them apart; on others both are there."""
    for name in ("log.txt", "LOG.txt", "other.txt"):
        (rig.here / name).write_text(name)
    assert rig.upload("log.txt", "LOG.txt", "other.txt").files == 3
    assert {path.name: path.read_text() for path in rig.there.iterdir()} == {
        name: name for name in ("log.txt", "LOG.txt", "other.txt")
    }
