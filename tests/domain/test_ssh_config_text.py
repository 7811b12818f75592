"""The user's ssh configuration is theirs: our line comes and goes, and every other byte stays what it was."""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from desktop_app.domain.access.ssh_config_text import (
    BOM,
    NOTE,
    Place,
    host_names,
    include_line,
    place_of,
    with_include,
    without_include,
)
from desktop_app.domain.problems import AppError

OURS = "/home/ada/.config/sessiondock/ssh_config"
PLAIN = b"Host work\n  User ada\n\nHost *\n\tCompression yes\n"

# Bits of which real and odd configurations consist, put together at random.
BITS = st.sampled_from(
    [
        *(b"Host work\n", b"Match all\n", b"Include ~/.ssh/more\n", b"Include\n", b"\n", b"\r\n", b"  ", b"\t", b'"'),
        *(b"# note\n", b"Host * !b*\n", b"host=x\n", b"Include = a b\n", b"\xff\xfe", b"\xe4", b"\\", b"User ada\r\n"),
        *(BOM, NOTE, NOTE + b"\n", b'Include "/elsewhere/ssh_config"\n', b"\x0b", b"\r"),
    ]
)
TEXTS = st.one_of(
    st.lists(BITS, max_size=12).map(b"".join), st.binary(max_size=200).filter(lambda text: b"\0" not in text)
)
PATHS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=30).map(lambda tail: f"/{tail}")


@settings(max_examples=400, deadline=None)
@given(TEXTS, PATHS)
@example(PLAIN, OURS)
@example(BOM + PLAIN, 'C:/Users/Ada "the" L/sd')
@example(NOTE + b"\n\n", OURS)
def test_every_byte_but_our_lines_stays(text: bytes, path: str) -> None:
    assume(place_of(text, path) is Place.ABSENT)
    added = with_include(text, path)
    assert place_of(added, path) is Place.TOP
    assert with_include(added, path) == added
    assert added.endswith(text.removeprefix(BOM))
    assert without_include(added, path) == text
    assert without_include(text, path) == text


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_text_makes_the_parser_fail(text: bytes) -> None:
    place_of(text, OURS)
    without_include(text, OURS)
    assert all(isinstance(name, str) for name in host_names(text))


def test_the_line_is_the_very_first_and_a_note_says_how_to_undo_it() -> None:
    lines = with_include(PLAIN, OURS).splitlines()
    assert lines[:2] == [NOTE, f'Include "{OURS}"'.encode()]
    assert b"ssh-config remove" in NOTE


def test_a_file_with_windows_line_ends_keeps_them() -> None:
    text = PLAIN.replace(b"\n", b"\r\n")
    added = with_include(text, OURS)
    assert b"\n" not in added.replace(b"\r\n", b"")
    assert without_include(added, OURS) == text


def test_a_line_below_a_host_is_moved_to_the_top() -> None:
    buried = PLAIN + include_line(OURS).encode() + b"\n"
    assert place_of(buried, OURS) is Place.BURIED
    assert without_include(with_include(buried, OURS), OURS) == PLAIN


@pytest.mark.parametrize(
    "line",
    [b"include %s\n", b'  INCLUDE="%s"\r\n', b"Include %s # mine\n", b"Include other %s\n", b'"Include" %s\n'],
)
def test_a_line_that_somebody_wrote_by_hand_counts(line: bytes) -> None:
    text = line % OURS.encode() + PLAIN
    assert place_of(text, OURS) is Place.TOP
    assert with_include(text, OURS) == text


def test_a_line_that_includes_other_files_too_is_left_alone() -> None:
    text = b"Include other " + OURS.encode() + b"\n"
    assert without_include(text, OURS) == text


def test_a_commented_line_does_not_count() -> None:
    assert place_of(b"# " + include_line(OURS).encode() + b"\n", OURS) is Place.ABSENT


def test_utf16_is_refused() -> None:
    with pytest.raises(AppError) as caught:
        with_include(PLAIN.decode().encode("utf-16"), OURS)
    assert caught.value.problem.code == "ssh.config_text"


def test_the_users_host_names_are_known_and_patterns_are_not() -> None:
    text = BOM + b'Host sd-one "sd two" *.lan !sd-no # sd-comment\nHOST=SD-Three\nHostName sd-four\n'
    assert host_names(text) == {"sd-one", "sd two", "sd-three"}
