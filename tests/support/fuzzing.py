"""How thorough the property tests are: the same examples in every run, and no verdict on speed."""

from hypothesis import HealthCheck, settings

thorough = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
