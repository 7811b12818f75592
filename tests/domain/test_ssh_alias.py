"""An alias is fit for ssh and for people, and no two sessions share one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.domain.access.ssh_alias import LONGEST, free_alias, slug

TASK = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("Protein folding", "sd-protein-folding"),
        ("  GPU_box.7 (ada)  ", "sd-gpu-box-7-ada"),
        ("Größe – naïve", "sd-groe-naive"),
        ("会话 🚀", "sd-01234567"),
        ("", "sd-01234567"),
        ("-oProxyCommand=evil\nHost *", "sd-oproxycommand-evil-host"),
        ("x" * 300, "sd-" + "x" * LONGEST),
    ],
)
def test_names_become_aliases(name: str, alias: str) -> None:
    assert free_alias(name, TASK, set()) == alias


def test_a_taken_alias_gets_a_number() -> None:
    assert free_alias("a", TASK, {"sd-a"}) == "sd-a-2"
    assert free_alias("a", TASK, {"sd-a", "sd-a-2"}) == "sd-a-3"


@given(st.text(max_size=80))
def test_every_alias_is_plain(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", slug(name, "x"))
