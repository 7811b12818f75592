"""The launch form that the option table makes: an editor per kind, what folds hide, what fields say of each other."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton

from desktop_app.domain.accounts.account import Queue, Worker
from desktop_app.domain.launch.option import Kind
from desktop_app.domain.launch.options import LaunchSpec, defaults, options
from desktop_app.ui.widgets.controls import Fold
from tests.ui.finding import find
from tests.ui.test_wizard import ready

FULL = LaunchSpec(
    queue="default", name="my work", tags="a tag\nanother", session_cleanup="no", vscode=False, base_task="b1",
    docker="python:3.12", packages="torch==2.5\ntqdm", requirements="/tmp/r.txt", init_script="export A=1\nexport B=2",
    docker_args="--shm-size=8g", docker_network="port", upload_files="/etc/hosts", git_credentials=True,
    randomize="always", ssh_port="2222:2300",
)  # fmt: skip


@pytest.fixture
def form(qtbot, core, open_wizard):
    return ready(qtbot, open_wizard(core, "sandbox")).launch_page.form


def fold(form, page) -> Fold:
    return find(form, f"fold-{page}", Fold)


def test_every_option_has_a_field_that_keeps_its_value(form):
    assert list(form.fields) == [name for page in {o.page: 0 for o in options().values()} for name in sorted(
        (n for n, o in options().items() if o.page is page), key=lambda n: options()[n].advanced)]  # fmt: skip
    form.show_spec(FULL)
    assert form.spec() == FULL


def test_a_closed_fold_says_what_it_holds_and_first_what_is_set(form):
    form.show_spec(defaults())
    environment = fold(form, "environment")
    assert environment.text() == "7 more options"
    assert environment.accessibleDescription().startswith("Requirements file, Init script, Init script's limit, Base")
    form.show_spec(FULL)
    assert not environment.isChecked()
    assert environment.accessibleName() == "7 more options, 4 changed: Its environment"
    assert environment.accessibleDescription().startswith(
        "Changed: Requirements file, Init script, Docker arguments, Docker network · Init script's limit, Base folder"
    )
    form.fields["tags"].set_value("")
    form.fields["tags"].edited.emit()
    assert fold(form, "where").accessibleDescription().startswith("Changed: Finished sessions · Tags, ")


def test_a_fold_of_many_options_does_not_widen_the_window(form):
    form.show_spec(FULL)
    assert fold(form, "access").minimumSizeHint().width() < 400


def test_what_needs_another_field_is_said_at_that_field(form):
    form.show_spec(replace(defaults(), queue="default", docker_args="--shm-size=8g"))
    assert form.checked() is None
    assert "choose one, too" in form.fields["docker_args"]._error.text() and fold(form, "environment").isChecked()
    form.fields["docker"].set_value("python:3.12")
    assert form.checked() == form.spec()


def test_a_password_is_hidden_and_forgotten(form):
    line = form.fields["password"].target
    line.setText("correct horse")
    assert line.echoMode() is QLineEdit.EchoMode.Password
    find(form, "show-password", QPushButton).click()
    assert line.echoMode() is QLineEdit.EchoMode.Normal
    form.forget_secrets()
    assert {form.fields[name].value() for name, o in options().items() if o.kind is Kind.SECRET} == {""}


def test_files_are_chosen_with_the_system_s_dialog(qtbot, form, monkeypatch, tmp_path):
    script = tmp_path / "init.sh"
    script.write_text("export A=1\n", "utf-8")
    answers = {
        "getOpenFileName": (str(script), ""),
        "getOpenFileNames": (["/a", "/b"], ""),
        "getExistingDirectory": "/c",
    }
    for name, answer in answers.items():
        monkeypatch.setattr(QFileDialog, name, lambda *_arguments, found=answer: found)
    for identifier in ("browse-requirements", "add-files-upload_files", "add-folder-upload_files", "load-init_script"):
        find(form, identifier, QPushButton).click()
    qtbot.waitUntil(lambda: bool(form.spec().init_script))  # which a job reads
    spec = form.spec()
    assert (spec.requirements, spec.upload_files, spec.init_script) == (str(script), "/a\n/b\n/c", "export A=1")


def test_a_script_that_can_not_be_read_is_named(qtbot, form, monkeypatch, tmp_path):
    broken = tmp_path / "image.png"
    Path(broken).write_bytes(b"\xff\xfe\x00")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_arguments: (str(broken), ""))
    find(form, "load-init_script", QPushButton).click()
    note = form.fields["init_script"].editor._note
    qtbot.waitUntil(lambda: bool(note.text()))
    assert "image.png can't be read: it is not text" in note.text()


@pytest.mark.parity("U1", "--queue-include-tag", "--queue-excluded-tag")
def test_the_list_of_queues_follows_the_tags(qtbot, core, open_wizard):
    queues = (
        Queue("1", "plain", (Worker("a"),)),
        Queue("2", "gpu", tags=("gpu",)),
        Queue("3", "slow", tags=("gpu", "slow")),
    )
    core.world.server("sandbox").put_queues(queues)
    form = ready(qtbot, open_wizard(core, "sandbox")).launch_page.form
    combo = form.fields["queue"].target

    def offered() -> set[str]:
        return {combo.itemData(index) for index in range(combo.count())}

    assert offered() == {"plain", "gpu", "slow"}
    form.fields["queue_include_tag"].target.setPlainText("gpu")
    assert offered() == {"plain", "gpu", "slow"}, "the chosen one stays"
    assert "has other tags" in combo.currentText()
    combo.setCurrentIndex(combo.findData("gpu"))
    form.fields["queue_excluded_tag"].target.setPlainText("slow")
    assert offered() == {"gpu"}
