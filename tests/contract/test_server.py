"""The contract of ports.Server, held by the fake and by the real client over HTTP to the sandbox's API server."""

from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import SeenTask, TaskDraft
from desktop_app.domain.problems import AppError, Cancelled
from desktop_app.domain.sessions.again import LaunchedTask
from desktop_app.domain.sessions.snapshot import End, Remote
from remote_bootstrap import contract
from remote_bootstrap.contract import PARAM_PASSWORD_HASH, READY, STOPPING, AppReport, Record, Report
from tests.fakes.outside import HOST_KEY
from tests.support.server_rigs import AGENT, FakeRig, HttpRig, ServerRig

NAME = 'Ada\'s "first" session, ünï 会话 🚀'
DRAFT = TaskDraft(NAME, "Team/Ada's (project) [x]", "print('hi')\n", ("clearml==2.1.12", "tqdm"), {"contract": "1"})
REPORT = Report(READY, "fine", 3, {"ssh": AppReport("ready", "", 10022)}, {"ready": 4.5})


@pytest.fixture(params=["fake", "http"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerRig]:
    made: ServerRig = FakeRig() if request.param == "fake" else HttpRig(tmp_path)
    try:
        made.add_queue("gpu (a100)", AGENT)
        made.add_queue("nobody's")
        yield made
    finally:
        made.close()


def soon() -> Cancel:
    return Cancel(10.0)


def record_of(task: str) -> Record:
    return Record(task, "10.0.0.7", 10022, "ada", HOST_KEY, 1, "signature")


def queued(rig: ServerRig, queue: str = "gpu (a100)") -> str:
    task = rig.server.tasks.create(DRAFT, soon())
    rig.server.tasks.enqueue(task, queue, soon())
    return task


def running(rig: ServerRig) -> str:
    task = queued(rig)
    rig.agent_takes(task)
    return task


def seen(rig: ServerRig, task: str) -> SeenTask:
    return rig.server.sessions.get(task, soon())


def code_of(caught: pytest.ExceptionInfo[AppError]) -> str:
    return caught.value.problem.code


def test_whoami(rig: ServerRig) -> None:
    who = rig.server.user.whoami(soon())
    assert who.user_id and who.user_name and who.company
    assert who.api_version == "2.34"


def test_my_keys_are_named(rig: ServerRig) -> None:
    found = rig.server.user.key_names(soon())
    assert found and all(isinstance(name, str) and name for name in found)


def test_queues_name_their_live_agents(rig: ServerRig) -> None:
    queues = {queue.name: queue for queue in rig.server.queues.all(soon())}
    assert [worker.id for worker in queues["gpu (a100)"].workers] == [AGENT]
    assert queues["gpu (a100)"].served
    assert not queues["nobody's"].served


def test_queues_count_what_waits(rig: ServerRig) -> None:
    queued(rig, "nobody's")
    queued(rig, "nobody's")
    assert {queue.name: queue.waiting for queue in rig.server.queues.all(soon())}["nobody's"] == 2


def test_a_dead_agent_serves_nothing(rig: ServerRig) -> None:
    rig.agent_is_silent_for(200)
    assert not any(queue.served for queue in rig.server.queues.all(soon()))


def test_a_created_task_waits_for_nothing(rig: ServerRig) -> None:
    task = rig.server.tasks.create(DRAFT, soon())
    facts = seen(rig, task).facts
    assert (facts.remote, facts.name, facts.project) == (Remote.CREATED, NAME, DRAFT.project)


def test_creating_twice_uses_one_project(rig: ServerRig) -> None:
    first, second = rig.server.tasks.create(DRAFT, soon()), rig.server.tasks.create(DRAFT, soon())
    assert first != second
    assert seen(rig, first).facts.project == seen(rig, second).facts.project == DRAFT.project


def test_writing_parameters_keeps_the_others(rig: ServerRig) -> None:
    task = rig.server.tasks.create(DRAFT, soon())
    rig.server.tasks.write_parameters(task, {"authorized_key": "ssh-ed25519 AAAA"}, soon())
    rig.server.tasks.write_parameters(task, {"user_folder": "/data/ü\nx"}, soon())
    assert rig.look(task) == {"contract": "1", "authorized_key": "ssh-ed25519 AAAA", "user_folder": "/data/ü\nx"}


@pytest.mark.parity("H3")
def test_parameters_of_a_running_session_can_be_read_and_added(rig: ServerRig) -> None:
    task = running(rig)
    rig.server.tasks.write_parameters(task, {"key_slots": '[["passphrase","AAAA"]]'}, soon())
    assert rig.server.tasks.parameters(task, soon()) == {"contract": "1", "key_slots": '[["passphrase","AAAA"]]'}


def test_parameters_of_another_task_are_not_read(rig: ServerRig) -> None:
    with pytest.raises(AppError) as caught:
        rig.server.tasks.parameters(rig.foreign_task(), soon())
    assert code_of(caught) == "task.foreign"


def test_how_a_session_was_launched_can_be_read_after_its_end(rig: ServerRig) -> None:
    packages = (contract.CLEARML_REQUIREMENT, "torch==2.5", "tqdm")
    draft = replace(DRAFT, docker="x:1", docker_args="--ipc host", requirements=packages)
    task = rig.server.tasks.create(draft, soon())
    rig.server.tasks.enqueue(task, "gpu (a100)", soon())
    rig.agent_takes(task)
    rig.agent_installs(task, "torch==2.5.1", "numpy==2.0")
    rig.end(task, End.SHUT_DOWN, "")
    assert rig.server.tasks.launched(task, soon()) == LaunchedTask({"contract": "1"}, "x:1", "--ipc host", packages)


@pytest.mark.parity("L1")
def test_only_our_finished_sessions_are_found_and_deleted(rig: ServerRig) -> None:
    ended, alive, theirs, other = running(rig), running(rig), rig.neighbours_session(), rig.foreign_task()
    rig.end(ended, End.SHUT_DOWN, "")
    assert [one.task for one in rig.server.sessions.finished(soon())] == [ended]
    for task in (alive, theirs, other):
        with pytest.raises(AppError) as caught:
            rig.server.tasks.remove(task, soon())
        assert code_of(caught) == "task.foreign"
    rig.server.tasks.remove(ended, soon())
    assert rig.server.sessions.finished(soon()) == ()
    assert seen(rig, alive).facts.remote is not Remote.ENDED


@pytest.mark.parity("H3")
@pytest.mark.parametrize(("queue", "watched"), [("gpu (a100)", True), ("nobody's", False)])
def test_enqueue_tells_whether_an_agent_serves_the_queue(rig: ServerRig, queue: str, watched: bool) -> None:
    task = rig.server.tasks.create(DRAFT, soon())
    assert rig.server.tasks.enqueue(task, queue, soon()) is watched
    facts = seen(rig, task).facts
    assert (facts.remote, facts.queue, facts.queue_watched) == (Remote.QUEUED, queue, watched)


def test_an_unknown_queue_is_refused_and_not_made(rig: ServerRig) -> None:
    task = rig.server.tasks.create(DRAFT, soon())
    with pytest.raises(AppError) as caught:
        rig.server.tasks.enqueue(task, "gpu .a100.", soon())
    assert code_of(caught) == "queue.unknown"
    assert len(rig.server.queues.all(soon())) in (2, 3)  # the sandbox has a default one
    assert seen(rig, task).facts.remote is Remote.CREATED


def test_dequeue_and_move(rig: ServerRig) -> None:
    task = queued(rig, "nobody's")
    rig.server.tasks.dequeue(task, soon())
    assert seen(rig, task).facts.remote is Remote.CREATED
    rig.server.tasks.enqueue(task, "gpu (a100)", soon())
    assert seen(rig, task).facts.queue == "gpu (a100)"


def test_enqueueing_twice_is_refused(rig: ServerRig) -> None:
    task = queued(rig)
    with pytest.raises(AppError) as caught:
        rig.server.tasks.enqueue(task, "gpu (a100)", soon())
    assert code_of(caught) == "server.refused"
    assert "queued" in caught.value.problem.detail


def test_enqueueing_into_another_queue_moves_the_session(rig: ServerRig) -> None:
    task = queued(rig)
    rig.server.tasks.enqueue(task, "nobody's", soon())
    facts = seen(rig, task).facts
    assert (facts.remote, facts.queue) == (Remote.QUEUED, "nobody's")


def test_a_session_becomes_ready_when_it_publishes_its_record(rig: ServerRig) -> None:
    task = running(rig)
    facts = seen(rig, task).facts
    assert (facts.remote, facts.worker, facts.worker_lost_s) == (Remote.STARTING, AGENT, 0.0)
    rig.publish(task, record_of(task).dumps(), REPORT)
    facts = seen(rig, task).facts
    assert (facts.remote, facts.record, facts.report) == (Remote.READY, record_of(task), REPORT)
    assert facts.started is not None and facts.created is not None


def test_a_damaged_record_is_told_and_not_believed(rig: ServerRig) -> None:
    task = running(rig)
    rig.publish(task, '{"task": "x"}', REPORT)
    facts = seen(rig, task).facts
    assert (facts.remote, facts.record) == (Remote.READY, None)
    assert "connection record" in facts.record_error


def test_an_agent_that_stopped_reporting_is_noticed(rig: ServerRig) -> None:
    task = running(rig)
    rig.agent_is_silent_for(200)
    assert seen(rig, task).facts.worker_lost_s == pytest.approx(200, abs=5)


def test_stopping_a_running_session_asks_the_agent(rig: ServerRig) -> None:
    task = running(rig)
    rig.server.tasks.stop(task, soon())
    facts = seen(rig, task).facts
    assert facts.remote is Remote.STOPPING and not facts.by_report
    rig.end(task, End.SHUT_DOWN, "task was stopped by tasks.stop")
    facts = seen(rig, task).facts
    assert (facts.remote, facts.end) == (Remote.ENDED, End.SHUT_DOWN)


@pytest.mark.parity("U4")
def test_stopping_a_waiting_session_ends_it_at_once(rig: ServerRig) -> None:
    task = queued(rig)
    rig.server.tasks.stop(task, soon())
    facts = seen(rig, task).facts
    assert (facts.remote, facts.end) == (Remote.ENDED, End.SHUT_DOWN)


def test_stopping_what_was_never_enqueued_deletes_it(rig: ServerRig) -> None:
    task = rig.server.tasks.create(DRAFT, soon())
    rig.server.tasks.stop(task, soon())
    with pytest.raises(AppError) as caught:
        seen(rig, task)
    assert code_of(caught) == "task.gone"


def test_stopping_twice_does_no_harm(rig: ServerRig) -> None:
    task = queued(rig)
    rig.server.tasks.stop(task, soon())
    rig.server.tasks.stop(task, soon())
    assert seen(rig, task).facts.remote is Remote.ENDED


def test_a_session_that_ends_itself_is_stopping(rig: ServerRig) -> None:
    task = running(rig)
    rig.publish(task, record_of(task).dumps(), Report(STOPPING, "", 9))
    facts = seen(rig, task).facts
    assert facts.remote is Remote.STOPPING and facts.by_report


@pytest.mark.parametrize("end", [End.FAILED, End.COMPLETED])
def test_ends_are_told_apart(rig: ServerRig, end: End) -> None:
    task = running(rig)
    rig.end(task, end, "worker execution exit code 1")
    facts = seen(rig, task).facts
    assert (facts.remote, facts.end) == (Remote.ENDED, end)
    assert facts.message == "worker execution exit code 1"


@pytest.mark.parity("U4", "list")
def test_sessions_lists_what_lives_and_what_is_asked_for(rig: ServerRig) -> None:
    alive, ended, forgotten = running(rig), running(rig), running(rig)
    rig.foreign_task()
    rig.neighbours_session()
    rig.end(ended, End.FAILED, "boom")
    rig.end(forgotten, End.FAILED, "boom")
    found = {one.task: one.facts.remote for one in rig.server.sessions.living([ended], soon())}
    assert found == {alive: Remote.STARTING, ended: Remote.ENDED}


def test_a_deleted_session_is_missing_from_the_list(rig: ServerRig) -> None:
    task = running(rig)
    rig.delete(task)
    assert rig.server.sessions.living([task], soon()) == ()


@pytest.mark.parity("U5", "shutdown")
@pytest.mark.parametrize("method", ["tasks.launched", "sessions.get", "tasks.stop"])
def test_foreign_and_missing_tasks_are_refused(rig: ServerRig, method: str) -> None:
    for task, code in ((rig.foreign_task(), "task.foreign"), ("f" * 32, "task.gone")):
        with pytest.raises(AppError) as caught:
            attrgetter(method)(rig.server)(task, soon())
        assert code_of(caught) == code


def test_the_log_pages_forward_without_gaps_or_repeats(rig: ServerRig) -> None:
    task = running(rig)
    texts = [f"line {number}\n" for number in range(1_200)]
    rig.write_log(task, *texts)
    got: list[str] = []
    since = 0
    while page := rig.server.tasks.log(task, since, soon()):
        assert len(page) <= 1_000
        got += [line.text for line in page]
        since = page[-1].timestamp
    assert got == texts
    rig.write_log(task, "the last\nof them")
    assert [line.text for line in rig.server.tasks.log(task, since, soon())] == ["the last\nof them"]


def test_a_cancelled_call_does_nothing(rig: ServerRig) -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        rig.server.tasks.create(DRAFT, cancel)
    assert rig.server.sessions.living((), soon()) == ()


def test_after_close_calls_are_cancelled(rig: ServerRig) -> None:
    rig.server.close()
    with pytest.raises(Cancelled):
        rig.server.user.whoami(soon())


@pytest.mark.parity("list")
def test_everybodys_sessions_name_their_owners(rig: ServerRig) -> None:
    mine, theirs, over = queued(rig), rig.neighbours_session(), running(rig)
    rig.end(over, End.COMPLETED, "done")
    found = {one.task: one.facts for one in rig.server.sessions.of_all_users(soon())}
    assert set(found) == {mine, theirs}
    assert found[mine].owner and found[theirs].owner and found[mine].owner != found[theirs].owner


def test_a_session_tells_whether_it_is_ours(rig: ServerRig) -> None:
    mine, theirs = queued(rig), rig.neighbours_session()
    assert rig.server.sessions.get(mine, soon()).facts.mine and not rig.server.sessions.get(mine, soon()).facts.owner
    other = rig.server.sessions.get(theirs, soon()).facts
    assert not other.mine and other.owner
    everybodys = {one.task: one.facts.mine for one in rig.server.sessions.of_all_users(soon())}
    assert everybodys == {mine: True, theirs: False}


def test_whether_a_session_has_a_password_is_told_without_its_hash(rig: ServerRig) -> None:
    tasks = [
        rig.server.tasks.create(replace(DRAFT, parameters=more), soon()) for more in ({}, {PARAM_PASSWORD_HASH: "$5$x"})
    ]
    assert [seen(rig, task).facts.has_password for task in tasks] == [False, True]


def test_tags_are_read_back(rig: ServerRig) -> None:
    task = rig.server.tasks.create(replace(DRAFT, tags=("a tag", "another")), soon())
    assert seen(rig, task).facts.tags == ("a tag", "another")


def test_a_queue_tells_its_tags(rig: ServerRig) -> None:
    rig.add_queue("tagged", tags=("gpu",))
    assert {queue.name: queue.tags for queue in rig.server.queues.all(soon())}["tagged"] == ("gpu",)


@pytest.mark.parametrize("container", ["", "team/cuda:12", "not an image"])
def test_the_image_that_a_queue_s_agents_use_is_known_from_our_newest_session_there(
    rig: ServerRig, container: str
) -> None:
    assert rig.server.queues.agent_image("gpu (a100)", soon()) == ""
    task = running(rig)
    rig.publish(task, record_of(task).dumps(), replace(REPORT, container=container))
    assert rig.server.queues.agent_image("gpu (a100)", soon()) == ("" if " " in container else container)
    with pytest.raises(AppError, match="does not exist"):
        rig.server.queues.agent_image("nope", soon())
