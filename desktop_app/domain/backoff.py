"""When to try again: a pure function of the attempt number."""

FIRST_S = 1.0
LAST_S = 30.0


def delay(attempt: int, jitter: float, first: float = FIRST_S, last: float = LAST_S) -> float:
    """Return the seconds to wait before attempt number ``attempt`` (1 = the first retry).

    Doubles from ``first`` to ``last``; ``jitter`` in [0, 1) spreads it over the upper half, so that a team's clients
    don't return to a rebooted server in the same second.
    """
    if attempt < 1:
        raise ValueError("attempts count from 1")
    full = min(last, first * 2.0 ** min(attempt - 1, 16))
    return full * (0.5 + 0.5 * jitter)
