"""Workspaces over the sandbox's server and file server: stored, restored, kept, and never lost on the way."""

import os
import shutil
import sys
import tarfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from desktop_app.sandbox.launch import SandboxInfo
from remote_bootstrap import contract
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.session.context import Context
from remote_bootstrap.steps import room, snapshots, transport
from remote_bootstrap.steps.workspace import Job, Workspace, folder_of_session
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.task.report import ServerError
from remote_bootstrap.task.settings import Settings
from tests.support.sandbox_server import RealApi, Refused, own_sandbox

pytestmark = pytest.mark.slow
WAIT = 120.0


class ApiServer:
    """The part of report.TaskServer that workspaces use, over the real API."""

    def __init__(self, api: RealApi, task: str) -> None:
        self._api, self._task = api, task
        self.runtime: dict[str, str] = {}

    def call(self, endpoint: str, body: Mapping[str, Any]) -> dict[str, Any]:
        sys.audit("sessiondock.request", endpoint, body)
        try:
            return self._api.call(endpoint, **body)
        except Refused as error:
            raise ServerError(str(error)) from error

    def edit_runtime(self, properties: Mapping[str, str]) -> None:
        self.runtime.update(properties)


class Session:
    """One session's workspace; ``folder`` is what the task's parameter says, ``home`` the machine's disk."""

    def __init__(self, lab: "Lab", folder: str, **more: str) -> None:
        self.task = lab.new_task(folder, **more)
        self.server = cast(Any, ApiServer(lab.api, self.task))
        self.said: list[str] = []
        self.progress = Progress()
        raw = {"store_workspace": folder, **more}
        settings = Settings("key", lab.disk, raw=raw)
        scratch = lab.disk / ".sessiondock" / self.task
        context = Context(self.task, scratch, scratch, settings, Environments(scratch, print), "127.0.0.1")
        found = folder_of_session(settings, self.server)
        assert found is not None
        self.folder = found
        self.workspace = Workspace(context, self.server, lab.info.files_url, self.progress, self.said.append, found)

    def restore(self) -> None:
        self.workspace.restore(lambda: False)

    def store(self, **how: bool) -> Job:
        job = self.workspace.store(**how)
        assert job.done.wait(WAIT)
        return job

    def snapshots(self) -> list[snapshots.Snapshot]:
        return snapshots.of_task(self.server, self.task)


class Lab:
    """One server, and a disk per test that can be wiped as a new container's is."""

    def __init__(self, info: SandboxInfo, disk: Path) -> None:
        self.info, self.disk, self.api = info, disk, RealApi(info)

    def new_task(self, folder: str, section: str = "", tag: str = "", **more: str) -> str:
        section, tag = section or contract.SECTION, tag or contract.SYSTEM_TAG
        values = {"store_workspace": folder, **more}
        parameters = {name: {"section": section, "name": name, "value": text} for name, text in values.items()}
        task = str(self.api.call("tasks.create", name="a session/ü", type="application", system_tags=[tag],
                                 hyperparams={section: parameters})["id"])  # fmt: skip
        self.api.call("tasks.started", task=task, force=True)
        return task

    def session(self, folder: str = "~/work", **more: str) -> Session:
        return Session(self, folder, **more)

    def wipe(self, session: Session) -> None:
        shutil.rmtree(session.folder, ignore_errors=True)

    def fetch(self, url: str) -> httpx.Response:
        answer = self.api.call("auth.login")
        return httpx.get(url, headers={"Authorization": f"Bearer {answer['token']}"})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxInfo]:
    with own_sandbox("--no-agent") as made:
        yield made


@pytest.fixture
def lab(sandbox: SandboxInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    values = {
        "CLEARML_API_HOST": sandbox.api_url, "CLEARML_FILES_HOST": sandbox.files_url,
        "CLEARML_API_ACCESS_KEY": sandbox.access_key, "CLEARML_API_SECRET_KEY": sandbox.secret_key,
        "HOME": str(tmp_path), "SESSIONDOCK_HOME": str(tmp_path / ".sessiondock"),
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return Lab(sandbox, tmp_path)


@pytest.mark.parity("--store-workspace")
def test_stored_in_one_session_and_restored_into_the_next(lab: Lab) -> None:
    first = lab.session()
    first.restore()
    (first.folder / "sub").mkdir(parents=True)
    (first.folder / "sub" / "grüße\n1").write_text("work of hours")
    job = first.store(final=True, asked=False)
    assert not job.failed and "1 file," in job.text, job.text
    lab.wipe(first)
    second = lab.session()
    second.restore()
    assert (second.folder / "sub" / "grüße\n1").read_text() == "work of hours"
    assert second.progress.current().phase == contract.RESTORING or not second.progress.current().notices


@pytest.mark.parity("L5")
def test_a_newer_session_without_a_snapshot_or_of_another_folder_hides_nothing(lab: Lab) -> None:
    first = lab.session("~/five")
    first.restore()
    (first.folder / "precious").write_text("x")
    first.store()
    lab.wipe(first)
    other = lab.session("~/other")
    other.restore()
    assert not (other.folder / "precious").exists()
    (other.folder / "file").write_text("other")
    other.store()
    empty = lab.session("~/five")
    empty.folder.mkdir(parents=True)
    empty.workspace._kept_back = ""  # as if it had found nothing
    assert "empty" in empty.store(final=True, asked=False).text
    assert empty.snapshots() == []
    lab.session("~/five")  # one that died before it did anything
    last = lab.session(str(lab.disk / "five") + "/")
    last.restore()
    assert (last.folder / "precious").read_text() == "x"


@pytest.mark.parity("--continue-session")
def test_a_named_session_is_continued_with_its_folder(lab: Lab) -> None:
    first = lab.session("~/named")
    first.restore()
    (first.folder / "a").write_text("first")
    first.store()
    second = lab.session("~/named")
    second.restore()
    (second.folder / "a").write_text("second")
    second.store()
    lab.wipe(first)
    address = f"http://app.example/projects/{'0' * 32}/experiments/{first.task}/output/log"
    third = lab.session("", continue_session=address)
    assert third.folder == first.folder
    third.restore()
    assert (third.folder / "a").read_text() == "first"
    fourth = lab.session("~/elsewhere", continue_session=first.task)
    fourth.restore()
    assert "1 file," in fourth.store(final=True, asked=False).text  # unchanged, but in no snapshot of this folder


def test_a_named_session_without_a_snapshot_is_told_and_nothing_is_overwritten(lab: Lab) -> None:
    old = lab.session("~/named2")
    new = lab.session("~/named2", continue_session=old.task)
    new.restore()
    assert any("has no snapshot" in text for text in new.progress.current().notices)
    (new.folder / "a").write_text("x")
    assert "not stored" in new.store(final=True, asked=False).text
    assert new.snapshots() == []
    assert not new.store().failed  # a person may want it all the same
    assert len(new.snapshots()) == 1


@pytest.mark.parity("L4", "L7")
def test_the_last_two_are_kept_and_only_checked_ones_replace(lab: Lab) -> None:
    session = lab.session("~/versions")
    session.restore()
    urls = []
    for number in range(3):
        (session.folder / "file").write_text("x" * (number + 1))
        assert not session.store().failed
        urls.append(session.snapshots()[0].url)
        threading.Event().wait(1.1)  # their names have the second
    found = session.snapshots()
    assert [one.url for one in found] == urls[:0:-1]
    assert [one.key for one in found] == ["workspace", "old_workspace"]
    assert [lab.fetch(url).status_code for url in urls] == [404, 200, 200]
    task = lab.api.call("tasks.get_all", id=[session.task], only_fields=["execution"])["tasks"][0]
    assert {one["mode"] for one in task["execution"]["artifacts"]} == {"input"}  # deleting the task leaves them
    assert "workspace_sync_ts" in session.server.runtime


def test_an_upload_that_is_not_what_was_sent_replaces_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    session = lab.session("~/damage")
    session.restore()
    (session.folder / "file").write_text("good")
    session.store()
    (before,) = session.snapshots()
    (session.folder / "file").write_text("better")
    checksum = transport.checksum
    monkeypatch.setattr(transport, "checksum", lambda path: checksum(path)[::-1])
    job = session.store()
    assert job.failed and "not what was uploaded" in job.text
    assert session.snapshots() == [before]
    assert any("not what was uploaded" in text for text in session.progress.current().notices)
    monkeypatch.setattr(transport, "checksum", checksum)
    assert not session.store().failed  # and the next one works


def test_what_did_not_change_is_not_stored_again(lab: Lab) -> None:
    session = lab.session("~/same")
    session.restore()
    (session.folder / "file").write_text("x")
    session.store()
    (first,) = session.snapshots()
    assert "not changed" in session.store().text
    assert session.snapshots() == [first]
    lab.wipe(session)
    again = lab.session("~/same")
    again.restore()
    assert "not changed" in again.store(final=True, asked=False).text
    assert again.snapshots() == []


@pytest.mark.parity("--store-workspace")
def test_files_that_no_snapshot_holds_are_stored_though_nobody_touched_them(lab: Lab) -> None:
    folder = lab.disk / "before"
    folder.mkdir()
    (folder / "old").write_text("it was there first")
    first = lab.session("~/before")
    first.restore()
    assert "1 file," in first.store(final=True, asked=False).text
    lab.wipe(first)
    folder.mkdir()
    (folder / "beside").write_text("on the second machine")
    second = lab.session("~/before")
    second.restore()
    assert "2 files" in second.store(final=True, asked=False).text


def test_whose_session_it_is_says_whose_folder_counts(lab: Lab) -> None:
    """clearml-session continues one of ours: its clone has our parameters too, about another folder."""
    theirs = lab.new_task("~/theirs", section="interactive_session", tag="interactive")
    item = {"section": contract.SECTION, "name": "store_workspace", "value": "~/ours"}
    lab.api.call("tasks.edit_hyper_params", task=theirs, hyperparams=[item], force=True)
    server: Any = ApiServer(lab.api, theirs)
    assert snapshots.folder_text(server, theirs) == "~/theirs"
    lab.api.call("tasks.edit", task=theirs, system_tags=["sessiondock", "interactive"], force=True)
    assert snapshots.folder_text(server, theirs) == "~/ours"


def test_a_task_that_the_server_calls_stopped_gets_its_last_snapshot(lab: Lab) -> None:
    session = lab.session("~/stopped")
    session.restore()
    (session.folder / "file").write_text("x")
    session.store()
    (session.folder / "file").write_text("the last word")
    lab.api.call("tasks.stopped", task=session.task, force=True)
    job = session.store(final=True, asked=False)
    assert not job.failed, job.text
    assert [one.key for one in session.snapshots()] == ["workspace", "old_workspace"]


@pytest.mark.parity("L6")
def test_storing_while_it_is_stored_joins_it(lab: Lab) -> None:
    session = lab.session("~/twice")
    session.restore()
    (session.folder / "file").write_text("x")
    jobs = {id(session.workspace.store()) for _ in range(5)}
    assert len(jobs) == 1
    session.store()
    assert len(session.snapshots()) == 1


@pytest.mark.parity("L3")
def test_what_can_not_be_stored_is_named_once(lab: Lab) -> None:
    session = lab.session("~/links")
    session.restore()
    (session.folder / "dangling").symlink_to("nowhere")
    (session.folder / "file").write_text("x")
    job = session.store()
    assert "dangling (a link that leads nowhere)" in job.text
    (session.folder / "file").write_text("xy")
    session.store()
    notices = [text for text in session.progress.current().notices if "dangling" in text]
    assert len(notices) == 1


@pytest.mark.parity("L4")
def test_giving_up_at_the_limit_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    session = lab.session("~/slow")
    session.restore()
    (session.folder / "file").write_text("x")
    monkeypatch.setattr("remote_bootstrap.steps.workspace.LIMIT", 0.3)
    session.workspace.finish()
    assert any("longer than" in text for text in session.progress.current().notices)
    assert session.workspace.store(asked=False).done.wait(WAIT)


@pytest.mark.parametrize("fits", [0, 1_000])
def test_a_snapshot_that_does_not_fit_is_told_and_none_takes_its_place(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, fits: int
) -> None:
    """Neither as an archive nor unpacked. An older one that fits, stored again, would become the newest."""
    older = lab.session()
    older.restore()
    (older.folder / "small").write_text("old")
    older.store()
    newer = lab.session()
    (newer.folder / "big").write_bytes(bytes(100_000))
    newer.restore()
    newer.store()
    lab.wipe(newer)
    newer.folder.mkdir()
    (newer.folder / "mine").write_text("of this machine")
    monkeypatch.setattr(room, "spare", lambda _folder: fits)
    session = lab.session()
    session.restore()
    assert [path.name for path in session.folder.iterdir()] == ["mine"]
    (told,) = session.progress.current().notices
    assert told.startswith("The workspace could not be restored: the snapshot of “a session/ü”: it needs")
    assert f"has {fits / 1000 if fits else 0:g}" in told and "to spare" in told
    monkeypatch.undo()
    assert "not stored" in session.store(asked=False).text and session.snapshots() == []


# -- with clearml-session


@pytest.mark.parity("--store-workspace", "--continue-session")
def test_a_workspace_of_clearml_session_is_restored(lab: Lab) -> None:
    """Its artifact, as recorded: no checksum of ours, and its own section and tag."""
    theirs = lab.new_task("~/cli", section="interactive_session", tag="interactive")
    source = lab.disk / "source"
    source.mkdir()
    (source / "notebook.ipynb").write_text("{}")
    archive = Path(shutil.make_archive(str(lab.disk / "workspace_snapshot"), "gztar", str(source)))
    url = f"{lab.info.files_url}/DevOps/Interactive Session.{theirs}/artifacts/workspace/workspace_snapshot.tar.gz"
    transport.run(["upload", str(archive), url], lab.disk / ".sessiondock" / "out", lambda _pid: None, lambda: False)
    artifact = {
        "key": "workspace", "type": "custom", "mode": "input", "uri": url.replace(" ", "%20"),
        "content_size": archive.stat().st_size,
        "hash": "0" * 64, "timestamp": 1795384657, "display_data": [["created_by_session", theirs]],
    }  # fmt: skip
    lab.api.call("tasks.add_or_update_artifacts", task=theirs, artifacts=[artifact], force=True)
    session = lab.session("~/cli")
    session.restore()
    assert (session.folder / "notebook.ipynb").read_text() == "{}"


@pytest.mark.parity("--store-workspace")
def test_clearml_session_can_restore_ours(lab: Lab) -> None:
    """It clones the task, which copies input artifacts, fetches ``workspace`` and unpacks it with shutil."""
    session = lab.session("~/ours")
    session.restore()
    (session.folder / "file").write_text("x")
    session.store()
    clone = lab.api.call("tasks.clone", task=session.task)["id"]
    artifacts = lab.api.call("tasks.get_all", id=[clone], only_fields=["execution"])["tasks"][0]["execution"][
        "artifacts"
    ]
    (found,) = [one for one in artifacts if one["key"] == "workspace"]
    assert found["uri"].endswith(".tar.gz") and found["type_data"]["content_type"] == "application/x-tar"
    local = lab.disk / "got.tar.gz"
    local.write_bytes(lab.fetch(found["uri"]).content)
    assert local.stat().st_size == found["content_size"]
    shutil.unpack_archive(str(local), str(lab.disk / "theirs"))
    assert (lab.disk / "theirs" / "file").read_text() == "x"
    with tarfile.open(local) as tar:
        assert all(not name.startswith("/") for name in tar.getnames())


def test_the_storage_program_is_ended_with_the_storing(lab: Lab) -> None:
    url = f"{lab.info.files_url}/nothing"
    with pytest.raises(transport.Stopped):
        transport.run(["download", url, os.devnull], lab.disk / ".sessiondock" / "out", lambda _pid: None, lambda: True)
    with pytest.raises(transport.WorkspaceError):
        transport.run(
            ["download", url, os.devnull], lab.disk / ".sessiondock" / "out", lambda _pid: None, lambda: False
        )
