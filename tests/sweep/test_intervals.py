"""Means, paired differences and their intervals: against fractions, and how often they hold the truth."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

stats = pytest.importorskip("scipy.stats")

from taxoloss.sweep.report import mean_interval, paired_difference  # noqa: E402


def seeds(values: np.ndarray) -> dict[str, float]:
    """One number a seed."""
    return {str(seed): float(value) for seed, value in enumerate(values)}


def students(values: list[float], level: float = 0.95) -> tuple[float, float, float]:
    """Student's interval of a mean, low and high, and how probable one is that excludes 0, by hand.

    P(|T| <= t) = I_x(1/2, f/2) with x = t^2 / (f + t^2), I the regularised incomplete beta function, and
    f degrees of freedom; mean and variance in fractions.
    """
    numbers = [Fraction(value) for value in values]
    freedom = len(numbers) - 1
    mean = Fraction(sum(numbers)) / len(numbers)
    squares = Fraction(sum((number - mean) ** 2 for number in numbers))
    of_mean = squares / freedom / len(numbers)
    with mpmath.workdps(30):
        error = mpmath.sqrt(mpmath.mpf(of_mean.numerator) / of_mean.denominator)
        centre = mpmath.mpf(mean.numerator) / mean.denominator

        def held(t: mpmath.mpf) -> mpmath.mpf:
            return mpmath.betainc(
                0.5, mpmath.mpf(freedom) / 2, 0, t**2 / (freedom + t**2), regularized=True
            )

        point = mpmath.findroot(lambda t: held(t) - mpmath.mpf(str(level)), (1, 20), solver="anderson")
        low, high = centre - point * error, centre + point * error
        return float(low), float(high), float(1 - held(abs(centre) / error))


@pytest.mark.parametrize("count", [2, 3, 5, 30, 200])
def test_a_mean_has_students_interval(count: int) -> None:
    values = np.random.default_rng(count).normal(3, 2, count).tolist()
    ours = mean_interval(values)
    low, high, _ = students(values)
    assert ours.n == count
    assert (ours.low, ours.high) == pytest.approx((low, high))


@pytest.mark.parametrize("count", [2, 5, 30])
def test_a_paired_difference_has_that_of_the_differences(count: int) -> None:
    draw = np.random.default_rng(count)
    one, other = draw.normal(0, 1, count), draw.normal(0.5, 2, count)
    ours = paired_difference(seeds(one), seeds(other))
    low, high, chance = students((one - other).tolist())
    assert (ours.low, ours.high) == pytest.approx((low, high))
    assert ours.excludes_zero == (chance < 0.05)


def test_common_seeds_alone_count() -> None:
    ours = paired_difference({"0": 1.0, "1": 2.0, "7": 9.0}, {"1": 1.0, "0": 0.5, "8": -9.0})
    assert ours == mean_interval([0.5, 1.0])


def test_one_number_has_no_interval() -> None:
    one = mean_interval([0.5])
    assert (one.mean, one.half, one.n) == (0.5, None, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert not one.excludes_zero


def test_equal_numbers_have_an_interval_of_no_width() -> None:
    assert mean_interval([0.25] * 4).half == 0
    assert mean_interval([0.25] * 4).excludes_zero
    assert not paired_difference(seeds(np.ones(3)), seeds(np.ones(3))).excludes_zero


def test_numbers_that_are_equal_but_for_rounding() -> None:
    """An interval as narrow as their rounding, and no warning."""
    ours = paired_difference({"0": 0.9, "1": 0.8, "2": 0.3}, {"0": 0.8, "1": 0.7, "2": 0.2})
    assert ours.mean == pytest.approx(0.1)
    assert ours.half is not None
    assert 0 < ours.half < 1e-15
    assert ours.excludes_zero


def test_of_what_is_no_number_there_is_no_interval() -> None:
    """NaN among the scores is NaN in mean and ends."""
    ours = mean_interval([math.nan, 0.5])
    assert all(math.isnan(value) for value in (ours.mean, ours.low, ours.high))
    assert not ours.excludes_zero


def test_nothing_to_average_is_refused() -> None:
    with pytest.raises(ValueError, match="expected numbers, got none"):
        mean_interval([])
    with pytest.raises(ValueError, match="expected common seeds, got 0 and 1"):
        paired_difference({"0": 1.0}, {"1": 1.0})


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 5, 10])
def test_95_intervals_in_100_hold_the_truth(count: int) -> None:
    """4,000 sweeps of a few seeds: the share that holds the true difference is .95 within four errors."""
    draw = np.random.default_rng(count)
    truth, held = 0.7, 0
    arms, flats = np.empty((2, 4000, count))
    for arm, flat in zip(arms, flats, strict=True):
        shared = draw.normal(0, 5, count)  # what a seed does to both arms
        flat[:] = shared + draw.normal(0, 1, count)
        arm[:] = shared + truth + draw.normal(0, 1, count)
        found = paired_difference(seeds(arm), seeds(flat))
        held += found.low <= truth <= found.high
    assert abs(held / 4000 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 4000)
    # Without pairs the seeds hide the difference.
    unpaired = stats.ttest_ind(arms, flats, axis=1)
    off = np.abs(arms.mean(1) - flats.mean(1) - truth) > 0
    assert (off & (unpaired.pvalue > 0.05)).sum() > 3900
