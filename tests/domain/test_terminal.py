"""Text of others can't act on a terminal."""

import pytest

from desktop_app.domain.access.terminal import plain_text


@pytest.mark.parametrize(("raw", "clean"), [
    ("\x1b[36mhello\x1b[0m", "hello"),
    ("10%\r50%\r100%\n", "100%\n"),
    ("one\r\ntwo\r\n", "one\ntwo\n"),
    ("\x1b]0;title\x07text", "text"),
    ("\x1b]52;c;ZXZpbA==\x1b\\text", "text"),
    ("\x9b2Jtext\x9d", "text"),
    ("\x1b\x1b[[2Jtext", "2Jtext"),
    ("safe\u202egnp.exe\u2066", "safegnp.exe"),
    ("tab\tstays\x00\x08", "tab\tstays"),
    ("<b>&amp;</b> ünï 会话", "<b>&amp;</b> ünï 会话"),
])  # fmt: skip
def test_only_what_a_person_would_read_is_left(raw: str, clean: str) -> None:
    assert plain_text(raw) == clean
