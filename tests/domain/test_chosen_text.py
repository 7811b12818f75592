"""The one reader of text files that people name."""

import os
from pathlib import Path

import pytest

from desktop_app.adapters.files.chosen_text import read_chosen
from desktop_app.domain.launch.chosen_text import UnreadableText, decoded

TEXT = "export FROM_BOM=1\nexport ZWEI=zwölf # 日本\n"


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_what_editors_and_shells_write(encoding: str, ends: str) -> None:
    assert decoded(TEXT.replace("\n", ends).encode(encoding)) == TEXT


def test_marks_of_the_other_byte_order() -> None:
    for encoding, mark in (("utf-16-be", b"\xfe\xff"), ("utf-32-be", b"\0\0\xfe\xff"), ("utf-32-le", b"\xff\xfe\0\0")):
        assert decoded(mark + TEXT.encode(encoding)) == TEXT


def test_a_declared_encoding_counts_as_it_does_for_pip() -> None:
    assert decoded("# -*- coding: latin-1 -*-\nétoile".encode("latin-1")) == "# -*- coding: latin-1 -*-\nétoile"


@pytest.mark.parametrize("name", ["utf-8-unix", "utf-8-dos", "undefined", "hex", "punycode", "no-such-thing"])
def test_a_declaration_that_names_no_encoding_of_texts_does_not_count(name: str) -> None:
    text = f"#!/bin/sh\n# -*- coding: {name} -*-\n{TEXT}"
    assert decoded(text.encode()) == text


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfe\x00", b"caf\xe9", b"# coding: no-such\n\xe9", b"\0\0\0\0"]
)
def test_what_is_no_text_is_said(data: bytes) -> None:
    with pytest.raises(UnreadableText, match="it is not text"):
        decoded(data)


def test_nothing_is_a_text_too() -> None:
    assert decoded(b"") == decoded(b"\xef\xbb\xbf") == decoded(b"\xff\xfe") == ""


def test_only_files_with_a_bound(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(b"x" * 101)
    for path, why in (
        ("/dev/zero", "regular file"),
        (tmp_path / "pipe", "regular file"),
        (tmp_path, "folder"),
        (tmp_path / "no", "no such file"),
        (tmp_path / "big", "larger than"),
        ("~nobody-here/x", "no such file"),
        ("a\0b", "null"),
    ):
        with pytest.raises(UnreadableText, match=why):
            read_chosen(path, 100)


def test_what_a_shell_hands_over_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"export A=1\n")
    os.close(writing)
    assert read_chosen(f"/dev/fd/{reading}") == "export A=1\n"
    os.close(reading)
