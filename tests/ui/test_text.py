"""Text from servers can't become markup, mnemonics or control codes."""

from datetime import UTC, datetime, timedelta

import pytest

from desktop_app.ui.look import text

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_tooltips_and_notifications_escape():
    assert text.tooltip("<b>x</b>") == "<qt>&lt;b&gt;x&lt;/b&gt;</qt>"
    assert text.notification_body("<a href='x'>&") == "&lt;a href='x'&gt;&amp;"
    assert text.tooltip("") == ""


def test_menu_text_is_one_short_line_without_mnemonics():
    assert text.menu_text("a & b\nc") == "a && b c"
    assert len(text.menu_text("x" * 500, 40)) == 40


@pytest.mark.parametrize(("seconds", "said"), [
    (0, "just now"), (59, "just now"), (60, "1 minute ago"), (3599, "59 minutes ago"), (7200, "2 hours ago"),
])  # fmt: skip
def test_ago(seconds, said):
    assert text.ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_ago_of_long_ago_and_never():
    assert text.ago(NOW - timedelta(days=3), NOW).startswith("20 Nov 2026")
    assert text.ago(None) == ""
    assert text.ago(datetime(2026, 11, 23, 11, 0), NOW) == "1 hour ago"
