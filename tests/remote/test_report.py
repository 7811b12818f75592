"""The session's report: how it changes, how it reaches the task. As test_units.py:
Python 3.8, standard library and pytest only.
"""

import json
from typing import Any, cast

import pytest

from remote_bootstrap import contract
from remote_bootstrap.contract import AppReport, Record, clearml_session
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.task.report import Publisher, ServerError, TaskStatus

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIClc+iDIgnNKgeHZCAHLnywLqBqHg9NjfxrHDCu3YAi6"
RECORD = Record("t" * 32, "10.1.2.3", 10022, "root", KEY, 1, "signature")


@pytest.mark.parity("H1")
def test_a_session_is_ready_when_everything_has_settled() -> None:
    progress = Progress()
    progress.expect(["ssh", "a", "b"])
    progress.phase(contract.STARTING_APPS)
    progress.app("ssh", AppReport(contract.APP_READY, "", 1))
    progress.app("a", AppReport(contract.APP_FAILED, "why"))
    assert progress.current().phase == contract.STARTING_APPS
    progress.app("b", AppReport(contract.APP_READY, "", 2, "secret"))
    report = progress.current()
    assert report.phase == contract.READY
    assert set(report.seconds) >= {"preparing", "starting_apps", "app:ssh", "app:b", "ready"}
    progress.app("b", AppReport(contract.APP_RESTARTING))
    assert progress.current().phase == contract.READY
    assert progress.newer_than(report.sequence, 1).sequence == report.sequence + 1


class Server:
    """A TaskServer in memory that can be down."""

    api_host = "http://127.0.0.1:1"

    def __init__(self) -> None:
        self.down = False
        self.runtime = {}
        self.properties = {}
        self.lines = []
        self.now = TaskStatus("in_progress", "")
        self.edits = 0

    def _check(self) -> None:
        if self.down:
            raise ServerError("down")

    def parameters(self):
        return {}

    def status(self) -> TaskStatus:
        self._check()
        return self.now

    def edit_runtime(self, properties) -> None:
        self._check()
        self.edits += 1
        self.runtime.update(properties)

    def edit_properties(self, properties) -> None:
        self._check()
        self.properties.update(properties)

    def log(self, text: str) -> None:
        self._check()
        self.lines.append(text)

    def ping(self) -> None:
        self._check()

    def stopped(self, reason: str) -> None:
        self._check()


def test_what_could_not_be_published_is_published_later() -> None:
    server, progress = Server(), Progress(["ssh"])
    publisher = Publisher(cast(Any, server), progress, lambda _text: None)
    server.down = True
    publisher.record(RECORD)
    with pytest.raises(ServerError):
        publisher.flush()
    server.down = False
    publisher.flush()
    assert Record.loads(server.runtime[contract.RUNTIME_RECORD]) == RECORD
    assert server.lines == [contract.fingerprint_line(KEY)]
    progress.app("ssh", AppReport(contract.APP_READY, "", 1, "token"))
    publisher.flush()
    publisher.flush()
    assert server.edits == 2  # nothing new, nothing sent
    assert "token" not in json.dumps(server.runtime)


def test_the_record_that_the_last_run_left_goes_with_the_first_report() -> None:
    """A server that enqueues a stopped task again keeps it, and its port may be another program's by now."""
    server = Server()
    server.runtime[contract.RUNTIME_RECORD] = RECORD.dumps()
    publisher = Publisher(cast(Any, server), Progress(["ssh"]), lambda _text: None)
    publisher.flush()
    assert server.runtime[contract.RUNTIME_RECORD] == ""
    publisher.record(RECORD)
    publisher.flush()
    assert Record.loads(server.runtime[contract.RUNTIME_RECORD]) == RECORD


def test_a_report_that_somebody_blew_up_is_cut_to_what_a_person_reads() -> None:
    huge = {
        "phase": "p" * 9999,
        "detail": "d" * 99999,
        "sequence": 1,
        "apps": {"a": {"state": "s", "detail": "d" * 99999}},
    }
    report = contract.Report.from_json(huge)
    assert len(report.phase) == contract.MAX_WORD
    assert len(report.detail) == len(report.apps["a"].detail) == contract.MAX_SENTENCE


def told(report: contract.Report) -> int:
    return len(report.detail) + sum(len(app.detail) for app in report.apps.values()) + sum(map(len, report.notices))


def test_a_report_is_bounded_as_a_whole_not_only_in_its_parts() -> None:
    sentence, secret = "s" * contract.MAX_SENTENCE, "k" * contract.MAX_SECRET
    apps = {f"a{n}": {"state": "ready", "detail": sentence, "secret": secret, "port": n} for n in range(100)}
    huge = {"phase": "ready", "detail": sentence, "sequence": 1, "apps": apps, "notices": [sentence] * 100}
    report = contract.Report.loads(json.dumps(huge))
    assert told(report) == contract.MAX_TOLD
    assert len(report.detail) == len(report.apps["a0"].detail) == contract.MAX_SENTENCE
    assert len(report.apps) == contract.MAX_APPS and report.notices == []
    kept = [app.secret for app in report.apps.values() if app.secret]
    assert 0 < len("".join(kept)) <= contract.MAX_TOLD and set(kept) == {secret}  # whole or not at all
    assert len(report.dumps()) < 3 * contract.MAX_TOLD


def test_of_many_notices_the_first_stay() -> None:
    notices = [f"{n} {'s' * 1990}" for n in range(contract.MAX_NOTICES)]
    report = contract.Report.from_json({"phase": "ready", "sequence": 1, "apps": {}, "notices": notices})
    assert told(report) == contract.MAX_TOLD and report.notices[:16] == notices[:16]
    usual = ["a sentence of a usual length, which names a file and a reason"] * contract.MAX_NOTICES
    report = contract.Report.from_json({"phase": "ready", "sequence": 1, "apps": {}, "notices": usual})
    assert report.notices == usual


def test_a_report_larger_than_any_of_ours_is_not_even_parsed() -> None:
    text = json.dumps({"phase": "ready", "sequence": 1, "apps": {}, "more": "x" * contract.MAX_REPORT})
    with pytest.raises(contract.ContractError, match="report has"):
        contract.Report.loads(text)


def compatible(progress: Progress):
    return lambda record, report: clearml_session.published(record, report, "ssh", "jupyterlab", "vscode")


def test_what_clearml_session_needs_is_published_where_it_is_wanted_only() -> None:
    progress = Progress(["ssh", "jupyterlab", "vscode"])
    record = Record("t", "gate", 31022, "ada", "ssh-ed25519 AAAA", 1)
    plain, both = Server(), Server()
    publishers = [
        Publisher(cast(Any, plain), progress, print),
        Publisher(cast(Any, both), progress, print, compatible(progress)),
    ]
    for publisher in publishers:
        publisher.flush()
    assert both.properties == {}
    progress.app("ssh", AppReport(contract.APP_READY, "", 10022))
    progress.app("jupyterlab", AppReport(contract.APP_READY, "", 8888, "the-token"))
    progress.app("vscode", AppReport(contract.APP_FAILED, "why"))
    for publisher in publishers:
        publisher.record(record)
        publisher.flush()
    assert both.properties == {
        "external_address": "gate", "external_ssh_port": "31022", "internal_ssh_port": "10022", "jupyter_port": "8888",
        "vscode_port": "-1",
    }  # fmt: skip
    assert both.runtime["_jupyter_token"] == "the-token" and both.runtime["_ssh_user"] == "ada"
    assert plain.properties == {} and "the-token" not in repr(plain.runtime)
