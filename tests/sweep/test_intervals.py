"""Means, paired differences and their intervals: against scipy, and by how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

stats = pytest.importorskip("scipy.stats")

from taxoloss.sweep.report import mean_interval, paired_difference  # noqa: E402


def seeds(values: np.ndarray) -> dict[str, float]:
    """One number a seed."""
    return {str(seed): float(value) for seed, value in enumerate(values)}


@pytest.mark.parametrize("count", [2, 3, 5, 30, 200])
def test_a_mean_is_that_of_scipy(count: int) -> None:
    values = np.random.default_rng(count).normal(3, 2, count)
    ours = mean_interval(values.tolist())
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert ours.n == count
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("count", [2, 5, 30])
def test_a_paired_difference_is_that_of_scipy(count: int) -> None:
    draw = np.random.default_rng(count)
    one, other = draw.normal(0, 1, count), draw.normal(0.5, 2, count)
    ours = paired_difference(seeds(one), seeds(other))
    test = stats.ttest_rel(one, other)
    theirs = test.confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert ours.excludes_zero == (test.pvalue < 0.05)


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


def test_nothing_to_average_is_refused() -> None:
    with pytest.raises(ValueError, match="expected numbers, got none"):
        mean_interval([])
    with pytest.raises(ValueError, match="expected common seeds, got 0 and 1"):
        paired_difference({"0": 1.0}, {"1": 1.0})


@pytest.mark.sample(3)
@pytest.mark.parametrize("count", [3, 5, 10])
def test_95_intervals_in_100_hold_the_truth(count: int) -> None:
    """4,000 sweeps of a few seeds: the share that holds the true difference is .95 within four errors."""
    draw = np.random.default_rng(count)
    truth, held, wide = 0.7, 0, 0
    for _ in range(4000):
        shared = draw.normal(0, 5, count)  # what a seed does to both arms
        flat = shared + draw.normal(0, 1, count)
        arm = shared + truth + draw.normal(0, 1, count)
        found = paired_difference(seeds(arm), seeds(flat))
        held += found.low <= truth <= found.high
        unpaired = stats.ttest_ind_from_stats(
            arm.mean(), arm.std(ddof=1), count, flat.mean(), flat.std(ddof=1), count
        )
        wide += abs(arm.mean() - flat.mean() - truth) > 0 and unpaired.pvalue > 0.05
    assert abs(held / 4000 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 4000)
    assert wide > 3900  # without pairs the seeds hide the difference
