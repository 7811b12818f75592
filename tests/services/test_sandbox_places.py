"""Where the sandbox's agent makes environments when the home folder has a blank in its name."""

import shutil
from pathlib import Path

import pytest

from desktop_app.sandbox.agent import setup
from desktop_app.sandbox.home import Home


def made(root: Path) -> Home:
    home = Home(root)
    root.mkdir(parents=True, exist_ok=True)
    home.make()
    return home


@pytest.mark.parametrize("name", ["a b", "tab\there", "Application Support", "nb\u00a0sp"])
def test_no_blank_is_in_the_name_of_the_environments_folder(tmp_path: Path, name: str) -> None:
    home = made(tmp_path / name)
    first = setup.fresh_environments(home)
    try:
        assert not any(sign.isspace() for sign in str(first))
        assert (first.parent.stat().st_mode & 0o777, first.parent.is_symlink()) == (0o700, False)
        first.mkdir()
        again = setup.fresh_environments(home)
        assert again.parent == first.parent, "the same place at the next start"
        again.mkdir()
        setup.discard(home, again)
        assert not again.exists()
    finally:
        shutil.rmtree(first.parent, ignore_errors=True)


def test_a_plain_home_keeps_all_below_itself(tmp_path: Path) -> None:
    home = made(tmp_path / "plain-ü'%")
    assert setup.fresh_environments(home).is_relative_to(home.root)


def test_a_place_that_became_somebody_elses_is_not_used(tmp_path: Path) -> None:
    home = made(tmp_path / "a b")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (home.root / "environments-folder").write_text(str(tmp_path / "link"))
    folder = setup.fresh_environments(home)
    assert folder.parent not in (tmp_path / "link", tmp_path / "elsewhere")
    folder.parent.rmdir()
