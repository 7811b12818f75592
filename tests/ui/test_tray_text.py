"""Session names in the tray's menu: what dbusmenu would read as marks stays visible."""

import sys

import pytest

from desktop_app.ui.look.text import tray_text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("train_run_7", "train__run__7"),
        ("a & b", "a && b"),
        ("two\nlines", "two lines"),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
def test_tray_text(name: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert tray_text(name, 40) == shown


def test_other_systems_take_underscores_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert tray_text("train_run") == "train_run"
