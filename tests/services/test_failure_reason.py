"""Which lines of a failed task's log are its reason: real logs of agents in Docker mode, cut short."""

import pytest

from desktop_app.services.state.task_failure import AS_ROOT, HASHES, READ_ONLY, telling_lines

APT_AS_USER = """E: List directory /var/lib/apt/lists/partial is missing. - Acquire (13: Permission denied)
rm: cannot remove '/var/cache/apt/archives/partial': Permission denied
E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)
E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?
"""
NO_AGENT = "/usr/bin/python3.11: No module named clearml_agent"
DOCKER_RUN = "Executing: ['docker', 'run', '-t', '-e', 'X=1', 'nope:1', 'bash', '-c', 'echo error: ; fatal']"


def test_the_session_s_own_reason_wins_over_the_agent_s_noise() -> None:
    log = APT_AS_USER + "SessionDock: ending: /sdcache is not a folder of this user\nProcess failed, exit code 1"
    assert telling_lines([log]) == ("/sdcache is not a folder of this user",)


@pytest.mark.parametrize("end", ["finished", "the user shut the session down", "ended by its machine (SIGTERM)"])
def test_an_end_that_was_wanted_is_no_reason(end: str) -> None:
    assert telling_lines([f"error: the real one\nSessionDock: ending: {end}\n"]) == ("error: the real one",)


def test_an_image_with_a_user_gets_the_flag_that_helps() -> None:
    found = telling_lines([APT_AS_USER + NO_AGENT])
    assert found == (NO_AGENT, AS_ROOT) and "--user root" in AS_ROOT


def test_a_container_that_may_write_nothing_is_told_so() -> None:
    log = "E: List directory /var/lib/apt/lists/partial is missing. - Acquire (30: Read-only file system)\n" + NO_AGENT
    assert telling_lines([log]) == (NO_AGENT, READ_ONLY)


@pytest.mark.parametrize(
    "line",
    [
        "error: Failed to parse: `six==1.17.0 --hash=sha256:4721f391ed90541f`",  # uv's
        "ERROR: Invalid requirement: 'six==1.17.0 --hash=sha256:4721f391ed90541f'",  # pip's
    ],
)
def test_hashes_that_an_agent_can_t_take_are_named(line: str) -> None:
    found = telling_lines([f"{line}\nProcess failed, exit code 1"])
    assert found == (line, HASHES) and "leave the hashes out" in HASHES


def test_another_missing_module_gets_no_advice() -> None:
    assert telling_lines(["Permission denied: x\nModuleNotFoundError: No module named 'requests'"])[-1].endswith("'")


@pytest.mark.parametrize(
    "said",
    [
        "docker: Error response from daemon: pull access denied for nope, repository does not exist",
        'docker: Error response from daemon: exec: "bash": executable file not found in $PATH: unknown.',
    ],
)
def test_docker_s_answer_comes_first_and_not_what_was_run(said: str) -> None:
    before = f"{DOCKER_RUN}\nRunning Task 1 inside docker: nope:1 arguments: ['fatal']"
    log = f"{before}\n{said}\nProcess failed, exit code 125"
    assert telling_lines([log]) == (said,)


def test_a_full_disk_is_the_cause_of_what_came_after() -> None:
    full = "SessionDock: uv failed, trying pip: error: failed to write: No space left on device (os error 28)"
    log = f"{full}\n" + "\n".join(f"Error: Command '[…, 'ensurepip', …]' returned {n}" for n in range(9))
    assert telling_lines([log])[0] == full
