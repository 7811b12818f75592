"""When to try again."""

import pytest

from desktop_app.domain.backoff import FIRST_S, LAST_S, delay


def test_it_doubles_up_to_the_limit() -> None:
    assert [delay(n, 0.999999) for n in range(1, 5)] == pytest.approx([1, 2, 4, 8], rel=0.01)
    assert delay(50, 0.5) <= LAST_S


@pytest.mark.parametrize("attempt", [1, 3, 10, 10_000])
def test_jitter_spreads_over_the_upper_half(attempt: int) -> None:
    low, high = delay(attempt, 0.0), delay(attempt, 0.999999)
    assert FIRST_S / 2 <= low < high <= LAST_S
    assert low == pytest.approx(high / 2, rel=0.01)


def test_attempts_count_from_one() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        delay(0, 0.5)
