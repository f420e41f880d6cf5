"""Which branches gained and lost most: sums by hand, intervals that hold all at once, also over groups."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics import MetricCollection

import taxoloss
from taxoloss import metrics
from taxoloss.evaluation import comparison
from taxoloss.evaluation.branches import LEAST, MOST, Branches, compare_branches
from taxoloss.evaluation.samples import Piece

#: Ranks are missing: y stands below the root's child, P is the only family of A.
TREE = {
    "levels": ["order", "family", "species"],
    "tree": {
        "A": {"P": ["a", "b"]},
        "B": {"Q": ["c", "d"], "R": ["e"]},
        "C": [{"name": "y", "level": "species"}],
    },
}


def bound() -> taxoloss.Taxonomy:
    """The tree, in another order than that of its file."""
    return taxoloss.load(TREE).bind(["d", "a", "y", "e", "b", "c"], node_targets=True)


def everything(t: taxoloss.Taxonomy, *arguments: Any, **more: Any) -> dict[tuple[str, ...], Any]:
    """All branches that differ, by their paths: no more than ten."""
    found = compare_branches(t, *arguments, **more)
    assert max(len(found.gained), len(found.lost)) <= MOST
    return {branch.path: branch for branch in (*found.gained, *found.lost)}


def by_hand(path: tuple[str, ...], t: taxoloss.Taxonomy, target: Any, a: Any, b: Any, units: Any) -> Any:
    """Share of a and b, centre and error of a branch: units in a list, with the two imaginary ones."""
    below = np.array([t.path(int(y))[: len(path)] == path for y in target])
    gain = b.astype(int) - a.astype(int)
    chosen = [below & (units == unit) for unit in np.unique(units[below])]
    mean = below.sum() / len(chosen)
    sizes = np.array([*(rows.sum() for rows in chosen), mean, mean])
    gains = np.array([*(gain[rows].sum() for rows in chosen), mean, -mean])
    centre = gains.sum() / sizes.sum()
    spread = max((gains**2).sum(), ((gains - centre * sizes) ** 2).sum())
    return a[below].mean(), b[below].mean(), below.sum(), centre, spread**0.5 / sizes.sum()


@given(seed=st.integers(0, 10_000), groups=st.sampled_from([None, 3, 30]))
def test_the_numbers_of_a_branch(seed: int, groups: int | None) -> None:
    """Of truths at any depth, with groups that reach over branches."""
    t = bound()
    r = np.random.default_rng(seed)
    target = r.integers(0, t.num_nodes - 1, 150)
    a, b = r.random(150) < 0.5, r.random(150) < 0.6
    units = np.arange(150) if groups is None else r.integers(0, groups, 150)
    looked_at = compare_branches(t, target, a, b, None if groups is None else units).looked_at
    z = NormalDist().inv_cdf(1 - 0.025 / looked_at)
    for path, branch in everything(t, target, a, b, None if groups is None else units).items():
        share_a, share_b, rows, centre, error = by_hand(path, t, target, a, b, units)
        assert (branch.a, branch.b, branch.rows) == pytest.approx((share_a, share_b, rows))
        assert branch.difference.value == pytest.approx(share_b - share_a)
        ends = np.clip([centre - z * error, centre + z * error], -1, 1)
        assert branch.difference[1:] == pytest.approx(tuple(ends))
        assert branch.may_be_chance == (ends[0] <= 0 <= ends[1])


def test_of_samples_it_is_mcnemar_with_one_more_on_each_side() -> None:
    """0 is outside exactly where |gained - lost| > z sqrt(gained + lost + 2)."""
    t = taxoloss.load({"tree": ["a", "b"]}).bind(node_targets=True)
    z = NormalDist().inv_cdf(0.975)
    for gained in range(40):
        for lost in range(0, 40, 7):
            a, b = np.zeros(100, bool), np.zeros(100, bool)
            b[:gained], a[40 : 40 + lost] = True, True
            target = np.zeros(100, np.int64)
            target[99] = 1
            sure = abs(gained - lost) > z * (gained + lost + 2) ** 0.5
            assert sure == any(not found.may_be_chance for found in everything(t, target, a, b).values())


def test_small_branches_and_those_that_say_what_a_child_says_are_left_out() -> None:
    """A holds P alone, whose samples are all a; b has one sample too few; the root is no branch."""
    t = bound()
    names = ["a"] * LEAST + ["c"] * LEAST + ["d"] * (LEAST - 1)
    target = t.node_ids(names).numpy()
    right = np.ones(len(names), bool)
    found = compare_branches(t, target, ~right, right)
    assert {branch.path for branch in found.gained} == {("A", "P", "a"), ("B", "Q"), ("B", "Q", "c")}
    assert found.looked_at == 3


def test_nothing_to_look_at() -> None:
    t = bound()
    target = t.node_ids(["a"] * (LEAST - 1)).numpy()
    right = np.ones(LEAST - 1, bool)
    assert compare_branches(t, target, ~right, right) == Branches((), (), ())


def test_the_first_gained_most_surely() -> None:
    """By the nearer end: 60 of 200 before 12 of 20; what may be chance is last, whatever its size."""
    t = taxoloss.load({"tree": [*"pqrs"]}).bind(node_targets=True)
    rows = {"p": (200, 60), "q": (20, 12), "r": (10, 5), "s": (300, 10)}
    target = np.concatenate([np.full(n, t.node_id(name)) for name, (n, _) in rows.items()])
    b = np.concatenate([np.arange(n) < k for n, k in rows.values()])
    gained = compare_branches(t, target, np.zeros(len(b), bool), b).gained
    near = [max(0.0, branch.difference.low) for branch in gained]
    assert near == sorted(near, reverse=True)
    assert [branch.path[0] for branch in gained][:2] == ["p", "q"]
    lost = compare_branches(t, target, b, np.zeros(len(b), bool)).lost
    assert [branch.path for branch in lost] == [branch.path for branch in gained]


# -- how often intervals hold ----------------------------------------------------------------------


def _alike(r: Any, n: int, groups: int | None) -> tuple[Any, Any, Any]:
    """Two models that are as often right as each other; within a group they go one way mostly."""
    units = np.arange(n) if groups is None else r.integers(0, groups, n)
    lean = r.random(units.max() + 1) < 0.5
    one, other = r.random(n) < 0.75, r.random(n) < 0.55
    first = lean[units]
    return np.where(first, one, other), np.where(first, other, one), units


@pytest.mark.parametrize("groups", [None, 40])
def test_all_branches_of_models_that_are_alike_hold_0_at_once(groups: int | None) -> None:
    """In 95 % of cases or more, of 300 (whose share has a standard error of 1.3 %)."""
    t = taxoloss.load("pets").bind(node_targets=True)
    r = np.random.default_rng(0)
    wrong = 0
    for _ in range(300):
        target = r.integers(0, 37, 800)
        a, b, units = _alike(r, 800, groups)
        found = compare_branches(t, target, a, b, None if groups is None else units)
        assert found.looked_at > 30
        wrong += any(not branch.may_be_chance for branch in (*found.gained, *found.lost))
    assert wrong / 300 < 0.05 + 3 * 0.013


@pytest.mark.parametrize("gain", [0.1, 0.3])
def test_the_intervals_of_a_branch_hold_the_difference(gain: float) -> None:
    """One branch, 25 samples, b right in `gain` more: the true difference is inside in 95 % or more."""
    t = taxoloss.load({"tree": ["a", "b"]}).bind(node_targets=True)
    r = np.random.default_rng(1)
    target = np.array([0] * 25 + [1])
    inside = 0
    for _ in range(1000):
        luck = r.random(26)
        a, b = luck < 0.4, (luck < 0.35) | (luck > 0.95 - gain)
        found = compare_branches(t, target, a, b)
        branches = (*found.gained, *found.lost)
        inside += all(branch.difference.low <= gain <= branch.difference.high for branch in branches)
    assert inside / 1000 > 0.95 - 3 * 0.007


def _interval(t: Any, target: Any, a: Any, b: Any, groups: Any) -> Any:
    """The interval of the accuracy at the only level, by `compare`."""
    pieces = [Piece(1, torch.from_numpy(np.where(right, target, 1 - target)), torch.from_numpy(target))
              for right in (a, b)]  # fmt: skip
    wanted = MetricCollection({"right": metrics.FullPathAccuracy(t)})
    found = comparison.compare([(pieces[0], pieces[1])], t, wanted, groups, draws=200)
    return found.scores["right"].interval


@pytest.mark.parametrize("grouped", [False, True])
def test_the_intervals_of_scores_hold_the_difference(grouped: bool) -> None:
    """About 95 % of 120 (with a standard error of 2 %); of groups drawn row by row far fewer."""
    t = taxoloss.load({"tree": ["a", "b"]}).bind(node_targets=True)
    r = np.random.default_rng(2)
    held = blind = 0
    for _ in range(120):
        a, b, units = _alike(r, 400, 40 if grouped else None)
        if grouped:  # all of a group go one way
            b = np.where(r.random(40)[units] < 0.5, a, ~a)
        target = r.integers(0, 2, 400)
        truth = 0.5 - 0.65 if grouped else 0.0
        names = [f"g{unit}" for unit in units]
        low, high = _interval(t, target, a, b, names if grouped else None)[1:]
        held += low <= truth <= high
        low, high = _interval(t, target, a, b, None)[1:] if grouped else (low, high)
        blind += low <= truth <= high
    assert held / 120 > 0.95 - 3 * 0.02
    assert not grouped or blind < held - 6
