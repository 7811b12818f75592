"""Which queues are offered: clearml-session filters on system tags only, which its documentation calls tags."""

import pytest

from desktop_app.domain.accounts.account import Queue
from desktop_app.domain.launch.queues import offered

PLAIN = Queue("q1", "plain")
GPU = Queue("q2", "gpu", tags=("gpu", "shared"))
SLOW = Queue("q3", "slow", tags=("gpu", "slow"))
SYSTEM = Queue("q4", "system", system_tags=("gpu",))
INTERNAL = Queue("q5", "internal", system_tags=("internal",))
INTERACTIVE = Queue("q6", "desks", system_tags=("interactive",))
USUAL = (PLAIN, GPU, SLOW, SYSTEM, INTERNAL)


@pytest.mark.parity("U1", "--queue-include-tag", "--queue-excluded-tag")
@pytest.mark.parametrize(
    ("include", "exclude", "found"),
    [
        ("", "", (PLAIN, GPU, SLOW, SYSTEM)),
        ("gpu", "", (GPU, SLOW, SYSTEM)),
        ("gpu", "slow", (GPU, SYSTEM)),
        ("slow\nshared", "", (GPU, SLOW)),
        ("", "gpu", (PLAIN,)),
        ("internal", "", (INTERNAL,)),
        ("none such", "", ()),
    ],
)
def test_a_filter_means_tags_and_system_tags(include: str, exclude: str, found: tuple[Queue, ...]) -> None:
    assert offered(USUAL, include, exclude) == found


def test_queues_for_interactive_work_are_preferred() -> None:
    assert offered((*USUAL, INTERACTIVE)) == (INTERACTIVE,)
    assert offered((*USUAL, INTERACTIVE), exclude="interactive") == (PLAIN, GPU, SLOW, SYSTEM)
    assert offered((*USUAL, INTERACTIVE), include="shared") == (GPU,)
