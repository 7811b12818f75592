"""What launches still have to upload, as it lies on disk."""

import stat
from pathlib import Path

from desktop_app.adapters.files.memory import MemoryFiles
from desktop_app.domain.files.transfer import Wanted

WANTED = (Wanted("/data/grüße", 3, 1_600_000_000), Wanted("/data/folder"))


def test_uploads_are_remembered_beside_what_else_is_known_and_dropped_once(tmp_path: Path) -> None:
    memory = MemoryFiles(tmp_path / "config", tmp_path)
    uploads = memory.uploads
    memory.trust.save_host_key("acc/t", "key")
    uploads.save("acc/t", WANTED)
    other = MemoryFiles(tmp_path / "config", tmp_path).uploads
    assert (other.sessions(), other.of("acc/t"), other.of("acc/u")) == (("acc/t",), WANTED, ())
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600
    assert [one.drop("acc/t") for one in (other, uploads)] == [True, False]
    assert not uploads.drop("acc/u")
    assert (uploads.sessions(), memory.trust.host_key("acc/t")) == ((), "key")
    uploads.save("acc/t", WANTED)
    memory.sessions.forget("acc/t")
    assert uploads.sessions() == ()


def test_a_damaged_row_is_no_upload(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"schema": 1, "sessions": {"a/b": {"uploads": "x"}, "a/c": []}}')
    assert MemoryFiles(tmp_path / "config", tmp_path).uploads.sessions() == ()
    rows = (
        '[{}, {"path": ""}, {"path": null}, {"path": ["/a"]}, {"path": "here"}, {"path": "../up"}, {"path": "/good"}]'
    )
    (tmp_path / "state.json").write_text(f'{{"schema": 1, "sessions": {{"a/b": {{"uploads": {rows}}}}}}}')
    assert MemoryFiles(tmp_path / "config", tmp_path).uploads.of("a/b") == (Wanted("/good"),)
    (tmp_path / "state.json").write_text('{"schema": 1, "sessions": {"a/b": {"uploads": [{}]}, "a/c": []}}')
    assert MemoryFiles(tmp_path / "config", tmp_path).uploads.sessions() == ()
    assert not MemoryFiles(tmp_path / "config", tmp_path).uploads.drop("a/c")
