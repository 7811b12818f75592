"""Which queues a launch may choose from. Pure functions.

A queue has tags that users give in ClearML's web page and system tags that only the API sets; a filter means both.
"""

from collections.abc import Sequence

from desktop_app.domain.accounts.account import Queue
from desktop_app.domain.launch.option_checks import items

PREFERRED, INTERNAL = "interactive", "internal"  # system tags with a meaning of their own


def offered(queues: Sequence[Queue], include: str = "", exclude: str = "") -> tuple[Queue, ...]:
    """Return the queues to offer. ``include`` and ``exclude``: tags, one per line. Without ``include``, queues that the
    server marks for interactive work are offered alone where there are any."""
    included, excluded = set(items(include)), set(items(exclude))
    left = [queue for queue in queues if not excluded & all_tags(queue)]
    if included:
        return tuple(queue for queue in left if included & all_tags(queue))
    marked = [queue for queue in left if PREFERRED in queue.system_tags]
    return tuple(marked or [queue for queue in left if INTERNAL not in queue.system_tags])


def all_tags(queue: Queue) -> set[str]:
    return {*queue.tags, *queue.system_tags}
