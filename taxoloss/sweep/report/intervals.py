"""Means and paired differences over seeds, with their 95 % intervals."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

__all__ = ["Interval", "mean_interval", "paired_difference"]


class Interval(NamedTuple):
    """A mean of n numbers and its 95 % interval; of one number there is none: half is None."""

    mean: float
    half: float | None
    n: int

    @property
    def low(self) -> float:
        """The lower end; NaN where there is no interval."""
        return math.nan if self.half is None else self.mean - self.half

    @property
    def high(self) -> float:
        """The upper end; NaN where there is no interval."""
        return math.nan if self.half is None else self.mean + self.half

    @property
    def excludes_zero(self) -> bool:
        """Whether there is an interval, and 0 lies outside."""
        return self.half is not None and abs(self.mean) > self.half


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean of some numbers, one a seed, and Student's interval of it.

    A seed stands for everything that it draws: a split, first weights, an order of batches. The interval
    covers that, and nothing that all seeds share.

    Raises:
        ValueError: no numbers.

    >>> mean_interval([1.0, 2.0, 3.0])
    Interval(mean=2.0, half=2.484..., n=3)

    Source: Student, "The probable error of a mean", Biometrika 6 (1908): mean ± t(n - 1, .975) s / sqrt(n).
    """
    if not values:
        raise ValueError("expected numbers, got none: nothing has no mean")
    return Interval(fmean(values), _half(values), len(values))


def paired_difference(ours: Mapping[str, float], theirs: Mapping[str, float]) -> Interval:
    """The mean over common seeds of ours - theirs, and its interval.

    Arms of one seed share its split, first weights and batches; what these do to both falls out.

    Args:
        ours: seed -> score.
        theirs: seed -> score.

    Raises:
        ValueError: no seed is in both.

    >>> paired_difference({"0": 0.9, "1": 0.8}, {"0": 0.8, "1": 0.7, "2": 0.1}).n
    2
    """
    common = [seed for seed in ours if seed in theirs]
    if not common:
        raise ValueError(f"expected common seeds, got {', '.join(ours)} and {', '.join(theirs)}")
    return mean_interval([ours[seed] - theirs[seed] for seed in common])


def _half(values: Sequence[float]) -> float | None:
    if len(values) == 1:
        return None
    if min(values) == max(values):
        return 0.0  # to scipy 0 / 0
    from scipy.stats import ttest_1samp

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of numbers that differ by their rounding alone
        low, high = ttest_1samp(values, 0).confidence_interval(0.95)
    return float(high - low) / 2
