"""What launches still have to upload, as it lies on disk."""

import stat
from pathlib import Path

from desktop_app.adapters.files.profiles import ProfilesFile
from desktop_app.adapters.files.uploads import UploadsFile
from desktop_app.domain.files.transfer import Wanted

WANTED = (Wanted("/data/grüße", 3, 1_600_000_000), Wanted("/data/folder"))


def test_uploads_are_remembered_beside_what_else_is_known_and_dropped_once(tmp_path: Path) -> None:
    profiles, uploads = ProfilesFile(tmp_path / "config", tmp_path), UploadsFile(tmp_path)
    profiles.save_host_key("acc/t", "key")
    uploads.save("acc/t", WANTED)
    other = UploadsFile(tmp_path)
    assert (other.sessions(), other.of("acc/t"), other.of("acc/u")) == (("acc/t",), WANTED, ())
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600
    assert [one.drop("acc/t") for one in (other, uploads)] == [True, False]
    assert not uploads.drop("acc/u")
    assert (uploads.sessions(), profiles.host_key("acc/t")) == ((), "key")
    uploads.save("acc/t", WANTED)
    profiles.forget_session("acc/t")
    assert uploads.sessions() == ()


def test_a_damaged_row_is_no_upload(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"schema": 1, "sessions": {"a/b": {"uploads": "x"}, "a/c": []}}')
    assert UploadsFile(tmp_path).sessions() == ()
    rows = (
        '[{}, {"path": ""}, {"path": null}, {"path": ["/a"]}, {"path": "here"}, {"path": "../up"}, {"path": "/good"}]'
    )
    (tmp_path / "state.json").write_text(f'{{"schema": 1, "sessions": {{"a/b": {{"uploads": {rows}}}}}}}')
    assert UploadsFile(tmp_path).of("a/b") == (Wanted("/good"),)
    (tmp_path / "state.json").write_text('{"schema": 1, "sessions": {"a/b": {"uploads": [{}]}, "a/c": []}}')
    assert UploadsFile(tmp_path).sessions() == ()
    assert not UploadsFile(tmp_path).drop("a/c")
