"""How many examples hypothesis tries: as many as a test says, or the share of them that the profile has."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def examples(number: int) -> int:
    """Of hundred examples a profile's `max_examples`: all by default, a quarter in the profile "fast"."""
    return max(1, number * settings().max_examples // 100)


#: No time limits, the same examples on every run, and no complaint of how they are drawn.
CALM = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

#: No time limits, and the same examples on every run.
SETTINGS = settings(
    deadline=None,
    max_examples=examples(40),
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
